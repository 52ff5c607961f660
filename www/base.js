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
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c0-4 3.300-6 7.500-6s7.500 2 7.500 6',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
};

export const icon = name =>
  svg('svg', { viewBox: '0 0 24 24', class: `icon i-${name}`, 'aria-hidden': 'true' }, svg('path', { d: icons[name] }));

/** Shows or hides; the element keeps its place in the page. */
export const show = (element, on) => {
  element.hidden = !on;
};

/** Puts the keyboard on something that is no control (a heading, a note) so that it is read out and Tab goes on from there. */
export function focusOn(element) {
  if (!element.hasAttribute('tabindex')) element.tabIndex = -1;
  element.focus();
}

const escape = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** `text` as nodes, the beginnings of words that were typed marked yellow. */
export function marked(text, typed) {
  const parts = typed.split(/[\s,;:"“”]+/u).filter(Boolean);
  if (parts.length === 0) return [text];
  const found = new RegExp(`(?<![\\p{L}\\p{N}])(?:${parts.map(escape).join('|')})`, 'giu');
  const nodes = [];
  let last = 0;
  for (const hit of text.matchAll(found)) {
    nodes.push(text.slice(last, hit.index), h('mark', {}, hit[0]));
    last = hit.index + hit[0].length;
  }
  return [...nodes, text.slice(last)];
}

// ---- Figures ----

/** 212 KB, 1.4 MB: decimal units, as people's file managers show them. */
export function size(bytes) {
  let unit = 0;
  while (bytes >= 999.5 && unit < words.units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${bytes.toLocaleString(words.locale, { maximumFractionDigits: unit > 1 && bytes < 999 ? 1 : 0 })} ${words.units[unit]}`;
}

const clockFormat = new Intl.DateTimeFormat(words.locale, { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat(words.locale, { day: 'numeric', month: 'short' });
const dateFormat = new Intl.DateTimeFormat(words.locale, { day: 'numeric', month: 'short', year: 'numeric' });
const exactFormat = new Intl.DateTimeFormat(words.locale, { dateStyle: 'full', timeStyle: 'long' });

let skew_ms = 0; // server's clock minus ours, from the Date header: ages must not depend on the reader's clock
export const now = () => Date.now() + skew_ms;
export const ageSeconds = time => Math.max(0, (now() - new Date(time)) / 1000);
const DAY_MS = 86400000;
const sameDay = (a, b) => a.toDateString() === b.toDateString();

export const clock = time => clockFormat.format(new Date(time));
export const date = time => dateFormat.format(new Date(time));

/** "4 min ago", "today, 09:12", "yesterday", "18 Nov", "18 Nov 2025". */
export function when(time) {
  const at = new Date(time);
  const today = new Date(now());
  const s = ageSeconds(time);
  if (s < 50) return words.time.now;
  if (s < 3570) return words.time.minutes(Math.max(1, Math.round(s / 60)));
  if (sameDay(at, today)) return words.time.today(clock(at));
  if (sameDay(at, new Date(today - DAY_MS))) return words.time.yesterday;
  return (at.getFullYear() === today.getFullYear() ? dayFormat : dateFormat).format(at);
}

/** "just now", "41 s ago", then as when(); for places where the age itself is the news. */
export function ago(time) {
  const s = Math.round(ageSeconds(time));
  if (s < 2) return words.time.now;
  return s < 120 ? words.time.seconds(s) : when(time);
}

/** "41 s", "3 h"; "" when nobody knows since when. */
export const silentFor = time => (time ? words.time.silent(Math.round(ageSeconds(time))) : '');

/** A <time> with the exact moment behind the short words. */
export const timeElement = (time, text = when(time)) => h('time', { datetime: time, title: exactFormat.format(new Date(time)) }, text);

/** What people call a file's kind: by its media type, else by how its name ends. Markdown often calls itself plain text. */
export function kind({ type = '', filename = '' }) {
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(filename)?.[1].toUpperCase();
  const known = words.kinds[type.split(';')[0]];
  if ((!known || type.startsWith('text/plain')) && /^(MD|MARKDOWN)$/.test(ending)) return words.kinds['text/markdown'];
  return known || ending || words.kindFile;
}

/** The key of a course name as the servers make it. A guess, for drawing and for Enter: what the API answers is what counts. */
export function courseKey(name) {
  const folded = name.normalize('NFKC').toLowerCase().replace(/ß/g, 'ss').replace(/ς/g, 'σ');
  return folded.normalize('NFKC').replace(/[\s\-_.]/gu, '');
}

// ---- The API ----

export const apiBase = '/api/v1';

/** A course's path for api(). */
export const coursePath = course => `/courses/${encodeURIComponent(course)}`;

/** The address of a syllabus' bytes; empty values of query are left out. */
export function syllabusPath(course, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `${apiBase}${coursePath(course)}/syllabus${search && `?${search}`}`;
}

/** A course's page, to give away: white space is no part of a key, so the link does without. */
export function coursePage(course, version) {
  return `/s/${encodeURIComponent(course.replace(/\s+/gu, ''))}${version ? `?version=${encodeURIComponent(version)}` : ''}`;
}

export class ApiError extends Error {
  /** status 0: no answer came. problem: the RFC 9457 object, or {}. */
  constructor(status, problem = {}, retry_s = 0) {
    super(problem.detail || problem.title || (status ? `HTTP ${status}` : 'no answer'));
    Object.assign(this, { status, problem, retry_s });
  }
}

const RETRY_AFTER_MAX_S = 600;

/** Seconds of a Retry-After header; 0 when there is none. */
export const retryAfter = header => (/^\d+$/.test(header || '') ? Math.min(Number(header), RETRY_AFTER_MAX_S) : 0);

/**
 * What session.js knows and the API wants: `headers()` are what a request that changes something has to carry; `refused(status, isChange)` is asked after a
 * 401 or 403 and says whether it is worth asking once more.
 */
const gate = { headers: async () => ({}), refused: async () => false };
export const setGate = made => Object.assign(gate, made);
export const changeHeaders = () => gate.headers();

const isChange = ({ method = 'GET' }) => method !== 'GET' && method !== 'HEAD';

/** Asks the API and gives the JSON (null for 204). Who has to sign in first is asked to, and then it goes on. Throws ApiError, or AbortError when the caller gave up. */
export async function api(path, options = {}) {
  try {
    return await apiOnce(path, options);
  } catch (error) {
    const isRefused = error.status === 401 || error.status === 403;
    if (!isRefused || !(await gate.refused(error.status, isChange(options)))) throw error;
    return apiOnce(path, options);
  }
}

/** The same, but a refusal is only told. `json` is sent as the body; `onHeaders` is shown the answer's headers. */
export async function apiOnce(path, { json, onHeaders, ...options } = {}) {
  let answer;
  const headers = { ...options.headers, ...(json && { 'Content-Type': 'application/json' }), ...(isChange(options) && (await gate.headers())) };
  try {
    answer = await fetch(apiBase + path, { ...options, headers, ...(json && { body: JSON.stringify(json) }) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0);
  }
  learnClock(answer.headers.get('Date'));
  onHeaders?.(answer.headers);
  if (answer.status === 204) return null;
  let body;
  try {
    body = await answer.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    if (answer.ok) throw new ApiError(0); // it broke off in the middle
    body = {}; // an error page that is not ours: its status says enough
  }
  if (!answer.ok) throw new ApiError(answer.status, body, retryAfter(answer.headers.get('Retry-After')));
  return body;
}

/** A Date header has whole seconds: smaller differences are no news. */
function learnClock(header) {
  const ahead_ms = Date.parse(header) - Date.now();
  if (!Number.isNaN(ahead_ms)) skew_ms = Math.abs(ahead_ms) > 2000 ? ahead_ms : 0;
}

/** What to tell about a failure that has no words of its own: the server's detail and its request number. */
export function explain({ status, problem }) {
  if (!status) return words.error.lost;
  const detail = (problem.detail || problem.title || '').replace(/([^.!?])$/, '$1.');
  return [detail, problem.request_id && words.error.request(problem.request_id)].filter(Boolean).join(' ');
}

// ---- Spoken messages and notes ----

/** Says something politely to a screen reader. The same words twice are said twice. */
export function say(text) {
  const region = $('say');
  region.textContent = '';
  setTimeout(() => {
    region.textContent = text;
  }, 30);
}

const noteIcons = { ok: 'tick', info: 'info', warn: 'warn', bad: 'bad' };

/**
 * A note: icon, bold first sentence, what happens next, buttons. own: it tells of the failure of one's own action; it is then
 * read out at once and can take the focus.
 */
export function note(level, strong, rest = [], { actions = [], own = false, id, glyph } = {}) {
  const first = h('strong', own ? { role: 'alert' } : {}, strong);
  const attributes = { class: `note ${level}`, id, role: own ? 'group' : 'status', tabindex: own && -1, 'data-level': level };
  const buttons = actions.length > 0 && h('div', { class: 'actions' }, actions);
  return h('div', attributes, icon(glyph || noteIcons[level]), h('div', {}, h('p', {}, first, ' ', rest), buttons));
}

export const button = (text, onclick, attributes = {}) => h('button', { type: 'button', class: 'button', onclick, ...attributes }, text);

/** Makes `control` copy what `field` holds. Without the clipboard right (plain http) the field is selected instead. */
export function copyButton(control, field) {
  const label = control.querySelector('span');
  const usual = label.textContent;
  const flash = text => {
    label.textContent = text;
    setTimeout(() => {
      label.textContent = usual;
    }, 2000);
  };
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

export const keep = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    /* forgotten at the next page */
  }
};
export const kept = name => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};

const themes = ['system', 'light', 'dark'];
let theme = themes.includes(kept('theme')) ? kept('theme') : 'system';
let hasShortcut = kept('shortcut') !== 'off'; // single-key shortcuts can be turned off (WCAG 2.1.4)

function applyTheme() {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** The footer's two switches. */
function startFooter() {
  const label = () => {
    $('theme').lastElementChild.textContent = words.footer.theme[theme];
    $('shortcut').lastElementChild.textContent = words.footer.shortcut[hasShortcut ? 'on' : 'off'];
    document.documentElement.classList.toggle('no-shortcut', !hasShortcut);
  };
  $('theme').addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    keep('theme', theme);
    applyTheme();
    label();
  });
  $('shortcut').addEventListener('click', () => {
    hasShortcut = !hasShortcut;
    keep('shortcut', hasShortcut ? 'on' : 'off');
    label();
  });
  label();
}

/** "/" starts a search from any page. */
document.addEventListener('keydown', event => {
  if (event.key !== '/' || !hasShortcut || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select, [contenteditable], dialog')) return;
  event.preventDefault();
  const field = $('q');
  if (!field) {
    location.href = '/#q';
    return;
  }
  field.focus();
  field.select();
});

// ---- Health: one state of the cluster in words ----

/** What `GET /cluster` means: {level, short, strong, rest}. Red only when something cannot be read. */
function healthOf(cluster) {
  const w = words.health;
  const inState = (...states) => cluster.nodes.filter(node => states.includes(node.state));
  const suspects = inState('suspect');
  const writers = inState('up', 'draining').length;
  const needed = Math.floor(cluster.k_effective / 2) + 1;
  const names = nodes => nodes.map(node => node.name);
  if (cluster.index_up === false) return { level: 'warn', ...w.away(cluster.taken_at && clock(cluster.taken_at)) };
  if (cluster.courses_unreadable > 0) return { level: 'bad', ...w.unreadable(cluster.courses_unreadable, names(inState('suspect', 'out'))) };
  if (writers < needed) return { level: 'warn', ...w.noWrites(writers, needed, cluster.k_effective) };
  if (suspects.length > 0) return { level: 'warn', ...w.silent(names(suspects), silence(suspects), outTime(suspects), cluster.copies_missing) };
  if (!cluster.leader) return { level: 'warn', ...w.noLeader };
  const onTheirWay = Math.max(cluster.copies_missing ?? 0, copiesLeft(cluster.progress));
  if (onTheirWay > 0) return { level: 'info', ...w.moving(onTheirWay, cluster.courses_below_k, cluster.k_effective, secondsLeft(cluster.progress)) };
  if (cluster.ring_state === 'joint') return { level: 'info', ...w.changing };
  if (cluster.index === 'rebuilding') return { level: 'info', ...w.rebuilding };
  // Where nobody counts missing copies yet (null), the machines are all that can be vouched for.
  return { level: 'ok', ...(cluster.copies_missing === 0 ? w.ok : w.allUp(writers)) };
}

/** What a ring change has still to copy, and for how long; null when nobody can tell. */
const copiesLeft = progress => (progress ? progress.copies_total - progress.copies_done : 0);
const secondsLeft = progress => (progress?.ends_at ? Math.max(0, (new Date(progress.ends_at) - now()) / 1000) : null);

/** How long the one that was heard last has been silent. */
const silence = nodes => silentFor(nodes.map(node => node.heartbeat_at).filter(Boolean).sort().at(-1));

/** When the first of them counts as out, or "". */
function outTime(nodes) {
  const first = nodes.map(node => node.out_at).filter(Boolean).sort()[0];
  return first ? clock(first) : '';
}

const healthIcons = { ok: 'tick', info: 'arrow', warn: 'warn', bad: 'bad', unknown: 'info' };

function showHealth(health) {
  const link = $('health');
  link.dataset.level = health.level;
  link.replaceChildren(icon(healthIcons[health.level]), h('span', {}, health.short));
  show(link, true);
}

// ---- The live dot. No event stream yet: the page asks gently, only while it is visible, and says how old its picture is ----

const LIVE_MS = 5000; // between two questions: on pages that follow the cluster, and on every page after a failure

/**
 * Keeps the page informed. follow: ask every 5 s; else once, and again after failures. onCluster(cluster) with each answer;
 * onHealth(health) also when none came; onRefresh() when the reader asks for fresh data; tick(): what else to ask each time (async).
 */
export function startLive({ follow = false, onCluster = () => {}, onHealth = () => {}, onRefresh = () => {}, tick = async () => {} } = {}) {
  let updated = 0; // when everything was answered last
  let isLost = false;
  let isAsking = false;
  let timer = 0;

  function footerWords() {
    if (navigator.onLine === false) return words.footer.offline(updated && clock(updated));
    if (isLost) return words.footer.lost;
    if (!updated) return '';
    return follow ? words.footer.updated(ago(updated)) : words.footer.asOf(clock(updated));
  }

  function label() {
    const isAway = isLost || navigator.onLine === false;
    $('live').dataset.state = isAway ? 'lost' : 'live';
    $('live-text').textContent = footerWords();
    show($('refresh'), isAway || (!follow && updated > 0));
  }

  function tell(health) {
    showHealth(health);
    onHealth(health);
  }

  async function askCluster() {
    try {
      const cluster = await api('/cluster');
      onCluster(cluster);
      tell(healthOf(cluster));
    } catch (error) {
      if (error.status === 503) tell({ level: 'warn', ...words.health.away(updated && clock(updated)) });
      else tell({ level: 'unknown', ...words.health.unknown });
      throw error;
    }
  }

  /** Asks for the cluster and for what the page adds, both at once; one failing does not hide the other's answer. */
  async function ask() {
    clearTimeout(timer);
    if (isAsking) return;
    isAsking = true;
    const answers = await Promise.allSettled([askCluster(), tick()]);
    const failures = answers.filter(one => one.status === 'rejected').map(one => one.reason);
    const wasLost = isLost;
    isAsking = false;
    isLost = failures.length > 0;
    if (!isLost) updated = now();
    if (isLost !== wasLost) say(isLost ? words.footer.lost : words.footer.back);
    label();
    if (!document.hidden && (follow || isLost)) timer = setTimeout(ask, LIVE_MS);
    const mistake = failures.find(error => !(error instanceof ApiError));
    if (mistake) throw mistake; // ours, for the console; the page goes on asking
  }

  $('refresh').addEventListener('click', () => {
    ask();
    onRefresh();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else if (follow || isLost) ask();
  });
  window.addEventListener('online', ask);
  window.addEventListener('offline', label);
  setInterval(() => {
    if (!document.hidden) label();
  }, 1000);
  ask();
}

applyTheme();
startFooter(); // a module runs when the page has been read
