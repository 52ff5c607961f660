// API tokens on the account page: those there are, a new one (shown once), and taking one back.
import { $, ApiError, api, words as common, copyButton, date, explain, focusOn, h, icon, note, now, say, show, when } from './base.js';
import { ask, busily, wrong } from './ask.js';
import { session } from './session.js';
import words from './words/en-people.js';

const t = words.tokens;
const PAGE = 50;
const SCOPES_MAX = 8;

let next = null;

/** "CSEN, MATH" as a list; null when there are too many. */
export function scopesOf(text) {
  const list = text.split(',').map(one => one.trim()).filter(Boolean);
  return list.length <= SCOPES_MAX ? list : null;
}

function report(error) {
  if (!(error instanceof ApiError)) throw error;
  const box = note('bad', t.failed, explain(error), { own: true });
  $('tokens-notes').replaceChildren(box);
  focusOn(box);
}

// ---- Those there are ----

async function load(cursor) {
  try {
    const page = await api(`/tokens?${new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) })}`);
    const items = page.items.map(item);
    if (cursor) $('tokens').append(...items);
    else $('tokens').replaceChildren(...items);
    next = page.next;
    show($('tokens-more'), next !== null);
    show($('tokens-none'), $('tokens').childElementCount === 0);
  } catch (error) {
    report(error);
  }
}

function state({ revoked, expires_at: end }) {
  if (revoked) return t.revoked;
  if (!end) return t.forEver;
  return new Date(end) <= now() ? t.expired(date(end)) : t.until(date(end));
}

function item(token) {
  const facts = [
    t.may(common.list(token.acts.map(act => words.acts[act] ?? act))),
    token.scopes.length > 0 && t.scopes(common.list(token.scopes)),
    t.since(date(token.created_at)),
    token.used_at ? t.used(when(token.used_at)) : t.unused,
    state(token),
  ].filter(Boolean);
  const revoke = h('button', { type: 'button', class: 'text danger', 'data-do': 'revoke', 'aria-label': t.revokeLabel(token.label) }, t.revoke);
  const row = h('li', { 'data-token': token.id }, h('b', {}, token.label), h('p', { class: 'second' }, facts.join(' · ')), !token.revoked && revoke);
  revoke.addEventListener('click', () => remove(token, row));
  return row;
}

async function remove(token, row) {
  if (!(await ask({ title: t.ask(token.label), text: t.askText, yes: t.revoke }))) return;
  try {
    await api(`/tokens/${token.id}`, { method: 'DELETE' });
    const gone = item({ ...token, revoked: true });
    row.replaceWith(gone);
    say(t.revokedSaid);
    focusOn(gone);
  } catch (error) {
    report(error);
  }
}

// ---- A new one ----

/** Only what they may themselves; reading and sharing is what most scripts do. */
function drawActs() {
  const boxes = session.may.map(act => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'act', value: act, checked: act === 'read' || act === 'upload' }), words.acts[act] ?? act));
  $('token-acts').replaceChildren($('token-acts').querySelector('legend'), ...boxes, h('p', { class: 'below', id: 'token-acts-help', hidden: true }));
}

function open(on) {
  show($('token-form'), on);
  $('token-new').setAttribute('aria-expanded', on);
  if (on) $('token-label').focus();
}

const chosenActs = () => Array.from($('token-acts').querySelectorAll('input:checked'), box => box.value);

function check() {
  wrong($('token-label'), $('token-label').value.trim() ? '' : t.needLabel);
  wrong($('token-acts'), chosenActs().length > 0 ? '' : t.needAct);
  wrong($('token-scopes'), scopesOf($('token-scopes').value) ? '' : t.badScopes);
  const bad = $('token-form').querySelector('[aria-invalid]');
  (bad?.matches('fieldset') ? bad.querySelector('input') : bad)?.focus();
  return !bad;
}

async function make() {
  const until = $('token-until').value;
  const wish = { label: $('token-label').value.trim(), acts: chosenActs(), scopes: scopesOf($('token-scopes').value), expires_s: until ? Number(until) : null };
  try {
    const made = await api('/tokens', { method: 'POST', json: wish });
    $('tokens').prepend(item(made));
    show($('tokens-none'), false);
    $('token-form').reset();
    open(false);
    showOnce(made.token);
  } catch (error) {
    report(error);
  }
}

/** The token itself: in this note and nowhere else, and gone with it. */
function showOnce(text) {
  const field = h('input', { readonly: true, id: 'token-text', 'aria-label': t.madeField, value: text });
  const copy = h('button', { type: 'button', class: 'button main', id: 'token-copy' }, icon('link'), h('span', {}, t.copy));
  const rest = [t.madeRest, ' ', h('code', {}, 'Authorization: Bearer rb_…')];
  const box = note('ok', t.made, rest, { id: 'token-made' });
  box.lastElementChild.append(h('div', { class: 'copy field' }, field, copy));
  copyButton(copy, field);
  $('tokens-notes').replaceChildren(box);
  say(t.said);
  copy.focus();
}

let isListening = false;

function listen() {
  isListening = true;
  $('token-new').addEventListener('click', () => open($('token-form').hidden));
  $('token-cancel').addEventListener('click', () => {
    open(false);
    $('token-new').focus();
  });
  $('tokens-more').addEventListener('click', () => load(next));
  $('token-form').addEventListener('input', event => {
    if (event.target.matches('[aria-invalid]')) wrong(event.target, '');
    if (event.target.name === 'act') wrong($('token-acts'), '');
  });
  $('token-form').addEventListener('submit', event => {
    event.preventDefault();
    if (check()) busily($('token-make'), t.making, make);
  });
}

/** Draws the tokens of who is signed in. */
export function startTokens() {
  if (!isListening) listen();
  $('tokens-notes').replaceChildren();
  drawActs();
  return load();
}
