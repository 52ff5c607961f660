// Getting one shared file: from whom, whether they still have it, and what to do when they have left.
import { apiBase, button, h, icon, note, say, show, words } from './base.js';

const w = words.peers.get;
const ASK_MS = 5000; // for a peer to say whether it has a file
const MEASURE_MS = 400; // before the choice is shown; who answers later keeps its place
const CHOICES_MAX = 6; // asked at once: a browser has about six connections to a host
const STARTED_MS = 2000; // how long the button says so

const RING = 'ring'; // the index names the ring like a peer

let open = null; // the row whose choice or note is open: one at a time

/** A name as it can be shown: characters that turn the direction of text would let a name pretend to be another. */
export const plainName = name => name.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');

/** The peers that hold a row's bytes, each once. */
export const peersOf = item => [...new Map(item.holders.filter(one => one.peer !== RING).map(one => [one.peer, one])).values()];

/** A peer of the plain line protocol speaks no HTTP: it is named, but nothing can be had from it here. */
export const isPlain = holder => holder.url.startsWith('plain:');

/** Where a row's bytes can be had: its peers as the API lists them, then the ring. */
function sourcesOf(item) {
  const path = (peer, file) => `/peers/${encodeURIComponent(peer)}/files/${encodeURIComponent(file)}`;
  const sources = peersOf(item).filter(one => !isPlain(one)).map(({ peer, name, file = item.name }) => ({ name, file, path: path(peer, file) }));
  if (item.adopted && item.sha256) sources.push({ isRing: true, name: w.ring, file: item.name, path: `/peers/files/${item.sha256}` });
  return sources;
}

/** Asks a source whether it has the file now: { status (0: no answer), ms }. */
async function ask({ path }) {
  const began = performance.now();
  let status = 0;
  try {
    ({ status } = await fetch(apiBase + path, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(ASK_MS) }));
  } catch {
    /* no answer */
  }
  return { status, ms: performance.now() - began };
}

/** Several peers are a choice; the ring alone, or as the second source of one peer's file, is none. */
const needsChoice = row => peersOf(row.item).filter(one => !isPlain(one)).length > 1;

const isHad = ({ status }) => status >= 200 && status < 300;
const pause = ms => new Promise(done => { setTimeout(done, ms); });
const lastSegment = name => name.slice(name.lastIndexOf('/') + 1);

// ---- The button of a row. It is one element for all its labels, so that it keeps the focus ----

function label(row, text) {
  row.get.replaceChildren(text, h('span', { class: 'hush' }, ` ${plainName(row.item.name)}`));
}

/** What the button says when nothing is going on. */
export function drawGet(row) {
  if (row.isBusy) return;
  const hasChoice = needsChoice(row);
  show(row.get, sourcesOf(row.item).length > 0);
  label(row, hasChoice ? w.several : w.one);
  if (hasChoice) row.get.setAttribute('aria-expanded', String(open === row));
  else row.get.removeAttribute('aria-expanded');
}

/** Gives a row its button and the place below it for the choice and for notes. */
export function addGet(row) {
  row.get = h('button', { type: 'button', class: 'button row-button', onclick: () => press(row) });
  row.under = h('div', { class: 'line-under' });
  row.under.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close(row);
  });
  drawGet(row);
}

/** One thing at a time for a row: a second press while it asks is ignored. control: what was pressed below the row, if it was. */
async function busily(row, work, control = null) {
  if (row.isBusy) return;
  row.isBusy = true;
  for (const one of [row.get, control]) one?.setAttribute('aria-disabled', 'true');
  if (control) control.textContent = w.asking;
  else label(row, w.asking);
  try {
    await work();
  } finally {
    row.isBusy = false;
    row.get.removeAttribute('aria-disabled');
    drawGet(row);
  }
}

function press(row) {
  if (row.under.querySelector('.picker')) {
    close(row);
    return;
  }
  const [first] = sourcesOf(row.item);
  busily(row, () => (needsChoice(row) ? choose(row) : fetchFrom(row, first, new Set())));
}

/** What a row has open goes away. */
export function shut(row) {
  row.under.replaceChildren();
  if (open === row) open = null;
  drawGet(row);
}

