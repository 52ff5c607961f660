// Peers: what people share from their own folders, found by name as you type; who is here. Getting a file is in get.js.
import { $, ApiError, api, button, clock, explain, h, keep, kept, note, now, say, show, startLive, words } from './base.js';
import { peersOf, shut } from './get.js';
import { drawHere } from './here.js';
import { drawRow, newRow, pairUp } from './rows.js';

const PAGE = 50; // rows a page
const LIMIT = 200; // rows and peers a question: what the API gives at most
const EMPTY_PAGES = 10; // followed in a row: a long search may answer with an empty page and a cursor to go on from
const TYPING_MS = 120; // after the last key
const SPOKEN_MS = 600; // before the count is read out
const SLOW_MS = 300; // before "Looking …"

const w = words.peers;
const field = $('q');
const list = $('results');
const heading = $('results-title');
const more = $('more');
const fresh = $('fresh');
const place = $('state');

/** The reader's own peer: { id, name }, chosen here and kept on this machine; a browser cannot know which one it is. */
const own = { id: kept('own-peer') || '', name: kept('own-peer-name') || '', isLeftOut: kept('leave-out') === 'on' };

let q = new URLSearchParams(location.search).get('q') || '';
let rows = []; // see rows.js
let next = null; // cursor of the page after the rows
let here = null; // the peers as they were told last
let isLoaded = false; // an answer to the question as it is now is shown
let isLoading = false;
let loaded_at = 0;
let request = null; // AbortController of the newest question
let pending = Promise.resolve(null); // its end: why it failed, or null
let typing = 0; // timers
let speaking = 0;

// ---- The rows of the list ----

/** Fills the list anew. A row that stays keeps its element, its focus and what is open in it. */
function renderRows(items) {
  const hadFocus = list.contains(document.activeElement) ? document.activeElement : null;
  const before = new Map([...pairUp(rows, items)].map(([row, item]) => [item, row]));
  const kept_rows = new Set(before.values());
  for (const row of rows) if (!kept_rows.has(row)) shut(row);
  rows = items.map(item => {
    const row = before.get(item);
    if (!row) return newRow(item, q);
    Object.assign(row, { item, isLeft: false });
    drawRow(row, q);
    return row;
  });
  list.replaceChildren(...rows.map(row => row.element));
  if (hadFocus) (hadFocus.isConnected ? hadFocus : rows[0]?.get || field).focus();
}

/**
 * A look at the same list again. Rows keep their places: peers, sizes and badges change, what is gone is said to be gone, and what
 * is new waits for a press. Gives what to say.
 */
function renew(answer) {
  const pairs = pairUp(rows, answer.items);
  const isWhole = answer.next === null && next === null; // only then a missing row is gone, and not on another page
  for (const row of rows) {
    const item = pairs.get(row);
    const isLeft = !item && (row.isLeft || isWhole);
    if (isLeft === row.isLeft && (!item || JSON.stringify(item) === JSON.stringify(row.item))) continue;
    Object.assign(row, { isLeft, item: item || row.item });
    drawRow(row, q);
  }
  drawHead();
  const added = answer.items.length - pairs.size;
  if (rows.length === 0 && added > 0) {
    render(answer); // nobody reads an empty list
    return heading.textContent;
  }
  const text = added > 0 ? w.changed(isWhole ? added : 0) : '';
  const isNews = text !== '' && (fresh.hidden || fresh.textContent !== text);
  fresh.textContent = text;
  show(fresh, added > 0);
  return isNews ? text : '';
}

// ---- The list as a whole ----

function drawHead() {
  const live = rows.filter(row => !row.isLeft);
  const peers = new Set(live.flatMap(row => peersOf(row.item).map(one => one.peer)));
  heading.textContent = w.found(live.length, peers.size, next !== null);
}

function render(answer) {
  next = answer.next;
  isLoaded = true;
  loaded_at = now();
  renderRows(answer.items);
  drawHead();
  show(list, rows.length > 0);
  show(fresh, false);
  renderMore();
  drawState();
}

function renderMore() {
  show(more, next !== null);
  more.textContent = w.next(PAGE);
  more.removeAttribute('aria-disabled');
}

const sheet = (id, title, ...rest) => h('div', { class: 'sheet plain', id }, h('h2', {}, title), rest);

