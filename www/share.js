// Share: the form, the three steps, and the page that says it is done. The upload itself is upload.js.
import { $, api, button, clock, copyButton, courseKey, coursePage, coursePath, explain, focusOn, h, icon, kind, note, say, show, size, startLive, when, words } from './base.js';
import { courseMark } from './mark.js';
import { Upload } from './upload.js';

const TYPING_MS = 300;                    // after the last key, before the course is looked up
const FILE_MAX_BYTES = 2 ** 31;
const COURSE_MAX = 128;                   // characters
const CHECK_SHOWN_MS = 300;               // a shorter check is not worth a step
const TRIES = 6;                          // for want of a quorum
const WAIT_MAX_S = 120;
const WAIT_S = 5;                         // when the server names no time
const QUICK_RETRY_S = 2;

const t = words.share;
const form = $('share-form'), course = $('course'), chooser = $('file'), drop = $('drop');
const fields = ['title', 'instructor', 'term', 'note'];
const fieldValues = () => Object.fromEntries(fields.map(name => [name, $(name).value.trim()]));
let file = null, known = null, cluster = null, upload = null, waiting = null, looking = null, typing = 0;

const quorum = () => { const k = cluster?.k_effective || cluster?.k; return k ? [Math.floor(k / 2) + 1, k] : []; };

// ---- One view at a time ----

const views = ['form', 'progress', 'done'];
function view(name, title) {
  for (const one of views) show($(`${one}-view`), one === name);
  document.title = title;
}
const toForm = () => view('form', t.title);

// ---- The course: what is filed under this name already ----

function below(name, ...content) {
  const line = $(`${name}-help`);
  line.classList.remove('wrong');
  line.replaceChildren(...content);
  show(line, name === 'course' || content.length > 0);
  (name === 'file' ? drop : $(name)).removeAttribute('aria-invalid');
  if (name === 'file') chooser.removeAttribute('aria-invalid');
}

/** Puts an error in the place of a field's help. */
function wrong(name, text) {
  below(name, icon('bad'), h('span', {}, text));
  $(`${name}-help`).classList.add('wrong');
  $(name).setAttribute('aria-invalid', 'true');
  if (name === 'file') drop.setAttribute('aria-invalid', 'true');
}

/** What is filed under a name: {item} or null. The list is asked first: it knows no 404, and a course that is not there is no error. */
async function filed(name, signal) {
  const key = courseKey(name);
  try {
    const answer = await api(`/courses?${new URLSearchParams({ q: name, sort: 'name', limit: 50 })}`, { signal });
    const item = answer.items.find(one => one.key === key);
    if (item || answer.next === null) return item || null;
  } catch (error) {
    if (error.status !== 503) throw error;
  }
  const whole = await api(coursePath(name), { signal }).catch(error => { if (error.status === 404) return null; throw error; });
  return whole && !whole.current.deleted ? { ...whole, versions: whole.versions.length } : null;
}

function showFiled() {
  if (!known) { below('course', icon('info'), h('span', {}, t.fresh)); return; }
  const { current, versions } = known;
  const reusable = (current.title || current.instructor) && !$('title').value && !$('instructor').value;
  below('course', icon('info'), h('span', {}, t.filed,
    h('a', { href: coursePage(known.course), target: '_blank', rel: 'noopener' }, t.filedLink(versions, when(current.uploaded_at))),
    t.filedRest(Math.max(versions, current.version) + 1, versions === 1),
    reusable && [' ', h('button', { type: 'button', class: 'text', id: 'reuse', onclick: reuse }, t.reuse)]));
}

function reuse() {
  $('title').value = known.current.title;
  $('instructor').value = known.current.instructor;
  showFiled();
  $('title').focus();
  say(t.reused);
}

async function lookUp() {
  looking?.abort();
  looking = new AbortController();
  known = null;
  const name = course.value.trim();
  if (!courseKey(name)) { below('course'); return; }
  try {
    known = await filed(name, looking.signal);
    showFiled();
    say($('course-help').textContent);
  } catch (error) {
    if (error.name !== 'AbortError') below('course'); // nothing to say about it; sharing itself will tell
  }
}

course.addEventListener('input', () => {
  clearTimeout(typing);
  looking?.abort();
  known = null;
  below('course');
  typing = setTimeout(lookUp, TYPING_MS);
});

// ---- The file: by button or dropped anywhere on the page ----

