// A course's page: the current syllabus or an older version, its history, where its copies are, and what may be done with it.
import { $, ApiError, api, button, copyButton, courseKey, coursePage, coursePath, date, clock, explain, focusOn, h, icon, kind, note, say, show, size, startLive, syllabusPath, timeElement, when, words } from './base.js';
import { courseMark } from './mark.js';
import { drawHistory, liveVersions } from './history.js';
import { whereabouts } from './where.js';

const w = words.course;
const TEXT_PREVIEW_BYTES = 64 * 1024;

const asked = courseName();
const wanted = new URLSearchParams(location.search).get('version');
let course = null;   // as the API gave it when the page was drawn; only its owners are renewed under the reader
let record = null;   // the version that is open
let cluster = null;

/** The name in /s/{course}; a broken percent sign gives none. */
function courseName() {
  try { return decodeURIComponent(location.pathname.replace(/^\/s\//, '')).trim(); } catch { return ''; }
}

// ---- Drawing ----

function draw() {
  const live = liveVersions(course.versions);
  const gone = course.current.deleted;
  const uploads = course.versions.filter(one => one.kind !== 'delete');
  record = (wanted && uploads.find(one => one.id === wanted || String(one.version) === wanted)) || uploads.find(one => one.id === course.current.id) || live[0] || uploads[0];
  const isCurrent = !gone && record.id === course.current.id, readable = live.includes(record);
  show($('state'), false);
  show($('course-view'), true);
  drawNotes(isCurrent, gone, live);
  document.title = w.title(course.course, record.title);
  $('course-mark').replaceChildren(courseMark(course.key));
  $('course-name').textContent = course.course;
  $('course-title').textContent = record.title;
  $('course-by').textContent = [record.instructor, record.term].filter(Boolean).join(', ');
  drawDownload(isCurrent, readable);
  drawPreview(isCurrent, readable);
  drawFacts();
  drawHistory($('history'), $('history-more'), course, { restore, remove: askRemove });
  show($('remove'), !gone);
  $('link').value = location.origin + coursePage(course.course);
  drawWhere();
}

function drawNotes(isCurrent, gone, live) {
  const notes = [];
  if (gone) {
    const last = live[0] || course.versions.find(one => one.kind !== 'delete');
    notes.push(note('warn', w.deleted, w.deletedWhen(when(course.current.uploaded_at), course.current.uploader),
      { id: 'deleted-note', actions: last ? [button(w.restoreLast(last.version), event => restore(last, event.currentTarget), { class: 'button main', id: 'restore' })] : [] }));
  } else if (wanted && record.id !== wanted && String(record.version) !== wanted) {
    notes.push(note('info', w.noVersion(wanted), w.noVersionRest, { id: 'no-version' }));
  } else if (!isCurrent) {
    notes.push(note('info', w.olderOpen(record.version, course.versions[0].version), h('a', { href: coursePage(course.course) }, `${w.toCurrent}.`), { id: 'older-note' }));
  }
  $('notes').replaceChildren(...notes);
}

function drawDownload(isCurrent, readable) {
  const link = $('download');
  link.href = syllabusPath(course.course, { version: isCurrent ? '' : record.id, download: 1 });
  link.replaceChildren(icon('down'), h('b', {}, w.download(kind(record))), h('span', {}, size(record.size)));
  show(link, readable);
}

function drawPreview(isCurrent, readable) {
  $('preview-title').textContent = isCurrent ? w.current : w.older(record.version);
  $('preview-badge').className = isCurrent ? 'badge current' : '';
  $('preview-badge').textContent = isCurrent ? words.version(record.version) : '';
  const open = $('open-full'), bytes = syllabusPath(course.course, { version: record.id });
  open.href = bytes;
  open.replaceChildren(w.openFull, ' ', icon('out'));
  const way = !readable ? null : previews[record.type.split(';')[0]];
  show(open, Boolean(way));
  $('preview').replaceChildren(readable ? (way || card)(bytes) : card(null, w.previewGone));
}

/** A card instead of a preview. */
const card = (bytes, text = w.noPreview(kind(record))) => h('div', { class: 'plain' }, courseMark(course.key), h('p', {}, text));

const previews = {
  // Phones show no PDF inside a page: a card is better than an empty frame.
  'application/pdf': bytes => {
    if (navigator.pdfViewerEnabled === false) {
      const box = card(bytes, w.noFrame('PDF'));
      box.append(h('a', { class: 'button', href: bytes }, w.openKind('PDF')));
      return box;
    }
    return h('iframe', { src: `${bytes}#toolbar=0&navpanes=0&view=FitH`, title: w.previewOf(record.filename), loading: 'lazy' });
  },
  'image/png': image, 'image/jpeg': image, 'image/gif': image, 'image/webp': image,
  'text/plain': text, 'text/markdown': text,
};

function image(bytes) {
  return h('img', { src: bytes, alt: w.previewOf(record.filename), onerror: event => event.target.replaceWith(card(bytes, w.previewLost)) });
}

/** The beginning of a text, as text: never as markup. */
function text(bytes) {
  const box = h('pre', { tabindex: 0, role: 'region', 'aria-label': w.previewOf(record.filename) }, w.looking);
  const of = record;
  (async () => {
    const answer = await fetch(bytes, { headers: of.size > TEXT_PREVIEW_BYTES ? { Range: `bytes=0-${TEXT_PREVIEW_BYTES - 1}` } : {} });
    if (!answer.ok) throw new ApiError(answer.status);
    const decoder = new TextDecoder();
    box.textContent = decoder.decode(new Uint8Array(await answer.arrayBuffer()).subarray(0, TEXT_PREVIEW_BYTES), { stream: true }); // a letter cut in half is left out
    if (of.size > TEXT_PREVIEW_BYTES) box.after(h('p', { class: 'second below' }, w.cut(size(TEXT_PREVIEW_BYTES))));
  })().catch(error => box.replaceWith(card(bytes, error.status === 410 ? w.previewGone : error.status === 503 ? w.previewAway : w.previewLost)));
  return box;
}

function drawFacts() {
  const fact = (name, ...value) => [h('dt', {}, name), h('dd', {}, value)];
  const sha = record.sha256;
  $('facts').replaceChildren(...fact(words.facts.file, record.filename), ...fact(words.facts.kind, `${kind(record)}, ${size(record.size)}`),
    ...fact(words.facts.shared, timeElement(record.uploaded_at, `${date(record.uploaded_at)}, ${clock(record.uploaded_at)}`), record.uploader && w.by(record.uploader)),
    ...(record.note ? fact(words.facts.note, record.note) : []),
    ...fact(words.facts.sha256, h('code', { title: sha, 'data-sha256': sha }, `${sha.slice(0, 8)} ${sha.slice(8, 16)} … ${sha.slice(-4)}`)));
}

/** The copies' state; redrawn only when it says something else, so that nothing flickers or is read out twice. */
function drawWhere() {
  const now_is = whereabouts(course.owners, cluster);
  show($('where-card'), !course.current.deleted && course.owners.length > 0);
  const said = `${now_is.level}${now_is.strong}`, before = $('where').dataset.said;
  const box = note(now_is.level, now_is.strong, now_is.rest.replace(/^, /, ''));
  box.removeAttribute('role');
  $('where').replaceChildren(box);
  $('where').dataset.said = said;
  $('where').dataset.level = now_is.level;
  $('owners').replaceChildren(...now_is.copies.map(copy => h('li', { 'data-node': copy.name, 'data-state': copy.state },
    h('b', {}, copy.name), h('span', { class: 'second' }, [copy.zone && words.where.zone(copy.zone), copy.host && words.where.host].filter(Boolean).join(', ')), h('span', { class: 'end' }, copy.text))));
  if (before && before !== said) say(now_is.strong);
}

// ---- Loading, and looking again every five seconds without changing what is being read ----

async function load() {
  course = await api(coursePath(asked));
  if (cluster === null) course.owners ??= [];
  draw();
}

/** Nothing is filed under this name, or the name is none. */
function drawNone() {
  document.title = w.noneTitle(asked);
  show($('course-view'), false);
  show($('state'), true);
  const named = courseKey(asked) !== '';
  $('state').replaceChildren(h('div', { class: 'sheet plain', id: 'nothing' }, courseMark(courseKey(asked)),
    h('h1', { tabindex: -1 }, named ? w.none(asked) : w.badName), h('p', {}, w.noneRest),
    h('div', { class: 'actions' }, named && h('a', { class: 'button main', href: `/share?course=${encodeURIComponent(asked)}` }, w.share(asked)),
      h('a', { class: 'button', href: named ? `/?q=${encodeURIComponent(asked)}` : '/' }, w.findOther))));
}

async function tick() {
  if (courseKey(asked) === '') { if (!$('nothing')) drawNone(); return; }
  try {
    if (course === null) { await load(); return; }
    const fresh = await api(coursePath(asked));
    course.owners = fresh.owners;
    drawWhere();
    if (fresh.current.id !== course.current.id) announce(fresh);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if ((error.status === 404 || error.status === 400) && course === null) { if (!$('nothing')) drawNone(); return; }
    if (course === null) $('state').replaceChildren($('load-error') || note('bad', w.lost.strong, `${explain(error)} ${error.status ? w.lost.rest : ''}`, { id: 'load-error' }));
    throw error;
  }
}

/** Somebody changed the course while it was open: say so, and change nothing until asked. */
function announce(fresh) {
  if ($('newer-note')?.dataset.id === fresh.current.id) return;
  $('newer-note')?.remove();
  const box = note('info', fresh.current.deleted ? w.changedOpen : w.newerOpen(fresh.current.version), '', { id: 'newer-note', actions: [button(w.newerShow, () => { location.href = coursePage(course.course); })] });
  box.dataset.id = fresh.current.id;
  $('notes').append(box);
}

// ---- Restore and take down ----

async function act(control, busy, request, told) {
  if (control.getAttribute('aria-disabled')) return;
  const label = control.textContent;
  control.setAttribute('aria-disabled', 'true');
  control.textContent = busy;
  try {
    const answer = await request();
    await load();
    const box = note('ok', told(answer).strong, told(answer).rest, { id: 'done-note' });
    $('notes').prepend(box);
    focusOn(box);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const raced = error.status === 412;
    const box = note(raced ? 'warn' : 'bad', raced ? w.race.strong : w.failed, raced ? w.race.rest : explain(error), { own: true, id: 'act-error', actions: raced ? [button(w.newerShow, () => location.reload())] : [] });
    $('act-error')?.remove();
    $('notes').prepend(box);
    box.focus();
  } finally {
    control.removeAttribute('aria-disabled');
    control.textContent = label;
  }
}

const restore = (version, control) => act(control, w.restoring,
  () => api(`${coursePath(course.course)}/restore?version=${encodeURIComponent(version.id)}`, { method: 'POST' }),
  made => w.restoredNote(version.version, made?.version ?? course.versions[0].version));

/** version: a record, or null for the whole course. If-Match: nobody takes down what they have not seen. */
function askRemove(version, control) {
  const dialog = $('ask');
  $('ask-title').textContent = w.ask(course.course, version?.version);
  $('ask-text').textContent = w.askText(version?.version);
  $('ask-yes').onclick = () => {
    dialog.close();
    act(control, w.removing, () => api(`${coursePath(course.course)}/syllabus${version ? `?version=${encodeURIComponent(version.id)}` : ''}`,
      { method: 'DELETE', headers: { 'If-Match': `"${course.current.id}"` } }), () => w.removedNote(version?.version));
  };
  dialog.showModal();
}

$('ask-no').addEventListener('click', () => $('ask').close());
$('remove').addEventListener('click', event => askRemove(null, event.currentTarget));
copyButton($('copy'), $('link'));

startLive({
  follow: true,
  onCluster: answer => { cluster = answer; if (course) drawWhere(); },
  tick,
});
