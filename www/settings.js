// What holds for everybody: the form of the settings. All of them are sent, on condition that nobody else changed them meanwhile.
import { $, ApiError, api, explain, focusOn, note } from './base.js';
import { busily, figure, wrong } from './ask.js';
import words from './words/en-people.js';

const t = words.settings;
const HOUR_S = 3600;
const LEAST_S = 60;
const MOST_S = 34560000;
export const GB = 1e9;
const HOURS = { idle: 'session_idle_s', end: 'session_end_s' };
const ROOM = { quota: 'quota_user_bytes', 'quota-all': 'quota_cluster_bytes' };
const PROXIES_MAX = 8;
const switches = ['public_read', 'public_upload', 'moderate'];

let tag = null; // the ETag of what is shown
const figures = {}; // what stands in the fields, by id

/** Of good answers only: a failure has none, and must not make the next change unconditional. */
const keepTag = headers => {
  tag = headers.get('ETag') ?? tag;
};

export async function drawSettings() {
  const settings = await api('/settings', { onHeaders: keepTag });
  for (const name of switches) $(name).checked = settings[name];
  for (const [id, name] of Object.entries(HOURS)) figures[id] = figure($(id), settings[name], HOUR_S);
  for (const [id, name] of Object.entries(ROOM)) figures[id] = figure($(id), settings[name], GB);
  $('proxies').value = settings.trusted_proxies.join(', ');
}

const proxies = () => $('proxies').value.split(',').map(one => one.trim()).filter(Boolean);

function check() {
  for (const id of Object.keys(HOURS)) wrong($(id), figures[id]() >= LEAST_S && figures[id]() <= MOST_S ? '' : t.badHours);
  if (figures.idle() > figures.end()) wrong($('idle'), t.idleMore);
  for (const id of Object.keys(ROOM)) wrong($(id), Number.isNaN(figures[id]()) ? t.badRoom : '');
  wrong($('proxies'), proxies().length <= PROXIES_MAX && proxies().every(one => /^[0-9a-f.:]+$/i.test(one)) ? '' : t.badProxies);
  const bad = $('settings-form').querySelector('[aria-invalid]');
  bad?.focus();
  return !bad;
}

function tell(level, strong, rest) {
  const box = note(level, strong, rest, { own: level !== 'ok' });
  $('settings-notes').replaceChildren(box);
  focusOn(box);
}

async function save() {
  const json = {
    ...Object.fromEntries(switches.map(name => [name, $(name).checked])),
    ...Object.fromEntries(Object.entries({ ...HOURS, ...ROOM }).map(([id, name]) => [name, figures[id]()])),
    trusted_proxies: proxies(),
  };
  try {
    await api('/settings', { method: 'PUT', json, headers: tag ? { 'If-Match': tag } : {}, onHeaders: keepTag });
    tell('ok', t.saved, t.savedRest);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 412 || error.status === 409) {
      await drawSettings();
      tell('warn', t.race, t.raceRest);
    } else {
      tell('bad', t.failed, explain(error));
    }
  }
}

$('settings-form').addEventListener('input', event => {
  if (event.target.matches('[aria-invalid]')) wrong(event.target, '');
});
$('settings-form').addEventListener('submit', event => {
  event.preventDefault();
  if (check()) busily($('settings-go'), t.saving, save);
});