function choose(chosen) {
  file = chosen;
  below('file');
  $('drop-title').textContent = file ? file.name : t.drop;
  $('drop-text').textContent = file ? `${kind({ type: file.type, filename: file.name })}, ${size(file.size)}` : t.limits;
  $('choose').textContent = file ? t.change : t.choose;
  drop.classList.toggle('chosen', file !== null);
  drop.querySelector('.icon').replaceWith(icon(file ? 'file' : 'up'));
  if (!file) return;
  const complaint = fileComplaint();
  if (complaint) wrong('file', complaint);
  say(complaint || t.chosen(file.name, kind({ type: file.type, filename: file.name }), size(file.size)));
}

const gib = bytes => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const fileComplaint = () => (!file ? t.needFile : file.size === 0 ? t.emptyFile : file.size > FILE_MAX_BYTES ? t.tooBig(gib(file.size)) : '');

chooser.addEventListener('change', () => { if (chooser.files.length > 0) choose(chooser.files[0]); stopWaiting(t.fail.changed); });

const carriesFiles = event => [...event.dataTransfer?.types || []].includes('Files');
const open = () => !$('form-view').hidden;
let depth = 0; // dragenter and dragleave come for every element on the way
function hover(on) {
  if (!on) depth = 0;
  drop.classList.toggle('over', on);
  $('drop-title').textContent = on ? t.letGo(courseKey(course.value) && course.value.trim()) : file ? file.name : t.drop;
  if (!file) $('drop-text').textContent = on ? t.limitsShort : t.limits;
}
document.addEventListener('dragenter', event => { if (carriesFiles(event)) { event.preventDefault(); depth++; if (open()) hover(true); } });
document.addEventListener('dragleave', event => { if (carriesFiles(event) && --depth <= 0) hover(false); });
document.addEventListener('dragover', event => { if (carriesFiles(event)) { event.preventDefault(); event.dataTransfer.dropEffect = open() ? 'copy' : 'none'; } });
document.addEventListener('drop', event => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  hover(false);
  if (!open()) return;
  const items = [...event.dataTransfer.items || []].filter(item => item.kind === 'file');
  const folder = items.some(item => item.webkitGetAsEntry?.()?.isDirectory);
  if (event.dataTransfer.files.length > 1) {
    below('file', icon('info'), h('span', {}, t.several, h('code', {}, t.severalCode)));
    say(t.several + t.severalCode);
  } else if (folder) wrong('file', t.folder);
  else { choose(event.dataTransfer.files[0]); stopWaiting(t.fail.changed); }
});

// ---- Sharing ----

function courseComplaint(name) {
  if (!name) return t.needCourse;
  if ([...name].length > COURSE_MAX) return t.longCourse;
  if (/\p{Cc}/u.test(name)) return t.controlCourse;
  return courseKey(name) ? '' : t.badCourse;
}

form.addEventListener('submit', event => {
  event.preventDefault();
  const complaints = [['course', courseComplaint(course.value.trim())], ['file', fileComplaint()]].filter(([, text]) => text);
  for (const [name, text] of complaints) wrong(name, text);
  if (complaints.length > 0) { $(complaints[0][0]).focus(); return; }
  share({ ifMatch: known?.current.id });
});

/** Starts a new upload of what the form holds now. ifMatch: the version the reader was told about. */
function share({ ifMatch }) {
  stopWaiting();
  $('notes').replaceChildren();
  upload = new Upload({ course: course.value.trim(), file, fields: fieldValues(), ifMatch }, { check, checked, send, write, done, fail, cancelled });
  upload.tries = 0;
  attempt(true);
}

let checkSince = 0, spoken = 0, sending = false;

/** One try of the upload. by_hand: somebody pressed a button, so the focus may move. */
function attempt(by_hand) {
  upload.tries++;
  checkSince = Date.now();
  spoken = 0;
  sending = true;
  const [w, k] = quorum();
  $('progress-title').textContent = t.sharing(upload.course);
  $('sending-name').textContent = upload.file.name;
  $('sending-kind').textContent = `${kind({ type: upload.file.type, filename: upload.file.name })}, ${size(upload.file.size)}`;
  $('write-title').textContent = t.writing(w, k);
  for (const id of ['check-text', 'send-text']) $(id).replaceChildren();
  show($('step-check'), false);
  show($('progress'), false);
  show($('write-text'), false);
  show($('cancel-line'), true);
  show($('stay'), true);
  step('step-check');
  view('progress', t.sharingTitle(upload.course));
  if (by_hand) focusOn($('progress-title'));
  upload.start();
}

function step(now_id) {
  const ids = ['step-check', 'step-send', 'step-write'];
  ids.forEach((id, i) => {
    $(id).classList.toggle('done', i < ids.indexOf(now_id));
    if (id === now_id) $(id).setAttribute('aria-current', 'step'); else $(id).removeAttribute('aria-current');
  });
}

