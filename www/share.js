// Share: the form (form.js) goes out (upload.js); this shows the three steps, the page that says it is done, and what went wrong.
import { $, api, button, clock, copyButton, coursePage, coursePath, explain, focusOn, h, icon, note, say, show, size, startLive, words } from './base.js';
import { checkForm, clearForm, dropFile, fileWords, learn, onEdit, readForm, wrong, wrongByProblem } from './form.js';
import { courseMark } from './mark.js';
import { look, may, onWho, session, signIn } from './session.js';
import { Upload } from './upload.js';

const CHECK_SHOWN_BYTES = 24e6; // a smaller file is checked in less than 300 ms, which is not worth a step
const TRIES = 6; // for want of a quorum
const WAIT_MAX_S = 120;
const WAIT_S = 5; // when the server names no time
const QUICK_WAIT_S = 2; // the same, after a 429

const t = words.share;

let cluster = null;
let upload = null;
let tries = 0; // of this upload
let isStale = false; // the form was changed after this upload was made from it
let isSending = false;
let waiting = 0; // the countdown's timer

/** [how many machines must have it on disk, of how many], or [] while the cluster has not answered. */
function quorum() {
  const k = cluster?.k_effective || cluster?.k;
  return k ? [Math.floor(k / 2) + 1, k] : [];
}

// ---- One view at a time ----

function view(name, title) {
  for (const one of ['form', 'progress', 'done', 'waits']) show($(`${one}-view`), one === name);
  document.title = title;
}

const toForm = () => view('form', t.title);

$('share-form').addEventListener('submit', event => {
  event.preventDefault();
  if (checkForm()) share(readForm());
});

onEdit(() => {
  isStale = true;
  stopWaiting(t.fail.changed);
});

let isAsking = false; // who shares; a second press must not make a second upload

/** True when they may share; who may not is told so before anything is sent. */
async function mayShare() {
  await look();
  if (!session.user && !may('upload') && !(await signIn('share'))) {
    notSignedIn();
    return false;
  }
  if (may('upload')) return true;
  report('bad', t.fail.forbidden, t.fail.reader);
  return false;
}

/** Starts a new upload of what the form holds now. */
async function share(wish) {
  if (isAsking) return;
  isAsking = true;
  const isAllowed = await mayShare().finally(() => {
    isAsking = false;
  });
  if (!isAllowed) return;
  upload = new Upload(wish, { check, checked, send, write, done, waits, fail, cancelled });
  tries = 0;
  isStale = false;
  attempt({ byHand: true });
}

// ---- The three steps ----

let spoken = 0; // percent

/**
 * One try of the upload. byHand: somebody pressed a button, so the focus may move. What will be shown stands there from the start:
 * Cancel must not move away from the pointer.
 */
function attempt({ byHand }) {
  stopWaiting();
  $('notes').replaceChildren();
  tries++;
  spoken = 0;
  isSending = true;
  $('progress-title').textContent = t.sharing(upload.course);
  $('sending-name').textContent = upload.file.name;
  $('sending-kind').textContent = fileWords(upload.file);
  $('write-title').textContent = t.writing(...quorum());
  for (const id of ['check-text', 'send-text']) $(id).replaceChildren();
  show($('step-check'), upload.file.size >= CHECK_SHOWN_BYTES);
  show($('write-text'), false);
  $('progress').setAttribute('aria-label', t.sendingName(upload.file.name));
  bar(0);
  for (const id of ['cancel-line', 'stay']) show($(id), true);
  step(upload.file.size >= CHECK_SHOWN_BYTES ? 'step-check' : 'step-send');
  view('progress', t.sharingTitle(upload.course));
  if (byHand) focusOn($('progress-title'));
  upload.start();
}

function step(current) {
  const ids = ['step-check', 'step-send', 'step-write'];
  for (const [i, id] of ids.entries()) {
    $(id).classList.toggle('done', i < ids.indexOf(current));
    if (id === current) $(id).setAttribute('aria-current', 'step');
    else $(id).removeAttribute('aria-current');
  }
}

function check(ready, total, left_s) {
  $('check-text').replaceChildren(h('b', {}, `${Math.floor((ready / total) * 100)} %`), h('span', {}, t.checkLeft(left_s)));
}

const shortHash = sha => `${sha.slice(0, 4)} ${sha.slice(4, 8)} … ${sha.slice(-4)}`;

function checked(fingerprint) {
  $('check-text').replaceChildren(h('span', {}, fingerprint ? t.fingerprint(shortHash(fingerprint)) : t.byServer));
  step('step-send');
}

function bar(percent) {
  $('progress').setAttribute('aria-valuenow', percent);
  $('progress').firstElementChild.style.width = `${percent}%`;
}

