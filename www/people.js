// Who has an account here, as a table; each row opens the dialog of person.js. The settings below it are settings.js.
import { $, ApiError, api, date, explain, focusOn, h, note, say, show, startLive } from './base.js';
import { keptOut, notLoaded } from './ask.js';
import { openPerson } from './person.js';
import { may, onWho } from './session.js';
import { drawSettings } from './settings.js';
import words from './words/en-people.js';

const t = words.people;
const PAGE = 50;

let next = null;

function report(error) {
  if (!(error instanceof ApiError)) throw error;
  const box = note('bad', t.failed, explain(error), { own: true });
  $('notes').replaceChildren(box);
  focusOn(box);
}

const stateOf = account => (account.disabled ? t.states.off : account.has_password ? t.states.on : t.states.noPassword);

function row(account) {
  const change = h('button', { type: 'button', class: 'text', 'data-do': 'change', 'aria-label': t.changeLabel(account.name) }, t.change);
  const element = h('tr', { 'data-user': account.name, 'data-role': account.role, 'data-disabled': String(account.disabled) },
    h('th', { scope: 'row' }, account.shown, account.shown !== account.name && h('span', { class: 'second' }, ` ${account.name}`)),
    h('td', {}, t.roles[account.role]?.[0] ?? account.role),
    h('td', {}, account.scopes.join(', ') || t.all),
    h('td', {}, stateOf(account)),
    h('td', {}, date(account.created_at)),
    h('td', {}, change));
  change.addEventListener('click', () => edit(account, element));
  return element;
}

async function edit(account, element) {
  const done = await openPerson(account);
  if (!done) return;
  $('notes').replaceChildren();
  say(done.words);
  if (done.removed) {
    const near = element.nextElementSibling ?? element.previousElementSibling;
    element.remove();
    focusOn(near ?? $('people-title'));
    return;
  }
  const fresh = row(done.account);
  if (element) element.replaceWith(fresh);
  else $('people').tBodies[0].prepend(fresh);
  fresh.querySelector('button').focus();
}

async function load(cursor) {
  const page = await api(`/users?${new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) })}`);
  const rows = page.items.map(row);
  if (cursor) $('people').tBodies[0].append(...rows);
  else $('people').tBodies[0].replaceChildren(...rows);
  next = page.next;
  show($('people-more'), next !== null);
}

$('people-more').addEventListener('click', () => load(next).catch(report));
$('person-new').addEventListener('click', () => edit(null, null));

/** Settings are asked of the machines and come without the index too; the list does not. */
async function drawAll() {
  try {
    await Promise.all([drawSettings(), load()]);
    $('notes').replaceChildren();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    $('notes').replaceChildren(notLoaded(error, drawAll));
  }
}

function drawPage() {
  const isAllowed = may('accounts');
  show($('people-view'), isAllowed);
  show($('state'), !isAllowed);
  if (isAllowed) drawAll();
  else $('state').replaceChildren(keptOut());
}

onWho(drawPage);

startLive({ onRefresh: drawPage });