function check(done, total, left_s) {
  if (Date.now() - checkSince < CHECK_SHOWN_MS) return;
  show($('step-check'), true);
  $('check-text').replaceChildren(h('b', {}, `${Math.floor(done / total * 100)} %`), h('span', {}, t.checkLeft(left_s)));
}

const shortHash = sha => `${sha.slice(0, 4)} ${sha.slice(4, 8)} … ${sha.slice(-4)}`;

function checked(fingerprint) {
  if (!fingerprint) show($('step-check'), true);
  $('check-text').replaceChildren(h('span', {}, fingerprint ? t.fingerprint(shortHash(fingerprint)) : t.byServer));
  step('step-send');
  show($('progress'), true);
  $('progress').setAttribute('aria-label', t.sendingName(upload.file.name));
  bar(0);
}

function bar(percent) {
  $('progress').setAttribute('aria-valuenow', percent);
  $('progress').firstElementChild.style.width = `${percent}%`;
}

function send({ sent, total, rate, left_s }) {
  const percent = Math.min(100, Math.floor(sent / total * 100));
  bar(percent);
  $('send-text').replaceChildren(h('b', {}, `${percent} %`), h('span', {}, t.sentOf(size(Math.min(sent, total)), size(total))),
    rate > 0 && h('span', {}, t.rate(size(rate))) || '', rate > 0 && percent < 100 ? h('span', {}, t.left(left_s)) : '');
  const quarter = Math.floor(percent / 25) * 25;
  if (quarter > spoken) { spoken = quarter; say(t.sentPercent(quarter)); }
}

function write() {
  bar(100);
  step('step-write');
  show($('write-text'), true);
  show($('cancel-line'), false);
  show($('stay'), false);
}

$('cancel').addEventListener('click', () => upload.cancel());

function cancelled() {
  sending = false;
  toForm();
  $('notes').replaceChildren(note('info', t.cancelled.strong));
  $('share-button').focus();
}

window.addEventListener('beforeunload', event => { if (sending) event.preventDefault(); });

// ---- Done ----

function done(record, same) {
  sending = false;
  const w = t.done;
  const copies = record.copies || [], k = quorum()[1];
  const zoneOf = copy => cluster?.nodes.find(node => node.id === copy.node || node.name === copy.name)?.zone;
  $('done-mark').replaceChildren(courseMark(record.key));
  $('done-title').textContent = same ? w.sameH1 : w.h1;
  $('done-line').textContent = same ? w.sameLine(record.course)
    : k ? w.line(record.course, record.version, copies.length, Math.max(k, copies.length), clock(record.uploaded_at)) : w.lineOnly(record.course, record.version, copies.length, clock(record.uploaded_at));
  $('done-link').value = location.origin + coursePage(record.course);
  $('done-version').href = coursePage(record.course, record.id);
  $('done-version').textContent = w.versionLink(record.version);
  $('done-course').href = coursePage(record.course);
  show($('done-disk'), copies.length > 0);
  $('copies').replaceChildren(...copies.map(copy => h('li', { class: 'badge ok', 'data-node': copy.name }, icon('tick'), w.onDisk(copy.name, zoneOf(copy)))));
  $('done-sha').textContent = `${record.sha256.slice(0, 20)}…${record.sha256.slice(-4)}`;
  $('done-sha').title = record.sha256;
  $('done-sha').dataset.sha256 = record.sha256;
  $('done-sha-text').textContent = !upload.fingerprint ? w.servers : upload.fingerprint === record.sha256 ? w.ours : w.stranger;
  view('done', t.doneTitle(record.course));
  focusOn($('done-title'));
}

copyButton($('copy'), $('done-link'));

// ---- What can go wrong ----

function report(level, strong, rest, actions = []) {
  const box = note(level, strong, rest, { actions, own: true, id: 'share-note' });
  $('notes').replaceChildren(box);
  box.focus();
}

const again = (text = t.fail.again) => button(text, () => attempt(true), { class: 'button main' });
const numbered = problem => (problem.request_id ? t.fail.request(problem.request_id) : '');
const stop = text => { stopWaiting(); report('info', text); $('share-button').focus(); };

