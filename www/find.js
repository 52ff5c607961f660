// Find: search as you type over the course list, newest or by name, page by page.
import { $, ApiError, api, button, clock, courseKey, coursePage, coursePath, explain, focusOn, h, icon, kind, note, now, say, show, size, startLive, syllabusPath, timeElement, words } from './base.js';
import { courseMark, setDot, setRivets } from './mark.js';

const PAGE = 50;            // rows a page
const TYPING_MS = 120;      // after the last key
const SPOKEN_MS = 600;      // before the count is read out
const SLOW_MS = 300;        // before "Looking …"
const TERMS_MAX = 6;        // chips

const field = $('q'), list = $('results'), heading = $('results-title'), more = $('more'), place = $('state');
const address = new URLSearchParams(location.search);
// What is asked for, and what the page shows for it. `terms` come from the answer without a chosen term.
const asked = { q: address.get('q') || '', term: address.get('term') || '', sort: address.get('sort') === 'name' ? 'name' : 'newest' };
const shown = { items: [], next: null, terms: [], at: 0 };
let cluster = null, current = null, pending = Promise.resolve(), typing = 0, speaking = 0, retry = 0;

const escape = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The shortest beginning of `name` whose key starts with `key`; 0 when its key does not. "CSEN 317" for "csen31" gives 7. */
function keyPrefix(name, key) {
  if (!key || !courseKey(name).startsWith(key)) return 0;
  for (let end = 1; end <= name.length; end++) if (courseKey(name.slice(0, end)).startsWith(key)) return end;
  return 0;
}

