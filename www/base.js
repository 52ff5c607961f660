// What every page has: words, elements, figures, the API, spoken messages, notes, theme, shortcut, health and the live dot.
import words from './words/en.js';

export { words };

// ---- Elements. Text is always set as text, never as markup: course names and file names come from strangers. ----

export const $ = id => document.getElementById(id);

/** An element: attributes (false, null and undefined are left out; on… are listeners) and children (nodes or text). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter(child => child !== undefined && child !== null && child !== false));
  return element;
}

/** The same for SVG, without listeners. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const icons = {
  tick: 'M5 12.5 10 17.5 19 7.5',
  warn: 'M12 4.2 2.8 20h18.4zM12 10v4.6M12 17.4v.2',
  bad: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.6v.2',
  arrow: 'M4 12h15M13 6l6 6-6 6',
  plus: 'M12 5v14M5 12h14',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2',
  down: 'M12 4v11M7 10.5 12 15.5 17 10.5M4 16v4h16v-4',
  up: 'M12 15.5V4.5M7 9.5 12 4.5 17 9.5M4 16v4h16v-4',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4.2 4.2 0 0 0-6-6l-1.5 1.5M14 10a4 4 0 0 0-6-.4l-3 3a4.2 4.2 0 0 0 6 6l1.5-1.5',
  out: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  flag: 'M6 21V4h12l-3 4 3 4H6',
};

export const icon = name => svg('svg', { viewBox: '0 0 24 24', class: `icon i-${name}`, 'aria-hidden': 'true' }, svg('path', { d: icons[name] }));

/** Shows or hides; the element keeps its place in the page. */
export const show = (element, on) => { element.hidden = !on; };

/** Puts the keyboard on something that is no control (a heading, a note) so that it is read out and Tab goes on from there. */
export function focusOn(element) {
  if (!element.hasAttribute('tabindex')) element.tabIndex = -1;
  element.focus();
}

// ---- Figures ----

/** 212 KB, 1.4 MB: decimal units, as people's file managers show them. */
export function size(bytes) {
  let unit = 0;
  while (bytes >= 999.5 && unit < words.units.length - 1) { bytes /= 1000; unit++; }
  return `${bytes.toLocaleString(words.locale, { maximumFractionDigits: unit > 1 && bytes < 999 ? 1 : 0 })} ${words.units[unit]}`;
}