const failures = {
  0: failure => {
    if (failure.unread) { choose(null); chooser.value = ''; report('bad', t.fail.unread.strong, t.fail.unread.rest); return; }
    if (failure.late) report('warn', t.fail.brokeLate, t.fail.brokeLateRest, [again(t.fail.sendAgain)]);
    else report('bad', navigator.onLine === false ? t.fail.offline : t.fail.broke(failure.percent), t.fail.brokeRest, [again(t.fail.sendAgain)]);
  },
  400: failure => besideField(failure),
  412: async () => {
    const newer = await api(coursePath(upload.course)).catch(() => null); // it is there: somebody has just changed it
    if (newer && !newer.current.deleted) { known = { ...newer, versions: newer.versions.length }; showFiled(); }
    const version = newer?.versions[0]?.version;
    report('warn', t.fail.newer(version), t.fail.newerRest, [
      h('a', { class: 'button', href: coursePage(upload.course), target: '_blank', rel: 'noopener' }, t.fail.newerSee),
      button(t.fail.newerMine(version && version + 1), () => share({}), { class: 'button main', id: 'share-mine' })]);
  },
  413: () => { wrong('file', t.fail.size(size(upload.file.size))); $('file').focus(); },
  415: failure => { wrong('file', t.fail.type.strong); report('bad', t.fail.type.strong, `${failure.problem.detail ? `${failure.problem.detail} ` : ''}${t.fail.type.rest}`); },
  422: failure => besideField(failure),
  429: failure => {
    const counter = h('span');
    report('warn', t.fail.quick, counter);
    countDown(failure.retry_s || QUICK_RETRY_S, left => { counter.textContent = t.fail.quickRest(left); }, () => {});
  },
  503: failure => waitAndTry(failure),
  504: failure => waitAndTry({ ...failure, unknown: true }),
  502: failure => waitAndTry({ ...failure, unknown: true }),
  507: failure => report('bad', t.fail.full.strong, t.fail.full.rest + numbered(failure.problem)),
};

function fail(failure) {
  sending = false;
  toForm();
  const known_way = failures[failure.status];
  if (known_way) known_way(failure);
  else if (failure.status >= 500) report('bad', t.fail.server, explain(failure), [again()]);
  else report('bad', t.fail.other, explain(failure));
}

/** 400 and 422 belong to a field: the server names it, or its sentence does. */
function besideField({ status, problem }) {
  const detail = problem.detail || problem.title || t.fail.other;
  const name = ['course', ...fields, 'file'].find(one => new RegExp(`\\b${one}`, 'i').test(problem.field || detail)) || (/empty/i.test(detail) && 'file');
  if (!name) { report('bad', t.fail.other, explain({ status, problem })); return; }
  wrong(name, detail);
  $(name).focus();
}

// ---- Too few machines can write: wait and try again, counted aloud once and in sight every second ----

function waitAndTry({ problem, retry_s, unknown }) {
  const w = t.fail;
  const can = problem.can_write, k = quorum()[1], counted = Number.isInteger(can) && k;
  const strong = counted ? w.noWrites(can, k) : unknown || problem.needed === undefined ? w.busy : w.noWritesPlain;
  const rest = counted || problem.needed !== undefined ? w.noWritesRest(problem.needed) : w.busyRest;
  if (upload.tries >= TRIES) { report('bad', strong, `${rest} ${w.gaveUp(upload.tries)}${numbered(problem)}`, [again()]); return; }
  const first = retry_s || WAIT_S;
  const jitter = upload.tries === 1 ? 1 : 0.8 + Math.random() * 0.4;
  const wait_s = Math.min(WAIT_MAX_S, Math.max(1, Math.round(first * 2 ** (upload.tries - 1) * jitter)));
  const counter = h('b', { id: 'retry-in' });
  report('warn', strong, [rest, w.tryingIn, counter, w.tries(upload.tries + 1, TRIES)],
    [button(w.tryNow, () => { stopWaiting(); attempt(true); }, { class: 'button main', id: 'try-now' }), button(w.stopTrying, () => stop(w.stopped), { id: 'stop-trying' })]);
  countDown(wait_s, left => { counter.textContent = w.seconds(left); }, () => attempt(false));
}

function countDown(seconds, tell, then) {
  tell(seconds);
  waiting = { timer: setInterval(() => {
    tell(--seconds);
    if (seconds <= 0) { stopWaiting(); then(); }
  }, 1000) };
}

/** Ends a countdown. With a text the reader is told why. */
function stopWaiting(text) {
  if (!waiting) return;
  clearInterval(waiting.timer);
  waiting = null;
  if (text) $('notes').replaceChildren(note('info', text));
}

form.addEventListener('input', event => { if (event.target !== chooser) stopWaiting(t.fail.changed); });
for (const name of fields) $(name).addEventListener('input', () => below(name));

// ---- Start ----

$('share-another').addEventListener('click', event => {
  event.preventDefault();
  form.reset();
  choose(null);
  below('course');
  known = null;
  history.replaceState(null, '', '/share');
  toForm();
  course.focus();
});

startLive({ onCluster: answer => {
  cluster = answer;
  $('about-disk').textContent = t.aboutDisk(...quorum());
} });

course.value ||= new URLSearchParams(location.search).get('course') || '';
if (chooser.files.length > 0) choose(chooser.files[0]); // kept by the browser over a reload
if (course.value) lookUp();