/** What stands in place of an empty list. */
function stateOf() {
  const shared = here.items.reduce((sum, peer) => sum + peer.files, 0);
  if (q) {
    const looked = here.next === null && w.nothing.looked(shared, here.items.length);
    return sheet('nothing', w.nothing.title(q), h('p', {}, looked), h('div', { class: 'actions' }, button(w.nothing.clear, clear)));
  }
  if (here.items.length === 0) return sheet('empty', w.empty.title, h('p', {}, w.empty.text), h('p', {}, h('code', {}, w.empty.code)));
  if (excluded()) return sheet('only-mine', w.onlyMine);
  return sheet('no-files', w.noFiles.title, h('p', {}, w.noFiles.text));
}

/** Drawn again only when it says something else, for a button in it may have the focus. */
function drawState() {
  const isShown = isLoaded && rows.length === 0 && here !== null;
  const state = isShown ? stateOf() : null;
  show(heading.parentElement, !isLoaded || rows.length > 0 || own.isLeftOut);
  show(heading, !isLoaded || rows.length > 0);
  if (state?.textContent === place.textContent) return;
  place.replaceChildren(...(state ? [state] : []));
}

// ---- Asking ----

const excluded = () => (own.isLeftOut ? own.id : '');

const path = (cursor, limit) => {
  const wish = { q, exclude: excluded(), limit, cursor };
  return `/peers/files?${new URLSearchParams(Object.entries(wish).filter(([, value]) => value))}`;
};

/** The page behind a cursor, or the first one behind it that has rows. */
async function somePage(cursor, limit, signal) {
  let answer = await api(path(cursor, limit), { signal });
  for (let left = EMPTY_PAGES; answer.items.length === 0 && answer.next !== null && left > 0; left--) {
    answer = await api(path(answer.next, limit), { signal });
  }
  return answer;
}

/** Asks for the first page of what is wanted; an older question is given up. */
function load() {
  request?.abort();
  request = new AbortController();
  isLoaded = false;
  isLoading = true;
  pending = loadPage(request.signal);
  return pending;
}

/** Gives the ApiError that it has told the reader about, or null. */
async function loadPage(signal) {
  const slow = setTimeout(() => {
    heading.textContent = w.looking;
    drawState();
  }, SLOW_MS);
  try {
    const answer = await somePage(null, PAGE, signal);
    if (signal.aborted) return null;
    render(answer);
    $('notes').replaceChildren();
    speakCount();
    return null;
  } catch (error) {
    failed(error);
    return error.name === 'AbortError' ? null : error;
  } finally {
    clearTimeout(slow);
    if (signal === request.signal) isLoading = false;
  }
}

async function lookAgain() {
  const { signal } = request;
  const limit = Math.min(LIMIT, Math.max(PAGE, Math.ceil(rows.length / PAGE) * PAGE));
  const answer = await somePage(null, limit, signal);
  if (signal.aborted) return ''; // something else is asked for by now
  $('notes').replaceChildren();
  loaded_at = now();
  return renew(answer);
}

async function lookHere() {
  here = await api(`/peers?limit=${LIMIT}`);
  here.items = here.items.filter(peer => peer.state !== 'gone');
  const { came, left } = drawHere(here.items, own.id, here.next !== null);
  drawOwn();
  return { came, left };
}

function speakCount() {
  clearTimeout(speaking);
  if (q) speaking = setTimeout(() => say(rows.length > 0 ? heading.textContent : place.querySelector('h2')?.textContent || ''), SPOKEN_MS);
}

/** The list did not come. What is shown stays. A failure that repeats itself is not read out again. */
function failed(error) {
  if (error.name === 'AbortError') return;
  if (!(error instanceof ApiError)) throw error;
  const isOffline = error.status === 0 && navigator.onLine === false;
  const isAway = error.status === 503;
  const strong = isAway ? w.away.strong : isOffline ? words.footer.offline(loaded_at && clock(loaded_at)) : w.error.strong;
  const rest = isAway ? w.away.rest : isOffline ? '' : explain(error);
  const id = isAway ? 'index-away' : 'list-error';
  if (loaded_at) drawHead();
  else heading.textContent = '';
  if ($(id)?.dataset.strong === strong) return;
  const box = note(isAway || isOffline ? 'warn' : 'bad', strong, rest, { id, actions: isAway ? [] : [button(w.error.again, load)] });
  box.dataset.strong = strong;
  $('notes').replaceChildren(box);
}

/** The list as it is now: looked at again, or waited for. Gives what to say. */
async function lookAtList() {
  if (isLoaded) return lookAgain();
  const failure = await (isLoading ? pending : load());
  if (failure) throw failure;
  return '';
}