const clockFormat = new Intl.DateTimeFormat(words.locale, { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat(words.locale, { day: 'numeric', month: 'short' });
const dateFormat = new Intl.DateTimeFormat(words.locale, { day: 'numeric', month: 'short', year: 'numeric' });
const exactFormat = new Intl.DateTimeFormat(words.locale, { dateStyle: 'full', timeStyle: 'long' });

let skew_ms = 0; // server's clock minus ours, from the Date header: ages must not depend on the reader's clock
export const now = () => Date.now() + skew_ms;
const age_s = date => Math.max(0, (now() - date) / 1000);
const sameDay = (a, b) => a.toDateString() === b.toDateString();

export const clock = time => clockFormat.format(new Date(time));
export const date = time => dateFormat.format(new Date(time));

/** "4 min ago", "today, 09:12", "yesterday", "18 Nov", "18 Nov 2025". */
export function when(time) {
  const at = new Date(time), today = new Date(now()), s = age_s(at);
  if (s < 50) return words.time.now;
  if (s < 3570) return words.time.minutes(Math.max(1, Math.round(s / 60)));
  if (sameDay(at, today)) return words.time.today(clock(at));
  if (sameDay(at, new Date(today - 864e5))) return words.time.yesterday;
  return (at.getFullYear() === today.getFullYear() ? dayFormat : dateFormat).format(at);
}

/** "0 to 2 s ago" is "just now"; used where the age itself is the news. */
export const ago = time => { const s = Math.round(age_s(new Date(time))); return s < 2 ? words.time.now : s < 120 ? words.time.seconds(s) : when(time); };
export const silentFor = time => (time ? words.time.silent(Math.round(age_s(new Date(time)))) : '');
export const ageSeconds = time => age_s(new Date(time));

/** A <time> with the exact moment behind the short words. */
export const timeElement = (time, text = when(time)) => h('time', { datetime: time, title: exactFormat.format(new Date(time)) }, text);

export function kind(record) {
  const known = words.kinds[(record.type || '').split(';')[0]];
  const ending = /\.([A-Za-z0-9]{1,5})$/.exec(record.filename || '')?.[1];
  if (known && !(known === words.kinds['text/plain'] && /^(md|markdown)$/i.test(ending || ''))) return known;
  return /^(md|markdown)$/i.test(ending || '') ? words.kinds['text/markdown'] : ending ? ending.toUpperCase() : words.kindFile;
}

/** The key of a course name as the servers make it; only a guess for drawing and for Enter: what the API answers is what counts. */
export const courseKey = name => name.normalize('NFKC').toLowerCase().replace(/ß/g, 'ss').replace(/ς/g, 'σ').normalize('NFKC').replace(/[\s\-_.]/gu, '');

// ---- The API ----

export const apiBase = '/api/v1';
export const coursePath = course => `/courses/${encodeURIComponent(course)}`;
export const syllabusPath = (course, query = {}) => {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `${apiBase}${coursePath(course)}/syllabus${search ? `?${search}` : ''}`;
};
/** The address to give away: white space is no part of a key, so the link does without. */
export const coursePage = (course, version) => `/s/${encodeURIComponent(course.replace(/\s+/gu, ''))}${version ? `?version=${encodeURIComponent(version)}` : ''}`;

export class ApiError extends Error {
  /** status 0: no answer came. problem: the RFC 9457 object, or {}. */
  constructor(status, problem = {}, retry_s = 0) {
    super(problem.detail || problem.title || (status ? `HTTP ${status}` : 'no answer'));
    Object.assign(this, { status, problem, retry_s });
  }
}

export const retryAfter = header => (/^\d+$/.test(header || '') ? Math.min(Number(header), 600) : 0);

/** Asks the API and gives the JSON (null for 204). Throws ApiError, or AbortError when the caller gave up. */
export async function api(path, options = {}) {
  let answer;
  try {
    answer = await fetch(apiBase + path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0);
  }
  const served = Date.parse(answer.headers.get('Date'));
  if (served) skew_ms = Math.abs(served - Date.now()) > 2000 ? served - Date.now() : 0;
  if (answer.status === 204) return null;
  let body;
  try {
    body = await answer.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(answer.ok ? 0 : answer.status, {}, retryAfter(answer.headers.get('Retry-After')));
  }
  if (!answer.ok) throw new ApiError(answer.status, body, retryAfter(answer.headers.get('Retry-After')));
  return body;
}

/** What to tell about a failure that has no words of its own: the server's detail and its request number. */
export const explain = error => [error.status ? (error.problem.detail || error.problem.title || '').replace(/([^.!?])$/, '$1.') : words.error.lost,
  error.problem?.request_id && words.error.request(error.problem.request_id)].filter(Boolean).join(' ');

// ---- Spoken messages and notes ----

/** Says something politely to a screen reader. The same words twice are said twice. */
export function say(text) {
  const region = $('say');
  region.textContent = '';
  setTimeout(() => { region.textContent = text; }, 30);
}

const noteIcons = { ok: 'tick', info: 'info', warn: 'warn', bad: 'bad' };

/** A note: icon, bold first sentence, what happens next, buttons. `own`: the failure of one's own action (read out at once; move the focus to it). */
export function note(level, strong, rest = [], { actions = [], own = false, id, glyph } = {}) {
  const first = h('strong', own ? { role: 'alert' } : {}, strong);
  return h('div', { class: `note ${level}`, id, role: own ? 'group' : 'status', tabindex: own ? -1 : null, 'data-level': level },
    icon(glyph || noteIcons[level]),
    h('div', {}, h('p', {}, first, ' ', rest), actions.length > 0 && h('div', { class: 'actions' }, actions)));
}

export const button = (text, onclick, attributes = {}) => h('button', { type: 'button', class: 'button', onclick, ...attributes }, text);

/** Makes `control` copy what `field` holds. Without the clipboard right (plain http) the field is selected instead. */
export function copyButton(control, field) {
  const label = control.querySelector('span');
  const flash = text => { label.textContent = text; setTimeout(() => { label.textContent = words.copy.button; }, 2000); };
  control.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      flash(words.copy.done);
      say(words.copy.said);
    } catch {
      field.focus();
      field.select();
      flash(words.copy.keys);
      say(words.copy.saidKeys);
    }
  });
}

// ---- Theme and shortcut: kept on this machine only; a browser that forbids storage just forgets them ----

const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* forgotten at the next page */ } };
const kept = name => { try { return localStorage.getItem(name); } catch { return null; } };

const themes = ['system', 'light', 'dark'];
let theme = themes.includes(kept('theme')) ? kept('theme') : 'system';
let shortcut = kept('shortcut') !== 'off';

function applyTheme() {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function startFooter() {
  const themeButton = $('theme'), shortcutButton = $('shortcut');
  const label = () => {
    themeButton.lastElementChild.textContent = words.footer.theme[theme];
    shortcutButton.lastElementChild.textContent = words.footer.shortcut[shortcut ? 'on' : 'off'];
    document.documentElement.classList.toggle('no-shortcut', !shortcut);
  };
  themeButton.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    keep('theme', theme);
    applyTheme();
    label();
  });
  shortcutButton.addEventListener('click', () => { shortcut = !shortcut; keep('shortcut', shortcut ? 'on' : 'off'); label(); });
  label();
  document.addEventListener('keydown', event => {
    if (event.key !== '/' || !shortcut || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, [contenteditable], dialog')) return;
    event.preventDefault();
    const field = $('q');
    if (field) { field.focus(); field.select(); } else location.href = '/#q';
  });
}

