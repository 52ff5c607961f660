// A course's page: the current syllabus or an older version, its history, where its copies are, and what may be done with it.
import { $, ApiError, api, button, clock, copyButton, courseKey, coursePage, coursePath, date, explain, focusOn, h, icon } from './base.js';
import { kind, note, say, show, size, startLive, syllabusPath, timeElement, when, words } from './base.js';
import { drawHistory, isUpload, liveVersions } from './history.js';
import { courseMark } from './mark.js';
import { card, hasPreview, preview } from './preview.js';
import { may, onWho, session } from './session.js';
import { whereabouts } from './where.js';

const w = words.course;
const asked = courseName();
let wanted = new URLSearchParams(location.search).get('version'); // a number or a record id

let course = null; // as the API gave it when the page was drawn; only its owners are renewed under the reader
let record = null; // the version that is open
let cluster = null;

/** The name in /s/{course}; a broken percent sign gives none. */
function courseName() {
  try {
    return decodeURIComponent(location.pathname.replace(/^\/s\//, '')).trim();
  } catch {
    return '';
  }
}

/** A guess, so that what leads nowhere is not offered; the API decides. Contributors alter what they uploaded themselves. */
const mayAlter = one => may('alter') && (one.uploader === session.user || ['maintainer', 'admin'].includes(session.role));

const isWanted = one => one.id === wanted || String(one.version) === wanted;

// ---- Drawing ----

function draw() {
  const live = liveVersions(course.versions);
  const uploads = course.versions.filter(isUpload);
  record = uploads.find(isWanted) || uploads.find(one => one.id === course.current.id) || live[0] || uploads[0];
  const isCurrent = record.id === course.current.id;
  const isReadable = live.includes(record);
  show($('state'), false);
  show($('course-view'), true);
  drawNotes(isCurrent, live[0] || uploads[0]);
  drawHead();
  drawDownload(isCurrent, isReadable);
  drawPreview(isCurrent, isReadable);
  drawFacts();
  drawRights();
  $('link').value = location.origin + coursePage(course.course);
  drawWhere();
}

/** What may be done here depends on who looks. */
function drawRights() {
  drawHistory($('history'), $('history-more'), course, { restore, remove: askRemove, mayAlter });
  show($('remove'), !course.current.deleted && course.versions.filter(isUpload).every(mayAlter));
  show($('access-button'), mayAlter(record));
  $('access').replaceChildren();
  if ($('restore')) show($('restore'), mayAlter(liveVersions(course.versions)[0] || record));
}

function drawHead() {
  document.title = w.title(course.course, record.title);
  $('course-mark').replaceChildren(courseMark(course.key));
  $('course-name').textContent = course.course;
  $('course-title').textContent = record.title;
  $('course-by').textContent = [record.instructor, record.term].filter(Boolean).join(', ');
}

/** Above the page: taken down, no such version, or an older version. last: what Restore would bring back. */
function drawNotes(isCurrent, last) {
  const notes = [];
  if (course.current.deleted) {
    const back = button(w.restoreLast(last.version), event => restore(last, event.currentTarget), { class: 'button main', id: 'restore' });
    const rest = w.deletedWhen(when(course.current.uploaded_at), course.current.uploader);
    notes.push(note('warn', w.deleted, rest, { id: 'deleted-note', actions: [back] }));
  } else if (wanted && !isWanted(record)) {
    notes.push(note('info', w.noVersion(wanted), w.noVersionRest, { id: 'no-version' }));
  } else if (!isCurrent) {
    const link = h('a', { href: coursePage(course.course) }, `${w.toCurrent}.`);
    notes.push(note('info', w.olderOpen(record.version, course.versions[0].version), link, { id: 'older-note' }));
  }
  $('notes').replaceChildren(...notes);
}

function drawDownload(isCurrent, isReadable) {
  const link = $('download');
  link.href = syllabusPath(course.course, { version: isCurrent ? '' : record.id, download: 1 });
  link.replaceChildren(icon('down'), h('b', {}, w.download(kind(record))), h('span', {}, size(record.size)));
  show(link, isReadable);
}

const nobodyHasIt = () => course.owners.length > 0 && course.owners.every(owner => owner.state !== 'stored');

function drawPreview(isCurrent, isReadable) {
  const url = syllabusPath(course.course, { version: record.id });
  const isAway = nobodyHasIt();
  $('preview-title').textContent = isCurrent ? w.current : w.older(record.version);
  $('preview-badge').className = isCurrent ? 'badge current' : '';
  $('preview-badge').textContent = isCurrent ? words.version(record.version) : '';
  $('open-full').href = url;
  $('open-full').replaceChildren(w.openFull, ' ', icon('out'));
  show($('open-full'), isReadable && !isAway && hasPreview(record));
  $('preview').dataset.away = isReadable && isAway;
  if (!isReadable) $('preview').replaceChildren(card(course.key, w.previewGone));
  else if (isAway) $('preview').replaceChildren(card(course.key, w.previewAway));
  else $('preview').replaceChildren(preview(record, url));
}

function drawFacts() {
  const sha = record.sha256;
  const at = timeElement(record.uploaded_at, `${date(record.uploaded_at)}, ${clock(record.uploaded_at)}`);
  const facts = [
    [words.facts.file, record.filename],
    [words.facts.kind, `${kind(record)}, ${size(record.size)}`],
    [words.facts.shared, at, record.uploader && w.by(record.uploader)],
    record.note && [words.facts.note, record.note],
    [words.facts.sha256, h('code', { title: sha, 'data-sha256': sha }, `${sha.slice(0, 8)} ${sha.slice(8, 16)} … ${sha.slice(-4)}`)],
  ];
  $('facts').replaceChildren(...facts.filter(Boolean).flatMap(([name, ...value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

// ---- Where is my file? Drawn again with every look at it, read out only when its first sentence changed ----

function ownerItem(copy) {
  const place = [copy.zone && words.where.zone(copy.zone), copy.host && words.where.host].filter(Boolean).join(', ');
  return h('li', { 'data-node': copy.name, 'data-state': copy.state },
    h('b', {}, copy.name), h('span', { class: 'second' }, place), h('span', { class: 'end' }, copy.text));
}

function drawWhere() {
  const found = whereabouts(course.owners, cluster);
  const place = $('where');
  const before = place.dataset.said;
  const box = note(found.level, found.strong, found.rest);
  box.removeAttribute('role'); // say() tells what is new
  show($('where-card'), !course.current.deleted && course.owners.length > 0);
  place.replaceChildren(box);
  place.dataset.level = found.level;
  place.dataset.said = found.level + found.strong;
  $('owners').replaceChildren(...found.copies.map(ownerItem));
  if (before && before !== place.dataset.said) say(found.strong);
  if ($('preview').dataset.away === 'true' && !nobodyHasIt()) draw(); // only a card was there: nothing is swapped under the reader
}

// ---- Loading, and looking again every five seconds without changing what is being read ----

async function load() {
  course = await api(coursePath(asked));
  draw();
}

/** Nothing is filed under this name, or the name is none. */
function drawNone() {
  const isName = courseKey(asked) !== '';
  const share = h('a', { class: 'button main', href: `/share?course=${encodeURIComponent(asked)}` }, w.share(asked));
  const find = h('a', { class: 'button', href: isName ? `/?q=${encodeURIComponent(asked)}` : '/' }, w.findOther);
  const text = h('p', { id: 'suggestion' }, w.noneRest);
  const title = h('h1', { tabindex: -1 }, isName ? w.none(asked) : w.badName);
  document.title = w.noneTitle(asked);
  show($('course-view'), false);
  show($('state'), true);
  $('state').replaceChildren(
    h('div', { class: 'sheet plain', id: 'nothing' }, courseMark(courseKey(asked)), title, text, h('div', { class: 'actions' }, isName && share, find)),
  );
  if (isName) import('./suggest.js').then(({ propose }) => propose(asked, text));
}

async function tick() {
  if ($('nothing')) return; // said once; asking again and again for what is not there helps nobody
  if (courseKey(asked) === '') drawNone();
  else if (course === null) await firstLoad();
  else await lookAgain();
}

async function firstLoad() {
  try {
    await load();
  } catch (error) {
    if (error.status === 404 || error.status === 400) {
      drawNone();
      return;
    }
    if (error instanceof ApiError && !$('load-error')) {
      const rest = error.status ? `${explain(error)} ${w.lost.rest}` : explain(error);
      $('state').replaceChildren(note('bad', w.lost.strong, rest, { id: 'load-error' }));
    }
    throw error;
  }
}

async function lookAgain() {
  const shown = course;
  const fresh = await api(coursePath(asked));
  if (course !== shown) return; // somebody pressed Restore meanwhile: this answer is the older one
  course.owners = fresh.owners;
  drawWhere();
  if (fresh.current.id !== course.current.id) announce(fresh);
}

/** Somebody changed the course while it was open: say so, and change nothing until asked. */
function announce(fresh) {
  if ($('newer-note')?.dataset.id === fresh.current.id) return;
  $('newer-note')?.remove();
  const go = () => {
    location.href = coursePage(course.course);
  };
  const strong = fresh.current.deleted ? w.changedOpen : w.newerOpen(fresh.current.version);
  const box = note('info', strong, '', { id: 'newer-note', actions: [button(w.newerShow, go)] });
  box.dataset.id = fresh.current.id;
  $('notes').append(box);
}

// ---- Restore and take down ----

/** Does what a control stands for: busy words on it, then a note (told(answer) gives its words) with the focus. */
async function act(control, busy, request, told) {
  if (control.getAttribute('aria-disabled')) return;
  const label = control.textContent;
  control.setAttribute('aria-disabled', 'true');
  control.textContent = busy;
  try {
    const words_for = told(await request());
    wanted = null; // what was done is about the course as it is now
    history.replaceState(null, '', coursePage(course.course));
    await load().catch(() => {}); // done is done; the next look brings the page up to date
    const box = note('ok', words_for.strong, words_for.rest, { id: 'done-note' });
    $('notes').prepend(box);
    focusOn(box);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    refuse(error);
  } finally {
    control.removeAttribute('aria-disabled');
    control.textContent = label;
  }
}

function refuse(error) {
  const box = error.status === 412
    ? note('warn', w.race.strong, w.race.rest, { own: true, id: 'act-error', actions: [button(w.newerShow, () => location.reload())] })
    : error.status === 401
      ? note('info', w.signedOut.strong, w.signedOut.rest, { own: true, id: 'act-error' })
      : note('bad', error.status === 403 ? w.forbidden : w.failed, explain(error), { own: true, id: 'act-error' });
  $('act-error')?.remove();
  $('notes').prepend(box);
  box.focus();
}

function restore(version, control) {
  const path = `${coursePath(course.course)}/restore?version=${encodeURIComponent(version.id)}`;
  return act(control, w.restoring, () => api(path, { method: 'POST' }), made => w.restoredNote(version.version, made.version));
}

/** version: a record, or null for the whole course. If-Match: nobody takes down what they have not seen. */
function askRemove(version, control) {
  const path = `${coursePath(course.course)}/syllabus${version ? `?version=${encodeURIComponent(version.id)}` : ''}`;
  const options = { method: 'DELETE', headers: { 'If-Match': `"${course.current.id}"` } };
  $('ask-title').textContent = w.ask(course.course, version?.version);
  $('ask-text').textContent = w.askText(version?.version);
  $('ask-yes').onclick = () => {
    $('ask').close();
    act(control, w.removing, () => api(path, options), () => w.removedNote(version?.version));
  };
  $('ask').showModal();
}

$('ask-no').addEventListener('click', () => $('ask').close());
$('remove').addEventListener('click', event => askRemove(null, event.currentTarget));
$('access-button').addEventListener('click', async event => {
  const control = event.currentTarget;
  const { showAccess } = await import('./access.js');
  showAccess(control, asked, record.id);
});
copyButton($('copy'), $('link'));

startLive({
  follow: true,
  onCluster: answer => {
    cluster = answer;
    if (course) drawWhere();
  },
  tick,
});

onWho(() => {
  if (course) drawRights();
  if (may('link')) import('./links.js').then(({ startLinks }) => startLinks(asked, () => record));
});