function send({ sent, total, rate, left_s }) {
  const percent = Math.min(100, Math.floor((sent / total) * 100));
  const figures = [t.sentOf(size(Math.min(sent, total)), size(total))];
  if (rate > 0) figures.push(t.rate(size(rate)));
  if (rate > 0 && percent < 100) figures.push(t.left(left_s));
  bar(percent);
  $('send-text').replaceChildren(h('b', {}, `${percent} %`), ...figures.map(figure => h('span', {}, figure)));
  const quarter = Math.floor(percent / 25) * 25;
  if (quarter <= spoken) return;
  spoken = quarter;
  say(t.sentPercent(quarter));
}

/** All bytes are out: from here on nobody can take it back, so Cancel goes away. */
function write() {
  bar(100);
  step('step-write');
  show($('write-text'), true);
  for (const id of ['cancel-line', 'stay']) show($(id), false);
}

$('cancel').addEventListener('click', () => upload.cancel());

function cancelled() {
  isSending = false;
  toForm();
  $('notes').replaceChildren(note('info', t.cancelled));
  $('share-button').focus();
}

window.addEventListener('beforeunload', event => {
  if (isSending) event.preventDefault();
});

// ---- Done ----

function doneLine(record, isSame) {
  const copies = record.copies.length;
  const k = quorum()[1];
  const at = clock(record.uploaded_at);
  if (isSame) return t.done.sameLine(record.course);
  if (!k) return t.done.lineOnly(record.course, record.version, copies, at);
  return t.done.line(record.course, record.version, copies, Math.max(k, copies), at);
}

function fingerprintWords(record) {
  if (!upload.fingerprint) return t.done.servers;
  return upload.fingerprint === record.sha256 ? t.done.ours : t.done.stranger;
}

function done(record, isSame) {
  isSending = false;
  const zoneOf = copy => cluster?.nodes.find(node => node.id === copy.node)?.zone;
  const badge = copy => h('li', { class: 'badge ok', 'data-node': copy.name }, icon('tick'), t.done.onDisk(copy.name, zoneOf(copy)));
  $('done-mark').replaceChildren(courseMark(record.key));
  $('done-title').textContent = isSame ? t.done.sameH1 : t.done.h1;
  $('done-line').textContent = doneLine(record, isSame);
  $('done-link').value = location.origin + coursePage(record.course);
  $('done-version').href = coursePage(record.course, record.id);
  $('done-version').textContent = t.done.versionLink(record.version);
  $('done-course').href = coursePage(record.course);
  show($('done-disk'), record.copies.length > 0);
  $('copies').replaceChildren(...record.copies.map(badge));
  $('done-sha').textContent = `${record.sha256.slice(0, 20)}…${record.sha256.slice(-4)}`;
  $('done-sha').title = $('done-sha').dataset.sha256 = record.sha256;
  $('done-sha-text').textContent = fingerprintWords(record);
  view('done', t.doneTitle(record.course));
  focusOn($('done-title'));
}

/** It is on disk, but nobody sees it before a maintainer has accepted it. */
function waits(course) {
  isSending = false;
  $('waits-line').textContent = t.done.waitsLine(course);
  view('waits', t.done.waitsTitle(course));
  focusOn($('waits-title'));
}

copyButton($('copy'), $('done-link'));

$('share-another').addEventListener('click', event => {
  event.preventDefault();
  clearForm();
  history.replaceState(null, '', '/share');
  toForm();
  $('course').focus();
});

// ---- What can go wrong ----

function report(level, strong, rest, actions = []) {
  const box = note(level, strong, rest, { actions, own: true, id: 'share-note' });
  $('notes').replaceChildren(box);
  box.focus();
}

/** A button that asks again: the same upload under its Idempotency-Key, or a new one when the form was changed meanwhile. */
function again(label, attributes = {}) {
  const press = () => {
    if (!isStale) attempt({ byHand: true });
    else if (checkForm()) share(readForm());
  };
  return button(label, press, { class: 'button main', ...attributes });
}

const numbered = problem => (problem.request_id ? ` ${words.error.request(problem.request_id)}` : '');

const failures = {
  0: noAnswer,
  400: besideField,
  401: signInAndGoOn,
  403: forbidden,
  412: someoneWasFaster,
  413: () => {
    wrong('file', t.fail.size(size(upload.file.size)));
    $('file').focus();
  },
  415: ({ problem }) => {
    wrong('file', t.fail.type.strong);
    report('bad', t.fail.type.strong, [problem.detail, t.fail.type.rest].filter(Boolean).join(' '));
  },
  422: besideField,
  429: tooQuick,
  502: waitAndTry,
  503: waitAndTry,
  504: waitAndTry,
  507: ({ problem }) => report('bad', t.fail.full.strong, t.fail.full.rest + numbered(problem)),
};

function fail(failure) {
  isSending = false;
  toForm();
  const react = failures[failure.status];
  if (react) react(failure);
  else if (failure.status >= 500) report('bad', t.fail.server, explain(failure), [again(t.fail.again)]);
  else report('bad', t.fail.other, explain(failure));
}

function notSignedIn() {
  report('info', t.fail.notSignedIn, t.fail.notSignedInRest);
}

