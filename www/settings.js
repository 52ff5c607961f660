// What holds for everybody: the form of the settings. All of them are sent, on condition that nobody else changed them meanwhile.
import { $, ApiError, api, explain, focusOn, note } from './base.js';
import { busily, wrong } from './ask.js';
import words from './words/en-people.js';

const t = words.settings;
const HOUR_S = 3600;
const LEAST_S = 60;
const MOST_S = 34560000;
const GB = 1e9;
const PROXIES_MAX = 8;
const switches = ['public_read', 'public_upload', 'moderate'];

let tag = null; // the ETag of what is shown

const keepTag = headers => {
  tag = headers.get('ETag');
};

/** A figure without a tail of digits. */
const short = value => String(Math.round(value * 1000) / 1000);

export async function drawSettings() {
  const settings = await api('/settings', { onHeaders: keepTag });
  for (const name of switches) $(name).checked = settings[name];
  $('idle').value = short(settings.session_idle_s / HOUR_S);
  $('end').value = short(settings.session_end_s / HOUR_S);
  $('quota').value = settings.quota_user_bytes === null ? '' : short(settings.quota_user_bytes / GB);
  $('quota-all').value = settings.quota_cluster_bytes === null ? '' : short(settings.quota_cluster_bytes / GB);
  $('proxies').value = settings.trusted_proxies.join(', ');
}

const decimal = text => (/^\d{1,9}([.,]\d{1,6})?$/.test(text.trim()) ? Number(text.trim().replace(',', '.')) : NaN);
const seconds = id => Math.round(decimal($(id).value) * HOUR_S);
const bytes = id => ($(id).value.trim() === '' ? null : Math.round(decimal($(id).value) * GB));
const proxies = () => $('proxies').value.split(',').map(one => one.trim()).filter(Boolean);

function check() {
  for (const id of ['idle', 'end']) wrong($(id), seconds(id) >= LEAST_S && seconds(id) <= MOST_S ? '' : t.badHours);
  if (seconds('idle') > seconds('end')) wrong($('idle'), t.idleMore);
  for (const id of ['quota', 'quota-all']) wrong($(id), Number.isNaN(bytes(id)) ? t.badRoom : '');
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
    session_idle_s: seconds('idle'),
    session_end_s: seconds('end'),
    quota_user_bytes: bytes('quota'),
    quota_cluster_bytes: bytes('quota-all'),
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
