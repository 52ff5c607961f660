// Find: search as you type over the course list, newest or by name, page by page.
import { $, ApiError, api, button, clock, courseKey, coursePage, coursePath, explain, h, icon, kind, marked, note, now } from './base.js';
import { say, show, size, startLive, syllabusPath, timeElement, words } from './base.js';
import { courseMark, setDot, setRivets } from './mark.js';

const PAGE = 50; // rows a page
const TYPING_MS = 120; // after the last key
const SPOKEN_MS = 600; // before the count is read out
const SLOW_MS = 300; // before "Looking …"
const EMPTY_PAGES = 10; // followed in a row
const TERMS_MAX = 6; // chips
const RETRY_S = 5; // when the server names no time

const w = words.find;
const field = $('q');
const list = $('results');
const heading = $('results-title');
const more = $('more');
const place = $('state');
const address = new URLSearchParams(location.search);

// What is asked for, and what the page shows for it. `terms` come from the answer without a chosen term.
const asked = { q: address.get('q') || '', term: address.get('term') || '', sort: address.get('sort') === 'name' ? 'name' : 'newest' };
const shown = { items: [], next: null, terms: [], title: '', at: 0 };

let cluster = null;
let request = null; // AbortController of the newest question
let pending = Promise.resolve(); // its answer
let typing = 0; // timers
let speaking = 0;
let retry = 0;

// ---- What of a text was searched for, marked yellow ----

/** The shortest beginning of `name` whose key starts with `key`; 0 when its key does not. "CSEN 317" for "csen31" gives 7. */
function keyPrefix(name, key) {
  if (!key || !courseKey(name).startsWith(key)) return 0;
  for (let end = 1; end <= name.length; end++) if (courseKey(name.slice(0, end)).startsWith(key)) return end;
  return 0;
}

/** A course name as nodes: marked is the part its key was found by, else the beginnings of words that were typed. */
function markedCourse(name, typed) {
  const end = keyPrefix(name, courseKey(typed));
  return end > 0 ? [h('mark', {}, name.slice(0, end)), name.slice(end)] : marked(name, typed);
}

// ---- Rows ----

/** "version 4"; a list that does not say which version is current says how many there are. */
function versionWords({ current, versions }) {
  if ((current.version ?? versions) === 1) return words.firstVersion;
  return current.version ? words.version(current.version) : words.versions(versions);
}

const nameWords = item => [h('b', {}, markedCourse(item.course, asked.q)), ' ', h('span', {}, marked(item.current.title, asked.q))];

const factWords = ({ current: record }) => [
  record.instructor && h('span', {}, marked(record.instructor, asked.q)),
  record.term && h('span', {}, record.term),
  h('span', { class: 'row-kind' }, `${kind(record)}, ${size(record.size)}`),
];

function newRow(item) {
  const download = w.download(item.course);
  return h('li', { class: 'row', 'data-course': item.course, 'data-key': item.key, 'data-id': item.current.id },
    courseMark(item.key),
    h('a', { class: 'row-name', href: coursePage(item.course) }, nameWords(item)),
    h('div', { class: 'row-facts' }, factWords(item)),
    h('div', { class: 'row-when' }, timeElement(item.current.uploaded_at), h('span', {}, versionWords(item))),
    h('a', { class: 'row-get', href: syllabusPath(item.course, { download: 1 }), download: '', 'aria-label': download, title: download }, icon('down')),
  );
}

/**
 * Fills the list. A row that stays keeps its element and its focus, only its marked words change: what one is about to press is
 * not taken away. When the focused row goes, the first one has the focus.
 */
function renderRows(items) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const before = new Map(Array.from(list.children, element => [element.dataset.id, element]));
  const rows = items.map(item => {
    const kept = before.get(item.current.id);
    if (!kept) return newRow(item);
    kept.querySelector('.row-name').replaceChildren(...nameWords(item));
    kept.querySelector('.row-facts').replaceChildren(...factWords(item).filter(Boolean));
    return kept;
  });
  for (const element of before.values()) if (!rows.includes(element)) element.remove();
  rows.forEach((element, i) => {
    if (list.children[i] !== element) list.insertBefore(element, list.children[i] || null);
  });
  if (!focused || focused === document.activeElement) return;
  if (focused.isConnected) focused.focus();
  else (list.querySelector('.row-name') || field).focus();
}

function title() {
  if (!asked.q && !asked.term) return asked.sort === 'name' ? w.byName : w.newest;
  return w.found(shown.items.length, shown.next !== null) + (asked.term ? w.inTerm(asked.term) : '');
}

function head(text, isShown = true) {
  heading.textContent = text;
  show(heading.parentElement, isShown);
}

function renderTerms() {
  const bar = $('terms');
  const isChosen = term => String(asked.term === term);
  const chip = (term, text) => h('button', { type: 'button', 'aria-pressed': isChosen(term), 'data-term': term, onclick: () => choose({ term }) }, text);
  const some = asked.term !== '' || (asked.q !== '' && shown.terms.length > 1);
  const focused = bar.contains(document.activeElement) ? document.activeElement.dataset.term : null;
  bar.replaceChildren(...(some ? [chip('', w.anyTerm), ...shown.terms.slice(0, TERMS_MAX).map(term => chip(term, term))] : []));
  show(bar, some);
  show($('sort'), asked.q === '' && !some);
  if (focused !== null) bar.querySelector(`[data-term="${CSS.escape(focused)}"]`)?.focus();
}