// ---- Health: one state of the cluster in words ----

/** What `GET /cluster` means: {level, short, strong, rest}. Red only when something cannot be read. */
export function healthOf(cluster) {
  const silentNodes = cluster.nodes.filter(node => node.state === 'suspect' || node.state === 'out');
  const suspects = cluster.nodes.filter(node => node.state === 'suspect');
  const k = cluster.k_effective || cluster.k, needed = Math.floor(k / 2) + 1;
  const writers = cluster.nodes.filter(node => node.state === 'up' || node.state === 'draining').length;
  const level = (name, text) => ({ level: name, ...text });
  if (cluster.index_up === false) return level('warn', words.health.away(cluster.taken_at && clock(cluster.taken_at)));
  if (cluster.courses_unreadable > 0) return level('bad', words.health.unreadable(cluster.courses_unreadable, silentNodes.map(node => node.name)));
  if (writers < needed) return level('warn', words.health.noWrites(writers, needed, k));
  if (suspects.length > 0) {
    const since = suspects.map(node => node.heartbeat_at).filter(Boolean).sort().at(-1);
    const out = suspects.map(node => node.out_at).filter(Boolean).sort()[0];
    return level('warn', words.health.silent(suspects.map(node => node.name), silentFor(since), out && clock(out), cluster.copies_missing));
  }
  if (!cluster.leader) return level('warn', words.health.noLeader);
  if (cluster.copies_missing > 0) return level('info', words.health.moving(cluster.copies_missing, cluster.courses_below_k, k));
  // Where nobody counts missing copies yet (null), the machines are all that can be vouched for.
  return level('ok', cluster.copies_missing === 0 ? words.health.ok : words.health.allUp(writers));
}

const healthIcons = { ok: 'tick', info: 'arrow', warn: 'warn', bad: 'bad', unknown: 'info' };

function showHealth(health) {
  const link = $('health');
  link.dataset.level = health.level;
  link.replaceChildren(icon(healthIcons[health.level]), h('span', {}, health.short));
  show(link, true);
}

// ---- The live dot. No event stream yet: the page asks gently, only while it is visible, and says how old its picture is ----

const LIVE_MS = 5000;      // between two questions on pages that follow the cluster
const RETRY_MS = 5000;     // between two tries after a failure, on every page

/** Keeps `onCluster(cluster, health)` informed. follow: ask every 5 s; else once, and again after failures. tick: more to ask each time (async).
 *  Gives the function that asks at once. */
export function startLive({ follow = false, onCluster = () => {}, onHealth = () => {}, onRefresh = () => {}, tick = async () => {} } = {}) {
  let updated = 0, lost = false, timer = 0, running = false, last = null;
  const dot = $('live'), text = $('live-text'), refresh = $('refresh');

  const label = () => {
    const offline = navigator.onLine === false;
    dot.dataset.state = lost || offline ? 'lost' : 'live';
    text.textContent = offline ? words.footer.offline(updated && clock(updated))
      : lost ? words.footer.lost
      : !updated ? '' : follow ? words.footer.updated(ago(updated)) : words.footer.asOf(clock(updated));
    show(refresh, lost || offline || (!follow && updated > 0));
  };

  const take = answer => {
    last = answer;
    const health = healthOf(answer);
    showHealth(health);
    onCluster(answer, health);
    onHealth(health, answer);
  };

  const unknown = error => {
    const health = error.status === 503 ? { level: 'warn', ...words.health.away(updated && clock(updated)) } : { level: 'unknown', ...words.health.unknown };
    showHealth(health);
    onHealth(health, last);
  };

  /** Asks for the cluster and for what the page adds, both at once; one failing does not hide the other's answer. */
  async function ask() {
    clearTimeout(timer);
    if (running) return;
    running = true;
    const asking = api('/cluster').then(take).catch(error => { unknown(error); throw error; });
    const failed = (await Promise.allSettled([asking, tick()])).filter(one => one.status === 'rejected').map(one => one.reason);
    running = false;
    if (failed.length === 0) updated = now();
    if (lost !== failed.length > 0) say(!lost ? words.footer.lost : words.footer.back);
    lost = failed.length > 0;
    label();
    if (!document.hidden && (follow || lost)) timer = setTimeout(ask, lost ? RETRY_MS : LIVE_MS);
    const bug = failed.find(error => !(error instanceof ApiError));
    if (bug) throw bug; // a mistake of ours belongs in the console, but the page goes on asking
  }

  refresh.addEventListener('click', () => { ask(); onRefresh(); });
  document.addEventListener('visibilitychange', () => { if (document.hidden) clearTimeout(timer); else if (follow || lost) ask(); });
  window.addEventListener('online', ask);
  window.addEventListener('offline', label);
  setInterval(() => { if (!document.hidden) label(); }, 1000);
  ask();
  return ask;
}

applyTheme();
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', startFooter);
else startFooter();
