// One's own account: password, sessions, tokens (tokens.js), what one uploaded.
import { $, ApiError, api, apiBase, clock, date, explain, focusOn, h, note, show, size, startLive, timeElement, words as common } from './base.js';
import { ask, busily, keptOut, notLoaded, wrong } from './ask.js';
import { onWho, session, signOut } from './session.js';
import { startTokens } from './tokens.js';
import words from './words/en-people.js';

const t = words.account;
const PASSWORD_LEAST = 8;
const PENDING_SHOWN = 50;

const mine = tail => `/users/${encodeURIComponent(session.user)}${tail}`;

function report(place, error) {
  if (!(error instanceof ApiError)) throw error;
  tell(place, 'bad', t.failed, explain(error));
}

function tell(place, level, strong, rest) {
  const box = note(level, strong, rest, { own: level === 'bad' });
  place.replaceChildren(box);
  focusOn(box);
}

// ---- Password ----

$('show-passwords').addEventListener('change', event => {
  for (const id of ['old', 'new']) $(id).type = event.target.checked ? 'text' : 'password';
});

function checkPasswords() {
  wrong($('old'), $('old').value || $('old-field').hidden ? '' : t.needOld);
  wrong($('new'), [...$('new').value].length >= PASSWORD_LEAST ? '' : t.shortNew);
  const bad = $('password-form').querySelector('[aria-invalid]');
  bad?.focus();
  return !bad;
}

async function changePassword() {
  try {
    const json = { new: $('new').value, ...(!$('old-field').hidden && { old: $('old').value }) };
    await api(mine('/password'), { method: 'PUT', json });
    $('password-form').reset();
    for (const id of ['old', 'new']) $(id).type = 'password';
    show($('old-field'), true);
    tell($('password-notes'), 'ok', t.changed.strong, t.changed.rest);
  } catch (error) {
    const input = { 403: $('old'), 422: $('new') }[error.status];
    if (!input || !error.problem.detail) {
      report($('password-notes'), error);
      return;
    }
    wrong(input, error.problem.detail);
    input.focus();
  }
}

$('password-form').addEventListener('input', event => {
  if (event.target.matches('[aria-invalid]')) wrong(event.target, '');
});
$('password-form').addEventListener('submit', event => {
  event.preventDefault();
  $('password-notes').replaceChildren();
  if (checkPasswords()) busily($('password-go'), t.changing, changePassword);
});

// ---- Sessions ----

$('out-here').addEventListener('click', () => signOut());
$('out-everywhere').addEventListener('click', () => signOut({ everywhere: true }));

// ---- What one uploaded ----

function becameOf({ state, reason }) {
  return state === 'waiting' ? t.waiting : state === 'accepted' ? t.accepted : t.rejected(reason);
}

async function drawPending() {
  const { items } = await api(mine(`/pending?limit=${PENDING_SHOWN}`));
  show($('own-pending-card'), items.length > 0);
  $('own-pending').replaceChildren(...items.map(one => h('li', { 'data-pending': one.id, 'data-state': one.state },
    h('b', {}, one.record.course), h('p', { class: 'second' }, `${one.record.filename}, `, timeElement(one.record.uploaded_at), ` · ${becameOf(one)}`))));
}

async function drawAccount() {
  const account = await api(mine(''));
  const { used, limit } = account.quota;
  $('quota-line').textContent = used === null ? t.quotaUnknown : t.quota(size(used), limit !== null && size(limit));
  show($('old-field'), account.has_password);
}

/** The API takes some hundred versions at a time. What failed is not counted twice: it is asked for again with the next ones. */
async function eraseAll() {
  let versions = 0;
  for (;;) {
    const done = await api(mine('/erase'), { method: 'POST' });
    versions += done.versions;
    if (!done.more || done.versions === 0) return { versions, failed: done.failed };
  }
}

async function erase() {
  if (!(await ask({ title: t.eraseAsk, text: t.eraseText, yes: t.eraseYes }))) return;
  await busily($('erase'), t.erasing, async () => {
    try {
      const { versions, failed } = await eraseAll();
      const told = t.erased(versions, failed);
      tell($('own-notes'), failed ? 'warn' : 'ok', told.strong, told.rest);
      await Promise.all([drawAccount(), drawPending()]);
    } catch (error) {
      report($('own-notes'), error);
    }
  });
}

$('erase').addEventListener('click', erase);

// ---- The page ----

function drawNobody() {
  $('account-title').textContent = t.heading;
  $('state').replaceChildren(keptOut());
  show($('state'), true);
  show($('account-view'), false);
}

async function draw() {
  show($('state'), false);
  show($('account-view'), true);
  $('account-title').textContent = session.shown;
  $('account-line').textContent = t.line(session.user, common.who.roles[session.role], session.scopes ?? []);
  $('password-name').value = session.user;
  $('session-line').textContent = session.how === 'session' ? t.sessionEnds(date(session.ends_at), clock(session.ends_at)) : t.byProxy;
  show($('out-here').parentElement, session.how === 'session');
  $('export').href = `${apiBase}${mine('/export')}`;
  try {
    await Promise.all([startTokens(), drawAccount(), drawPending()]);
    $('notes').replaceChildren();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    $('notes').replaceChildren(notLoaded(error, draw));
  }
}

const drawPage = () => (session.user ? draw() : drawNobody());
onWho(drawPage);

startLive({ onRefresh: drawPage });