function close(row) {
  shut(row);
  row.get.focus();
}

/** Shows it below the row and puts the keyboard on `first`; all of it is in view, also above the bar of a phone. */
function unfold(row, element, first) {
  if (open && open !== row) shut(open);
  open = row;
  row.under.replaceChildren(element);
  first.focus();
  element.scrollIntoView({ block: 'nearest' });
}

// ---- One source ----

/** Asks first, so that a peer that has left is a sentence here and no broken download. tried: paths that failed for this press. */
async function fetchFrom(row, source, tried) {
  const answer = await ask(source);
  if (!isHad(answer)) {
    tried.add(source.path);
    refuse(row, source, answer.status, tried);
    return;
  }
  h('a', { href: apiBase + source.path, download: lastSegment(source.file) }).click();
  close(row);
  say(w.said(plainName(row.item.name), source.name));
  await started(row);
}

/** The button says so for a moment; a press meanwhile is ignored, so that a double click is one download. */
async function started(row) {
  label(row, w.started);
  await pause(STARTED_MS);
}

function refuse(row, source, status, tried) {
  const file = plainName(row.item.name);
  const other = sourcesOf(row.item).find(one => !tried.has(one.path));
  const isGone = status === 410 || status === 404;
  const name = source.isRing ? w.ringFirst : source.name;
  const strong = status === 410 ? w.gone(name) : status === 404 ? w.none(name, file) : w.away(name);
  const rest = other ? w.instead(other.name) : isGone ? w.nobody : w.later;
  const instead = other && button([icon('down'), w.from(other.name)], event => busily(row, () => fetchFrom(row, other, tried), event.currentTarget), { class: 'button main' });
  const box = note('warn', strong, rest, { own: true, actions: [instead, button(w.cancel, () => close(row))].filter(Boolean) });
  box.classList.add('get-note');
  unfold(row, box, box);
}

// ---- Several sources: whom to get it from ----

/** Asks all at once and shows them fastest first; who has not answered by then follows in the API's order. */
async function choose(row) {
  const sources = sourcesOf(row.item).slice(0, CHOICES_MAX);
  const asked = sources.map(async source => {
    source.answer = await ask(source);
    source.tell?.();
  });
  await Promise.race([Promise.all(asked), pause(MEASURE_MS)]);
  const ms = source => (source.answer ? source.answer.ms : Infinity);
  const ready = sources.filter(source => !source.answer || isHad(source.answer)).sort((a, b) => (ms(a) === ms(b) ? 0 : ms(a) - ms(b)));
  if (ready.length > 0) showChoice(row, ready);
  else refuse(row, sources[0], sources[0].answer.status, new Set(sources.map(source => source.path)));
}

function choiceOf(row, source, isChosen) {
  const second = h('span', { class: 'second' });
  source.tell = () => {
    const speed = source.answer && (isHad(source.answer) ? w.answers(source.answer.ms) : w.silent);
    const file = source.file !== row.item.name && w.fileThere(plainName(source.file));
    second.textContent = [speed, file].filter(Boolean).join(', ');
  };
  source.tell();
  return h('label', { class: 'check', 'data-source': source.name }, h('input', { type: 'radio', name: 'source', checked: isChosen }), h('span', {}, h('b', {}, h('bdi', {}, source.name)), ' ', second));
}

function showChoice(row, sources) {
  const choices = sources.map((source, i) => choiceOf(row, source, i === 0));
  const chosen = () => sources[choices.findIndex(choice => choice.firstChild.checked)];
  const go = h('button', { type: 'submit', class: 'button main' }, icon('down'), h('span', {}, w.from(sources[0].name)));
  const rest = sourcesOf(row.item).length - CHOICES_MAX;
  const form = h('form', { class: 'picker' },
    h('fieldset', {}, h('legend', {}, w.title(plainName(row.item.name))), choices, rest > 0 && h('p', { class: 'second' }, w.others(rest))),
    h('div', { class: 'actions' }, go, button(w.cancel, () => close(row))));
  form.addEventListener('change', () => {
    go.lastChild.textContent = w.from(chosen().name);
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    busily(row, () => fetchFrom(row, chosen(), new Set()), go);
  });
  unfold(row, form, choices[0].firstChild);
}