/** Every five seconds: who is here, and what has changed in the list. */
async function tick() {
  const isFirst = here === null;
  const [people, files] = await Promise.allSettled([lookHere(), lookAtList()]);
  drawState();
  if (files.status === 'rejected') failed(files.reason);
  const { came = [], left = [] } = isFirst ? {} : people.value || {};
  const news = [came.length > 0 && w.here.came(came), left.length > 0 && w.here.left(left), files.value].filter(Boolean).join(' ');
  if (news) say(news);
  const failure = [people, files].map(one => one.reason).find(reason => reason && reason.name !== 'AbortError');
  if (failure) throw failure;
}

async function nextPage() {
  if (more.getAttribute('aria-disabled')) return;
  more.setAttribute('aria-disabled', 'true');
  more.textContent = w.looking;
  try {
    const { signal } = request;
    const answer = await somePage(next, PAGE, signal);
    if (signal.aborted) return;
    const known = new Set(pairUp(rows, answer.items).values()); // the same bytes under a later name
    const added = answer.items.filter(item => !known.has(item)).map(item => newRow(item, q));
    next = answer.next;
    rows.push(...added);
    list.append(...added.map(row => row.element));
    drawHead();
    added[0]?.get.focus();
    say(w.more(added.length, rows.length));
  } catch (error) {
    failed(error);
  } finally {
    renderMore();
  }
}

// ---- What the reader changes ----

/** Asks for another name, and keeps it in the address. */
function search(text) {
  q = text;
  history.replaceState(null, '', q ? `/peers?q=${encodeURIComponent(q)}` : '/peers');
  document.title = q ? w.searched(q) : w.title;
  return load();
}

function clear() {
  clearTimeout(typing);
  field.value = '';
  search('');
  field.focus();
}

field.addEventListener('input', () => {
  clearTimeout(typing);
  clearTimeout(speaking);
  const text = field.value.trim();
  typing = setTimeout(() => {
    if (text !== q) search(text);
  }, TYPING_MS);
});

$('search-form').addEventListener('submit', async event => {
  event.preventDefault();
  clearTimeout(typing);
  const text = field.value.trim();
  await (text === q ? pending : search(text));
  (rows[0]?.get || place.querySelector('button') || field).focus();
});

field.addEventListener('keydown', event => {
  if (event.key === 'Escape' && field.value) clear();
  else if (event.key === 'ArrowDown' && rows.length > 0) rows[0].get.focus();
  else return;
  event.preventDefault();
});

list.addEventListener('keydown', event => {
  const i = rows.findIndex(row => row.get === event.target);
  if (i < 0) return; // in what is open below a row
  if (event.key === 'ArrowDown') rows[i + 1]?.get.focus();
  else if (event.key === 'ArrowUp') (rows[i - 1]?.get || field).focus();
  else if (event.key === 'Escape') clear();
  else return;
  event.preventDefault();
});

// ---- "Leave out my own": which peer that is, only the reader can tell ----

/** The choice is drawn again only when it has changed and nobody is in it. */
function drawOwn() {
  $('leave-out').checked = own.isLeftOut;
  show($('mine'), own.isLeftOut);
  const choices = new Map((here?.items || []).map(peer => [peer.id, peer.name]));
  if (own.id && !choices.has(own.id)) choices.set(own.id, own.name);
  const said = JSON.stringify([...choices, own.id]);
  if ($('mine').dataset.said === said || document.activeElement === $('mine')) return;
  $('mine').dataset.said = said;
  const option = ([id, name]) => h('option', { value: id, selected: id === own.id }, name);
  $('mine').replaceChildren(option(['', w.mine.ask]), ...[...choices].map(option));
}

$('leave-out').addEventListener('change', () => {
  own.isLeftOut = $('leave-out').checked;
  keep('leave-out', own.isLeftOut ? 'on' : 'off');
  drawOwn();
  if (own.id) load();
  else if (own.isLeftOut) $('mine').focus();
});

$('mine').addEventListener('change', () => {
  const [chosen] = $('mine').selectedOptions;
  own.id = chosen.value;
  own.name = own.id && chosen.textContent;
  keep('own-peer', own.id);
  keep('own-peer-name', own.name);
  if (here) drawHere(here.items, own.id, here.next !== null);
  load();
});

more.addEventListener('click', nextPage);
fresh.addEventListener('click', async () => {
  await load();
  heading.focus();
});
window.addEventListener('online', load);

// ---- Start ----

field.value ||= q; // a browser may have kept what was typed before a reload
q = field.value.trim();
document.title = q ? w.searched(q) : w.title;
drawOwn();
startLive({ follow: true, tick });
