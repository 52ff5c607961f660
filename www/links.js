// Links of a course for people without an account: those there are, a new one, and revoking. Loaded for those who may make one.
import { $, ApiError, api, copyButton, coursePath, date, explain, focusOn, h, icon, note, now, say, show } from './base.js';
import { ask, busily, wrong } from './ask.js';
import words from './words/en-people.js';

const t = words.links;
const PAGE = 50;
const PASSWORD_LEAST = 8;

let path = '';
let shownRecord = () => null;
let next = null;

/** Puts the card into the course's page. record(): the version that is open there. Asked again it only looks anew. */
export function startLinks(course, record) {
  path = `${coursePath(course)}/links`;
  shownRecord = record;
  if (!$('links-card')) build();
  return load();
}

function build() {
  $('course-view').querySelector('.cols > div:last-child').append($('links-template').content.cloneNode(true));
  $('link-new').addEventListener('click', () => open($('link-form').hidden));
  $('link-cancel').addEventListener('click', () => {
    open(false);
    $('link-new').focus();
  });
  $('links-more').addEventListener('click', () => load(next));
  $('link-form').addEventListener('input', event => {
    if (event.target.matches('[aria-invalid]')) wrong(event.target, '');
  });
  $('link-form').addEventListener('submit', event => {
    event.preventDefault();
    if (check()) busily($('link-make'), t.making, make);
  });
}

function open(on) {
  show($('link-form'), on);
  $('link-new').setAttribute('aria-expanded', on);
  if (on) $('link-label').focus();
}

function report(error) {
  if (!(error instanceof ApiError)) throw error;
  const box = note('bad', t.failed, explain(error), { own: true });
  $('links-notes').replaceChildren(box);
  focusOn(box);
}

// ---- Those there are ----

async function load(cursor) {
  try {
    const page = await api(`${path}?${new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) })}`);
    const items = page.items.map(item);
    if (cursor) $('links').append(...items);
    else $('links').replaceChildren(...items);
    next = page.next;
    show($('links-more'), next !== null);
    show($('links-none'), $('links').childElementCount === 0);
  } catch (error) {
    if (error.status !== 404) report(error); // 404: nothing is filed here yet
  }
}

/** What a link is worth: still open, or why not. */
function state(link) {
  if (link.revoked) return t.revoked;
  if (new Date(link.expires_at) <= now()) return t.expired(date(link.expires_at));
  if (link.downloads_max !== null && link.downloads >= link.downloads_max) return t.usedUp;
  return t.until(date(link.expires_at));
}

const address = text => `${location.origin}/l/${text}`;

function item(link) {
  const facts = [
    state(link),
    link.downloads !== null && t.downloads(link.downloads, link.downloads_max),
    link.has_password && t.hasPassword,
    link.record && t.oneVersion,
    t.by(link.by),
  ].filter(Boolean);
  const field = h('input', { readonly: true, 'aria-label': t.address(link.label), value: link.text ? address(link.text) : '' });
  const copy = h('button', { type: 'button', class: 'button', 'aria-label': t.copyLabel(link.label) }, icon('link'), h('span', {}, t.copy));
  const revoke = h('button', { type: 'button', class: 'text danger', 'data-do': 'revoke', 'aria-label': t.revokeLabel(link.label) }, t.revoke);
  const row = h('li', { 'data-link': link.id }, h('b', {}, link.label || t.unnamed), h('p', { class: 'second' }, facts.join(' · ')),
    link.text && h('div', { class: 'copy' }, field, copy), !link.revoked && revoke);
  if (link.text) copyButton(copy, field);
  revoke.addEventListener('click', () => remove(link, row));
  return row;
}

async function remove(link, row) {
  if (!(await ask({ title: t.ask(link.label), text: t.askText, yes: t.revoke }))) return;
  try {
    await api(`/links/${link.id}`, { method: 'DELETE' });
    const gone = item({ ...link, revoked: true, text: null });
    row.replaceWith(gone);
    say(t.revokedSaid);
    focusOn(gone);
  } catch (error) {
    report(error);
  }
}

// ---- A new one ----

function check() {
  const password = $('link-password').value;
  const downloads = $('link-downloads').value.trim();
  wrong($('link-password'), password && [...password].length < PASSWORD_LEAST ? t.shortPassword(PASSWORD_LEAST) : '');
  wrong($('link-downloads'), downloads && !/^[1-9][0-9]*$/.test(downloads) ? t.badDownloads : '');
  const bad = $('link-form').querySelector('[aria-invalid]');
  bad?.focus();
  return !bad;
}

async function make() {
  const password = $('link-password').value;
  const downloads = $('link-downloads').value.trim();
  const wish = {
    label: $('link-label').value.trim(),
    expires_s: Number($('link-until').value),
    ...(password && { password }),
    ...(downloads && { downloads_max: Number(downloads) }),
    ...($('link-fixed').checked && { record: shownRecord().id }),
  };
  try {
    const made = await api(path, { method: 'POST', json: wish });
    const row = item(made);
    $('links').prepend(row);
    $('links-notes').replaceChildren(note('ok', t.made, password ? t.madePassword : t.madeRest));
    show($('links-none'), false);
    $('link-form').reset();
    open(false);
    row.querySelector('input').focus();
    row.querySelector('input').select();
    say(t.made);
  } catch (error) {
    if (error.status === 422 || error.status === 400) besideField(error);
    else report(error);
  }
}

/** The API says which field in its sentence. */
function besideField(error) {
  const detail = error.problem.detail || '';
  const input = /password/i.test(detail) ? $('link-password') : /download/i.test(detail) ? $('link-downloads') : null;
  if (!input) {
    report(error);
    return;
  }
  wrong(input, detail);
  input.focus();
}