function renderMore() {
  const all = !asked.q && !asked.term && cluster?.courses > shown.items.length ? cluster.courses : 0; // 0: not known
  show(more, shown.next !== null);
  more.textContent = w.next(all ? Math.min(PAGE, all - shown.items.length) : PAGE, all);
  more.removeAttribute('aria-disabled');
}

function render() {
  const some = shown.items.length > 0;
  shown.title = title();
  head(shown.title, some || asked.term !== '');
  renderRows(shown.items);
  show(list, some);
  renderTerms();
  renderMore();
  place.replaceChildren(...(some ? [] : [asked.q || asked.term ? miss() : empty()]));
}

// ---- No rows: an empty binder, or a miss with what it may have meant ----

const shareLink = (text, q) => h('a', { class: 'button main', href: q ? `/share?course=${encodeURIComponent(q)}` : '/share' }, text);

const sheet = (id, key, title_text, text, actions) =>
  h('div', { class: 'sheet plain', id }, courseMark(key), h('h2', {}, title_text), text, h('div', { class: 'actions' }, actions));

const empty = () => sheet('empty', 'csen317', w.empty.title, h('p', {}, w.empty.text(cluster?.k_effective)), shareLink(w.empty.share));

function miss() {
  const { q, term } = asked;
  const text = h('p', { id: 'suggestion' }, Number.isInteger(cluster?.courses) && w.nothing.looked(cluster.courses));
  const { signal } = request;
  if (!term) import('./suggest.js').then(({ propose }) => propose(q, text, signal)); // only a miss needs it
  const first = term
    ? button(w.nothing.anyTerm, () => choose({ term: '' }), { class: 'button main' })
    : courseKey(q) && shareLink(w.nothing.share(q), q);
  return sheet('nothing', courseKey(q), term ? w.nothing.titleTerm(q, term) : w.nothing.title(q), text, [first, button(w.nothing.clear, clear)]);
}

// ---- Asking ----

const query = cursor => {
  const wish = { q: asked.q, term: asked.term, sort: asked.sort, limit: PAGE, cursor };
  return new URLSearchParams(Object.entries(wish).filter(([, value]) => value));
};

/** The page behind a cursor. A long search may answer with an empty page and a cursor to go on from. */
async function somePage(cursor, signal) {
  let answer = await api(`/courses?${query(cursor)}`, { signal });
  for (let more_pages = EMPTY_PAGES; answer.items.length === 0 && answer.next !== null && more_pages > 0; more_pages--) {
    answer = await api(`/courses?${query(answer.next)}`, { signal });
  }
  return answer;
}

/** Asks for the first page of what is wanted; an older question is given up. */
function load() {
  request?.abort();
  request = new AbortController();
  clearTimeout(retry);
  pending = loadPage(request.signal);
}

async function loadPage(signal) {
  const slow = setTimeout(() => head(w.looking), SLOW_MS);
  try {
    const answer = await somePage(null, signal);
    Object.assign(shown, answer, { at: now() });
    if (!asked.term) shown.terms = [...new Set(answer.items.map(item => item.current.term).filter(Boolean))];
    $('notes').replaceChildren();
    render();
    speakCount();
  } catch (error) {
    if (error.name !== 'AbortError') await failed(error, signal);
  } finally {
    clearTimeout(slow);
  }
}

function speakCount() {
  clearTimeout(speaking);
  if (!asked.q && !asked.term) return;
  const said = shown.items.length > 0 ? shown.title : place.querySelector('h2').textContent;
  speaking = setTimeout(() => say(said), SPOKEN_MS);
}

/** The list did not come. Old rows stay; without the index a whole course name still finds its course. */
async function failed(error, signal) {
  if (!(error instanceof ApiError)) throw error;
  head(shown.title, shown.title !== '');
  if (error.status === 503) {
    await away(error, signal);
    return;
  }
  const isOffline = error.status === 0 && navigator.onLine === false;
  const strong = isOffline ? words.footer.offline(shown.at && clock(shown.at)) : w.error.strong;
  const rest = isOffline ? '' : explain(error);
  const before = $('list-error');
  if (before?.dataset.said !== strong + rest) {
    const box = note(isOffline ? 'warn' : 'bad', strong, rest, { id: 'list-error', actions: [button(w.error.again, load)] });
    box.dataset.said = strong + rest; // a failure that repeats itself is not read out again
    $('notes').replaceChildren(box);
  }
  if (!isOffline) retryIn(RETRY_S, null);
}

async function away(error, signal) {
  const counter = h('span');
  // A repeated failure changes the counter only: a new note would be read out every few seconds.
  if ($('index-away')) $('index-away').querySelector('span').replaceWith(counter);
  else $('notes').replaceChildren(note('warn', w.away.strong, [w.away.rest, counter], { id: 'index-away' }));
  retryIn(error.retry_s || RETRY_S, counter);
  if (!courseKey(asked.q)) return;
  try {
    direct(await api(coursePath(asked.q), { signal }));
  } catch (reason) {
    if (reason.name === 'AbortError' || reason.status !== 404) return;
    direct({ current: { deleted: true } });
  }
}

