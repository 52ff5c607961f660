// Uploads that wait for a maintainer: looked at, accepted, rejected. What was decided stays in its place and says so.
import { $, ApiError, api, apiBase, explain, focusOn, h, kind, note, say, show, size, startLive, when } from './base.js';
import { ask, busily, keptOut, notLoaded } from './ask.js';
import { may, onWho } from './session.js';
import words from './words/en-people.js';

const t = words.waiting;
const PAGE = 50;

let next = null;

function report(error) {
  if (!(error instanceof ApiError)) throw error;
  const box = note('bad', t.failed, explain(error), { own: true });
  $('notes').replaceChildren(box);
  focusOn(box);
}

function item(one) {
  const { record } = one;
  const about = [record.title, record.instructor, record.term].filter(Boolean).join(', ');
  const look = h('a', { class: 'button', href: `${apiBase}/pending/${one.id}/file`, download: true, 'aria-label': t.file(record.filename) }, t.look);
  const accept = h('button', { type: 'button', class: 'button main', 'data-do': 'accept', 'aria-label': t.acceptLabel(record.course) }, t.accept);
  const reject = h('button', { type: 'button', class: 'button danger', 'data-do': 'reject', 'aria-label': t.rejectLabel(record.course) }, t.reject);
  const buttons = h('div', { class: 'actions' }, look, accept, reject);
  const row = h('li', { class: 'line', 'data-pending': one.id, 'data-course': record.course },
    h('b', { class: 'line-name' }, record.course),
    h('p', { class: 'line-facts' }, about && h('span', {}, about), h('span', {}, record.filename), h('span', {}, `${kind(record)}, ${size(record.size)}`),
      h('span', {}, t.by(record.uploader, when(record.uploaded_at))), record.note && h('q', {}, record.note)),
    h('div', { class: 'line-under' }, buttons));
  accept.addEventListener('click', () => decide(accept, t.accepting, row, 'accepted', () => api(`/pending/${one.id}/accept`, { method: 'POST' }), t.accepted(record.course, record.uploader)));
  reject.addEventListener('click', async () => {
    const reason = h('input', { id: 'reason', maxlength: 255, autocomplete: 'off' });
    const text = h('div', { class: 'field' }, h('label', { for: 'reason' }, `${t.reason} `, h('span', {}, t.optional)), reason);
    if (!(await ask({ title: t.rejectAsk(record.course), text, yes: t.rejectYes }))) return;
    decide(reject, t.rejecting, row, 'rejected', () => api(`/pending/${one.id}/reject`, { method: 'POST', json: { reason: reason.value.trim() } }), t.rejected(record.course));
  });
  return row;
}

function decide(control, busy, row, state, request, told) {
  return busily(control, busy, async () => {
    try {
      await request();
      $('notes').replaceChildren();
      row.dataset.state = state;
      row.querySelector('.line-under').replaceChildren(h('p', { class: 'second' }, told));
      say(told);
      focusOn(row);
    } catch (error) {
      report(error);
    }
  });
}

async function load(cursor) {
  try {
    const page = await api(`/pending?${new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) })}`);
    const items = page.items.map(item);
    if (cursor) $('waiting').append(...items);
    else $('waiting').replaceChildren(...items);
    next = page.next;
    const isEmpty = $('waiting').childElementCount === 0;
    show($('waiting'), !isEmpty);
    show($('waiting-more'), next !== null);
    show($('state'), isEmpty);
    if (isEmpty) $('state').replaceChildren(h('div', { class: 'sheet plain', id: 'empty' }, h('h2', {}, t.none), h('p', {}, t.noneRest)));
    $('notes').replaceChildren();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if ($('waiting').hidden) show($('state'), false);
    $('notes').replaceChildren(notLoaded(error, () => load(cursor)));
  }
}

$('waiting-more').addEventListener('click', () => load(next));

function drawPage() {
  if (may('moderate')) {
    load();
    return;
  }
  $('state').replaceChildren(keptOut());
  show($('state'), true);
  show($('waiting'), false);
}

onWho(drawPage);

startLive({ onRefresh: drawPage });