/** The session ended while the form was filled in or the file was on its way. */
async function signInAndGoOn() {
  if (await signIn('share')) attempt({ byHand: true });
  else notSignedIn();
}

/** The right is missing, or the proof is of another session: somebody signed in anew in another tab. */
async function forbidden({ problem }) {
  const before = session.csrf;
  await look();
  if (session.csrf !== before) attempt({ byHand: true });
  else report('bad', t.fail.forbidden, (problem.detail || t.fail.reader) + numbered(problem));
}

function noAnswer({ unread, late, percent }) {
  if (unread) {
    dropFile();
    report('bad', t.fail.unread.strong, t.fail.unread.rest);
  } else if (late) {
    report('warn', t.fail.brokeLate, t.fail.brokeLateRest, [again(t.fail.sendAgain)]);
  } else {
    const strong = navigator.onLine === false ? t.fail.offline : t.fail.broke(percent);
    report('bad', strong, t.fail.brokeRest, [again(t.fail.sendAgain)]);
  }
}

function besideField(failure) {
  if (!wrongByProblem(failure.problem)) report('bad', t.fail.other, explain(failure));
}

async function someoneWasFaster() {
  const newer = await api(coursePath(upload.course)).catch(() => null); // without it the note has no numbers
  if (newer) learn(newer);
  const version = newer?.versions[0].version;
  const see = h('a', { class: 'button', href: coursePage(upload.course), target: '_blank', rel: 'noopener' }, t.fail.newerSee);
  const mine = button(t.fail.newerMine(version && version + 1), () => share({ ...readForm(), ifMatch: undefined }), {
    class: 'button main',
    id: 'share-mine',
  });
  report('warn', t.fail.newer(version), t.fail.newerRest, [see, mine]);
}

function tooQuick({ retry_s }) {
  const counter = h('span');
  const tell = left_s => {
    counter.textContent = t.fail.quickRest(left_s);
  };
  report('warn', t.fail.quick, counter);
  countDown(retry_s || QUICK_WAIT_S, tell, () => {});
}

// ---- Too few machines can write, or none answered in time: wait and ask again. Said once, counted in sight every second ----

/** {strong, rest}: with figures when the server gave them and they are the reason. Code "unavailable" without them: nothing was begun, and the server says why. */
function quorumWords({ can_write: can, needed, type, detail }) {
  const k = quorum()[1];
  if (can === undefined && type === 'urn:ringbinder:error:unavailable') return { strong: t.fail.notYet, rest: `${detail} ${t.fail.noWritesRest(0)}` };
  if (!Number.isInteger(can) || !Number.isInteger(needed) || can >= needed) return { strong: t.fail.busy, rest: t.fail.busyRest };
  return { strong: k ? t.fail.noWrites(can, k) : t.fail.noWritesPlain, rest: t.fail.noWritesRest(needed) };
}

function waitAndTry({ problem, retry_s }) {
  const { strong, rest } = quorumWords(problem);
  if (tries >= TRIES) {
    report('bad', strong, `${rest} ${t.fail.gaveUp(tries)}${numbered(problem)}`, [again(t.fail.again)]);
    return;
  }
  const jitter = tries === 1 ? 1 : 0.8 + Math.random() * 0.4; // the first wait is what the server asked for
  const wait_s = Math.min(WAIT_MAX_S, Math.round((retry_s || WAIT_S) * 2 ** (tries - 1) * jitter));
  const counter = h('b', { id: 'retry-in' });
  const tell = left_s => {
    counter.textContent = t.fail.seconds(left_s);
  };
  report('warn', strong, [rest, t.fail.tryingIn, counter, t.fail.tries(tries + 1, TRIES)], [again(t.fail.tryNow, { id: 'try-now' }), stopButton()]);
  countDown(wait_s, tell, () => attempt({ byHand: false }));
}

function stopButton() {
  const press = () => {
    stopWaiting(t.fail.stopped);
    $('share-button').focus();
  };
  return button(t.fail.stopTrying, press, { id: 'stop-trying' });
}

/** Tells the seconds left, now and every second; at 0 calls then(). */
function countDown(seconds, tell, then) {
  let left_s = seconds;
  tell(left_s);
  waiting = setInterval(() => {
    left_s--;
    tell(left_s);
    if (left_s > 0) return;
    stopWaiting();
    then();
  }, 1000);
}

/** Ends a countdown. With a sentence the reader is told why. */
function stopWaiting(why) {
  if (!waiting) return;
  clearInterval(waiting);
  waiting = 0;
  if (why) $('notes').replaceChildren(note('info', why));
}

startLive({
  onCluster: answer => {
    cluster = answer;
    $('about-disk').textContent = t.aboutDisk(...quorum());
  },
});

// Who may read it once it is shared.
onWho(({ rules }) => {
  $('who-reads').textContent = rules?.public_read === false ? t.readers : t.everybody;
});
