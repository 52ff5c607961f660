// Who is signed in: the button or name in the header of every page, what the API has to be told with a change, and what happens when it says "sign in first".
import { $, apiOnce, explain, h, icon, note, say, setGate, show, words } from './base.js';

const w = words.who;
const nobody = { user: null, shown: null, role: 'nobody', how: 'nobody', may: [], csrf: null, rules: null, unsure: false };
const AGAIN_MS = 5000; // while nobody can tell who is signed in

/**
 * As GET /session told it last. rules: what everybody may (null while not known); unsure: nobody can tell just now whether somebody is signed in. Nothing of it is
 * kept anywhere else.
 */
export let session = nobody;

let looking = null;
const callbacks = [];

/** True when they may do that for some course at least: 'read', 'upload', 'alter', 'link', 'moderate', 'operate', 'accounts', 'self'. */
export const may = act => session.may.includes(act);

/** Calls back now and whenever somebody else is signed in, or nobody any more. */
export function onWho(callback) {
  callbacks.push(callback);
  if (told !== null) callback(session);
}

let told = null; // whom the page was drawn for
let isHeld = false; // a dialog asks who it is: whoever signs in again goes on where they were, with all they typed

function tellPage() {
  const who = `${session.user} ${session.role} ${session.unsure}`;
  if (isHeld || !session.rules || told === who) return;
  told = who;
  for (const callback of callbacks) callback(session);
}

function learn(answer) {
  if (answer.unsure) setTimeout(look, AGAIN_MS);
  if (answer.unsure && session.user) return; // whoever it was, most likely is still; the API decides
  session = { ...nobody, ...answer };
  drawMenu();
  tellPage();
}

/** Asks who is signed in; all who ask meanwhile get the same answer. An api that does not answer changes nothing. */
export function look() {
  looking ??= apiOnce('/session').then(learn, () => {}).finally(() => {
    looking = null;
  });
  return looking;
}

let asking = null;

/**
 * Opens the dialog over whatever is shown. reason: 'share', 'change', 'read' or none. True when somebody is signed in afterwards.
 * Asked twice at once there is one dialog.
 */
export function signIn(reason) {
  asking ??= import('./sign-in.js')
    .then(({ askName }) => askName(reason, session.rules))
    .then(answer => {
      if (!answer) return false;
      learn(answer);
      say(w.signedIn(answer.shown));
      return true;
    })
    .finally(() => {
      asking = null;
    });
  return asking;
}

/**
 * After a refusal. A session that is over is forgotten by the browser with the answer that says so: what only reads is asked again as nobody, what changes
 * something waits for the dialog. A change under an old token (somebody signed in anew in another tab) goes out again under the new one.
 */
async function refused(status, isChange) {
  isHeld ||= isChange;
  try {
    return await learnFrom(status, isChange);
  } finally {
    isHeld = false;
    tellPage();
  }
}

async function learnFrom(status, isChange) {
  const before = session;
  const canRead = () => session.user !== null || session.rules?.public_read === true;
  if (status === 401 && !isChange && !before.user && before.rules) return canRead(); // the cookie of a session that is over went with this answer
  await look();
  if (before.user && !session.user) say(w.over);
  if (status === 401) return isChange ? signIn('change') : canRead();
  return isChange && session.csrf !== before.csrf;
}

let isFirst = true;
setGate({
  headers: async () => {
    if (isFirst && looking) await looking; // a page that changes something at once still needs the token
    return session.csrf ? { 'RB-CSRF': session.csrf } : {};
  },
  refused,
});

// ---- The header ----

const link = (href, text) => h('li', {}, h('a', { href, 'aria-current': location.pathname === href && 'page' }, text));

function drawMenu() {
  const place = $('who');
  if (!place) return;
  if (!session.user) {
    place.replaceChildren(h('button', { type: 'button', class: 'who-button', id: 'sign-in', onclick: () => signIn() }, w.signIn));
    return;
  }
  const isOpen = () => toggle.getAttribute('aria-expanded') === 'true';
  const open = on => {
    toggle.setAttribute('aria-expanded', on);
    show(list, on);
  };
  const toggle = h('button', { type: 'button', class: 'who-button', id: 'name', 'aria-expanded': 'false', 'aria-controls': 'name-menu', onclick: () => open(!isOpen()) },
    icon('person'), h('span', {}, session.shown));
  const list = h('ul', { class: 'menu', id: 'name-menu', hidden: true },
    h('li', { class: 'menu-who' }, w.menu(session.user, w.roles[session.role])),
    link('/account', w.account),
    may('moderate') && link('/waiting', w.waiting),
    may('accounts') && link('/people', w.people),
    session.how === 'session' && h('li', {}, h('button', { type: 'button', id: 'sign-out', onclick: () => signOut() }, w.signOut)));
  place.replaceChildren(toggle, list);
  place.onkeydown = event => {
    if (event.key !== 'Escape' || !isOpen()) return;
    open(false);
    toggle.focus();
  };
  place.onfocusout = event => {
    if (!place.contains(event.relatedTarget)) open(false);
  };
}

/** everywhere: all sessions of theirs, also on other machines. The page is loaded anew, so that nothing of theirs stays in it. */
export async function signOut({ everywhere = false } = {}) {
  try {
    await apiOnce(everywhere ? '/sessions' : '/session', { method: 'DELETE' });
  } catch (error) {
    if (error.status !== 401) { // 401: it was over already
      const box = note('bad', w.failed, explain(error), { own: true });
      $('main').prepend(h('div', { class: 'wrap page' }, box));
      box.focus();
      return;
    }
  }
  location.assign('/');
}

look().then(() => {
  isFirst = false;
  drawMenu();
  // Where nobody may read without an account, there is nothing else to show.
  if (!session.user && !session.unsure && session.rules && !session.rules.public_read && !location.pathname.startsWith('/l/')) {
    signIn('read').then(done => done && location.reload());
  }
});