/** `text` as nodes: for a course name the part its key was found by, else the beginnings of words that were typed. */
export function marked(text, typed, isCourse = false) {
  const end = isCourse ? keyPrefix(text, courseKey(typed)) : 0;
  if (end > 0) return [h('mark', {}, text.slice(0, end)), text.slice(end)];
  const parts = typed.split(/[\s,;:"“”]+/u).filter(Boolean).map(escape);
  if (parts.length === 0) return [text];
  const found = new RegExp(`(?<![\\p{L}\\p{N}])(?:${parts.join('|')})`, 'giu');
  const nodes = [];
  let last = 0;
  for (const hit of text.matchAll(found)) {
    nodes.push(text.slice(last, hit.index), h('mark', {}, hit[0]));
    last = hit.index + hit[0].length;
  }
  return [...nodes, text.slice(last)];
}

const query = cursor => new URLSearchParams(Object.entries({ q: asked.q, term: asked.term, sort: asked.sort, limit: PAGE, cursor }).filter(([, value]) => value));

/** "version 4"; a list that does not say which version is current says how many there are. */
function versionWords({ current, versions }) {
  if ((current.version ?? versions) === 1) return words.firstVersion;
  return current.version ? words.version(current.version) : words.versions(versions);
}

function row(item) {
  const record = item.current;
  return h('li', { class: 'row', 'data-course': item.course, 'data-key': item.key },
    courseMark(item.key),
    h('a', { class: 'row-name', href: coursePage(item.course) }, h('b', {}, marked(item.course, asked.q, true)), ' ', h('span', {}, marked(record.title || '', asked.q))),
    h('div', { class: 'row-facts' }, record.instructor && h('span', {}, marked(record.instructor, asked.q)), record.term && h('span', {}, record.term),
      h('span', { class: 'row-kind' }, `${kind(record)}, ${size(record.size)}`)),
    h('div', { class: 'row-when' }, timeElement(record.uploaded_at), h('span', {}, versionWords(item))),
    h('a', { class: 'row-get', href: syllabusPath(item.course, { download: 1 }), download: '', 'aria-label': words.find.download(item.course), title: words.find.download(item.course) }, icon('down')));
}

function title() {
  if (!asked.q && !asked.term) return asked.sort === 'name' ? words.find.byName : words.find.newest;
  return words.find.found(shown.items.length, shown.next !== null) + (asked.term ? words.find.inTerm(asked.term) : '');
}

function renderTerms() {
  const bar = $('terms');
  const chip = (term, text) => h('button', { type: 'button', 'aria-pressed': String(asked.term === term), 'data-term': term, onclick: () => choose({ term }) }, text);
  const some = asked.term !== '' || (asked.q !== '' && shown.terms.length > 1);
  const focused = bar.contains(document.activeElement) ? document.activeElement.dataset.term : null;
  bar.replaceChildren(...(some ? [chip('', words.find.anyTerm), ...shown.terms.slice(0, TERMS_MAX).map(term => chip(term, term))] : []));
  show(bar, some);
  show($('sort'), asked.q === '' && !some);
  if (focused !== null) bar.querySelector(`[data-term="${CSS.escape(focused)}"]`)?.focus();
}

function renderMore() {
  show(more, shown.next !== null);
  more.textContent = words.find.next(PAGE, !asked.q && !asked.term && cluster?.courses);
  more.removeAttribute('aria-disabled');
}

function render() {
  const some = shown.items.length > 0;
  list.replaceChildren(...shown.items.map(row));
  show(list, some);
  heading.textContent = title();
  show(heading.parentElement, some || asked.q !== '' || asked.term !== '');
  renderTerms();
  renderMore();
  if (some) place.replaceChildren(); else renderNothing();
}

/** No rows: an empty binder, or a miss with what it may have meant. */
function renderNothing() {
  const sheet = (key, heading, text, ...actions) => h('div', { class: 'sheet plain', id: asked.q || asked.term ? 'nothing' : 'empty' }, courseMark(key), h('h2', {}, heading), text, h('div', { class: 'actions' }, actions));
  const share = (text, q) => h('a', { class: 'button main', href: q ? `/share?course=${encodeURIComponent(q)}` : '/share' }, text);
  if (!asked.q && !asked.term) {
    show(heading.parentElement, false);
    place.replaceChildren(sheet('csen317', words.find.empty.title, h('p', {}, words.find.empty.text(cluster?.k_effective)), share(words.find.empty.share)));
    return;
  }
  const text = h('p', { id: 'suggestion' }, Number.isInteger(cluster?.courses) ? words.find.nothing.looked(cluster.courses) : '');
  place.replaceChildren(sheet(courseKey(asked.q), asked.term ? words.find.nothing.titleTerm(asked.q, asked.term) : words.find.nothing.title(asked.q), text,
    asked.term ? button(words.find.nothing.anyTerm, () => choose({ term: '' }), { class: 'button main' }) : courseKey(asked.q) && share(words.find.nothing.share(asked.q), asked.q),
    button(words.find.nothing.clear, clear)));
  show(heading.parentElement, asked.term !== '');
  if (!asked.term) propose(asked.q, text);
}

async function propose(q, text) {
  const { suggest } = await import('./suggest.js'); // only a miss needs it
  const near = await suggest(q, current.signal).catch(() => []);
  if (near.length === 0 || !text.isConnected) return;
  const links = near.flatMap((item, i) => [i > 0 ? words.find.nothing.or : '', h('a', { href: coursePage(item.course) }, h('b', {}, item.course)), item.current.title ? `, ${item.current.title}` : '']);
  text.prepend(words.find.nothing.mean, ...links, words.find.nothing.end);
}

/** Asks for the first page of what is wanted; an older question is given up. */
function load() {
  current?.abort();
  current = new AbortController();
  clearTimeout(retry);
  const mine = current;
  const slow = setTimeout(() => { heading.textContent = words.find.looking; show(heading.parentElement, true); }, SLOW_MS);
  pending = api(`/courses?${query()}`, { signal: mine.signal }).then(answer => {
    Object.assign(shown, answer, { at: now() });
    if (!asked.term) shown.terms = [...new Set(answer.items.map(item => item.current.term).filter(Boolean))];
    $('notes').replaceChildren();
    render();
    clearTimeout(speaking);
    if (asked.q || asked.term) speaking = setTimeout(() => say(shown.items.length ? title() : words.find.nothing.title(asked.q || asked.term)), SPOKEN_MS);
  }).catch(error => {
    if (error.name !== 'AbortError') return failed(error, mine.signal);
  }).finally(() => clearTimeout(slow));
  return pending;
}

/** The list did not come. Old rows stay; without the index a whole course name still finds its course. */
async function failed(error, signal) {
  if (!(error instanceof ApiError)) throw error;
  heading.textContent = title();
  if (error.status === 503) return away(error, signal);
  const offline = error.status === 0 && navigator.onLine === false;
  const strong = offline ? words.footer.offline(shown.at && clock(shown.at)) : words.find.error.strong;
  $('notes').replaceChildren(note(offline ? 'warn' : 'bad', strong, offline ? '' : explain(error), { id: 'list-error', actions: [button(words.find.error.again, load)] }));
  if (!offline) retryIn(5, null);
}

async function away(error, signal) {
  const counter = h('span');
  const box = note('warn', words.find.away.strong, [words.find.away.rest, counter], { id: 'index-away' });
  // A repeated failure changes the counter only: a new note would be read out every five seconds.
  if ($('index-away')) $('index-away').querySelector('span').replaceWith(counter); else $('notes').replaceChildren(box);
  retryIn(error.retry_s || 5, counter);
  if (!courseKey(asked.q)) return;
  try {
    const course = await api(coursePath(asked.q), { signal });
    if (course.current.deleted) throw new ApiError(404);
    Object.assign(shown, { items: [{ ...course, versions: course.versions.length }], next: null, terms: [] });
    render();
    heading.textContent = words.find.away.direct;
    say(words.find.away.direct);
  } catch (reason) {
    if (reason.name === 'AbortError' || reason.status !== 404) return;
    Object.assign(shown, { items: [], next: null, terms: [] });
    show(list, false);
    show(more, false);
    heading.textContent = words.find.away.none(asked.q);
    show(heading.parentElement, true);
    place.replaceChildren();
  }
}

function retryIn(seconds, counter) {
  clearTimeout(retry);
  if (counter) counter.textContent = seconds > 0 ? words.find.away.again(seconds) : words.find.away.trying;
  retry = setTimeout(() => { if (seconds > 0) retryIn(seconds - 1, counter); else load(); }, seconds > 0 ? 1000 : 0);
}

/** Changes what is asked for, keeps it in the address, and asks. */
function choose(change) {
  Object.assign(asked, change);
  if (!asked.q) asked.term = 'term' in change ? asked.term : '';
  const kept = query();
  kept.delete('limit');
  if (asked.sort === 'newest') kept.delete('sort');
  history.replaceState(null, '', `/${kept.toString() && `?${kept}`}`);
  reflect();
  return load();
}

function reflect() {
  document.body.classList.toggle('searching', asked.q !== '');
  document.title = asked.q ? words.find.searched(asked.q) : words.find.title;
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
  more.textContent = words.find.looking;
  try {
    const answer = await api(`/courses?${query(shown.next)}`, { signal: current.signal });
    const rows = answer.items.map(row);
    shown.items.push(...answer.items);
    shown.next = answer.next;
    list.append(...rows);
    if (asked.q || asked.term) heading.textContent = title();
    rows[0]?.querySelector('a').focus();
    say(words.find.more(rows.length, shown.items.length));
    renderMore();
  } catch (error) {
    if (error.name === 'AbortError') return;
    renderMore();
    failed(error, current.signal);
  }
}

field.addEventListener('input', () => {
  clearTimeout(typing);
  clearTimeout(speaking);
  const q = field.value.trim();
  setDot($('finger'), q);
  typing = setTimeout(() => { if (q !== asked.q) choose({ q, term: q ? asked.term : '' }); }, TYPING_MS);
});

// Enter opens the course when the text is exactly one course's key, else it goes to the results.
$('search-form').addEventListener('submit', async event => {
  event.preventDefault();
  clearTimeout(typing);
  const q = field.value.trim();
  if (!q) { field.focus(); return; }
  if (q !== asked.q) choose({ q });
  await pending;
  const exact = shown.items.filter(item => item.key === courseKey(q));
  if (exact.length === 1) location.href = coursePage(exact[0].course);
  else (list.querySelector('.row-name') && !list.hidden ? list.querySelector('.row-name') : place.querySelector('a, button') || heading).focus();
});

field.addEventListener('keydown', event => {
  if (event.key === 'Escape' && field.value) { event.preventDefault(); clear(); }
  if (event.key === 'ArrowDown' && !list.hidden) { event.preventDefault(); list.querySelector('.row-name')?.focus(); }
});

list.addEventListener('keydown', event => {
  const links = [...list.querySelectorAll('.row-name')];
  const here = links.indexOf(event.target.closest('.row')?.querySelector('.row-name'));
  if (event.key === 'ArrowDown') links[here + 1]?.focus();
  else if (event.key === 'ArrowUp') (links[here - 1] || field).focus();
  else if (event.key === 'Escape') clear();
  else return;
  event.preventDefault();
});

$('sort').addEventListener('click', event => { const chosen = event.target.closest('button'); if (chosen) choose({ sort: chosen.dataset.sort }); });
more.addEventListener('click', nextPage);

field.value ||= asked.q; // a browser may have kept what was typed before a reload
if (field.value.trim() !== asked.q) asked.q = field.value.trim();
reflect();
load();
if (location.hash === '#q') field.focus();

startLive({
  onRefresh: load,
  onCluster: answer => {
    const first = cluster === null;
    cluster = answer;
    if (cluster.courses !== null) $('lead').textContent = words.find.lead(cluster.courses, cluster.k_effective || cluster.k);
    setRivets($('finger'), cluster.nodes.filter(node => node.state !== 'out').length);
    if (first && shown.at) { renderMore(); if (shown.items.length === 0) render(); }
  },
});