/** Shows the one course that the machines themselves found by its whole name, or that they did not. */
function direct(course) {
  const isFound = !course.current.deleted;
  const text = isFound ? w.away.direct : w.away.none(asked.q);
  if (isFound && shown.items.length === 1 && shown.items[0].current.id === course.current.id) {
    head(text);
    return; // it is there already, perhaps with the focus on it
  }
  Object.assign(shown, { items: isFound ? [{ ...course, versions: course.versions.length }] : [], next: null, terms: [] });
  render();
  if (!isFound) place.replaceChildren();
  shown.title = text;
  head(text);
  say(text);
}

function retryIn(seconds, counter) {
  clearTimeout(retry);
  if (counter) counter.textContent = seconds > 0 ? w.away.again(seconds) : w.away.trying;
  if (seconds > 0) retry = setTimeout(() => retryIn(seconds - 1, counter), 1000);
  else load();
}

/** Changes what is asked for, keeps it in the address, and asks. */
function choose(change) {
  Object.assign(asked, change);
  const kept = query();
  kept.delete('limit');
  if (asked.sort === 'newest') kept.delete('sort');
  history.replaceState(null, '', `/${kept.toString() && `?${kept}`}`);
  reflect();
  load();
}

function reflect() {
  document.body.classList.toggle('searching', asked.q !== '');
  document.title = asked.q ? w.searched(asked.q) : w.title;
  for (const option of $('sort').children) option.setAttribute('aria-pressed', String(option.dataset.sort === asked.sort));
  setDot($('finger'), asked.q);
}

function clear() {
  clearTimeout(typing);
  field.value = '';
  choose({ q: '', term: '' });
  field.focus();
}

async function nextPage() {
  if (more.getAttribute('aria-disabled')) return;
  more.setAttribute('aria-disabled', 'true');
  more.textContent = w.looking;
  const { signal } = request;
  try {
    const answer = await somePage(shown.next, signal);
    const rows = answer.items.map(newRow);
    shown.items.push(...answer.items);
    shown.next = answer.next;
    list.append(...rows);
    shown.title = title();
    head(shown.title);
    rows[0]?.querySelector('a').focus();
    say(w.more(rows.length, shown.items.length));
    renderMore();
  } catch (error) {
    if (error.name === 'AbortError') return;
    renderMore();
    await failed(error, signal);
  }
}

// ---- Keyboard and pointer ----

field.addEventListener('input', () => {
  clearTimeout(typing);
  clearTimeout(speaking);
  const q = field.value.trim();
  setDot($('finger'), q);
  typing = setTimeout(() => {
    if (q !== asked.q) choose({ q, term: q ? asked.term : '' });
  }, TYPING_MS);
});

const firstRow = () => (list.hidden ? null : list.querySelector('.row-name'));

// Enter opens the course when the text is exactly one course's key, else it goes to the results.
$('search-form').addEventListener('submit', async event => {
  event.preventDefault();
  clearTimeout(typing);
  const q = field.value.trim();
  if (!q) {
    field.focus();
    return;
  }
  if (q !== asked.q) choose({ q });
  await pending;
  const exact = shown.items.filter(item => item.key === courseKey(q));
  if (exact.length === 1) location.href = coursePage(exact[0].course);
  else (firstRow() || place.querySelector('a, button') || heading).focus();
});

field.addEventListener('keydown', event => {
  if (event.key === 'Escape' && field.value) clear();
  else if (event.key === 'ArrowDown' && firstRow()) firstRow().focus();
  else return;
  event.preventDefault();
});

list.addEventListener('keydown', event => {
  const links = [...list.querySelectorAll('.row-name')];
  const here = links.indexOf(event.target.closest('.row').querySelector('.row-name'));
  if (event.key === 'ArrowDown') links[here + 1]?.focus();
  else if (event.key === 'ArrowUp') (links[here - 1] || field).focus();
  else if (event.key === 'Escape') clear();
  else return;
  event.preventDefault();
});

$('sort').addEventListener('click', event => {
  const chosen = event.target.closest('button');
  if (chosen) choose({ sort: chosen.dataset.sort });
});
more.addEventListener('click', nextPage);
window.addEventListener('online', load);

// ---- Start ----

field.value ||= asked.q; // a browser may have kept what was typed before a reload
asked.q = field.value.trim();
reflect();
load();
if (location.hash === '#q') field.focus();

startLive({
  onRefresh: load,
  onCluster: answer => {
    const isFirst = cluster === null;
    cluster = answer;
    if (cluster.courses !== null) $('lead').textContent = w.lead(cluster.courses, cluster.k_effective || cluster.k);
    setRivets($('finger'), cluster.nodes.filter(node => node.state !== 'out').length);
    if (!isFirst || !shown.at) return;
    renderMore();
    if (shown.items.length === 0) render();
  },
});
