// The form of the Share page: the course and what is filed under it, the file by button or dropped, the other fields, and what is wrong with them.
import { $, api, courseKey, coursePage, coursePath, h, icon, kind, say, show, size, when, words } from './base.js';

const TYPING_MS = 300; // after the last key, before the course is looked up
const FILE_MAX_BYTES = 2 ** 31;
const COURSE_MAX = 128; // characters
const LOOKED_AT = 50; // list items

const t = words.share;
const course = $('course');
const chooser = $('file');
const drop = $('drop');
const fields = ['title', 'instructor', 'term', 'note'];

let file = null;
let known = null; // the list item of what is filed under the typed name, as the reader was told
let looking = null;
let typing = 0;
let edited = () => {};

/** What would be shared now. ifMatch: the id of the version that the reader was told is current. */
export const readForm = () => ({
  course: course.value.trim(),
  file,
  fields: Object.fromEntries(fields.map(name => [name, $(name).value.trim()])),
  ifMatch: known?.current.id,
});

/** "PDF, 212 KB" */
export const fileWords = one => `${kind({ type: one.type, filename: one.name })}, ${size(one.size)}`;

/** Calls back whenever a person changed something in the form. */
export function onEdit(callback) {
  edited = callback;
}

// ---- The line below a field: help, or an error in its place ----

function below(name, ...content) {
  const line = $(`${name}-help`);
  line.classList.remove('wrong');
  line.replaceChildren(...content);
  show(line, name === 'course' || content.length > 0);
  $(name).removeAttribute('aria-invalid');
  if (name === 'file') drop.classList.remove('invalid');
}

/** Puts an error below a field: 'course', 'file', 'title', 'instructor', 'term' or 'note'. */
export function wrong(name, sentence) {
  below(name, icon('bad'), h('span', {}, sentence));
  $(`${name}-help`).classList.add('wrong');
  $(name).setAttribute('aria-invalid', 'true');
  if (name === 'file') drop.classList.add('invalid');
}

/** 400 and 422 belong to a field: the server names it, or its sentence does. False when neither does. */
export function wrongByProblem(problem) {
  const detail = problem.detail || problem.title || '';
  const named = ['course', ...fields, 'file'].find(name => new RegExp(`\\b${name}`, 'i').test(problem.field || detail));
  if (!named) return false;
  wrong(named, detail);
  $(named).focus();
  return true;
}

// ---- The course: what is filed under this name already ----

/** What is filed under a name, as a list item, or null. The list is asked first: a course that is not there is no error to it. */
async function filed(name, signal) {
  const key = courseKey(name);
  try {
    const answer = await api(`/courses?${new URLSearchParams({ q: name, sort: 'name', limit: LOOKED_AT })}`, { signal });
    const item = answer.items.find(one => one.key === key);
    if (item || answer.next === null) return item || null;
  } catch (error) {
    if (error.status !== 503) throw error;
  }
  // The index is away, or so many names begin alike that the page ended: the machines know the one by its whole name.
  try {
    return listItem(await api(coursePath(name), { signal }));
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

const listItem = whole => (whole.current.deleted ? null : { ...whole, versions: whole.versions.length });

function showFiled() {
  if (!known) {
    below('course', icon('info'), h('span', {}, t.fresh));
    return;
  }
  const { current, versions } = known;
  const reusable = (current.title || current.instructor) && !$('title').value && !$('instructor').value;
  const link = h('a', { href: coursePage(known.course), target: '_blank', rel: 'noopener' }, t.filedLink(versions, when(current.uploaded_at)));
  const rest = t.filedRest(Math.max(versions, current.version) + 1, versions === 1);
  const button = reusable && [' ', h('button', { type: 'button', class: 'text', id: 'reuse', onclick: reuse }, t.reuse)];
  below('course', icon('info'), h('span', {}, t.filed, link, rest, button));
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
  if (!courseKey(name)) {
    below('course');
    return;
  }
  try {
    known = await filed(name, looking.signal);
    showFiled();
    say($('course-help').textContent);
  } catch (error) {
    if (error.name !== 'AbortError') below('course'); // nothing to say about it; sharing itself will tell
  }
}

/** Takes a newer state of the typed course (GET /courses/{course}): the next share is checked against it. */
export function learn(whole) {
  known = listItem(whole);
  showFiled();
}

course.addEventListener('input', () => {
  clearTimeout(typing);
  looking?.abort();
  known = null;
  below('course');
  typing = setTimeout(lookUp, TYPING_MS);
});

// ---- The file ----

function choose(chosen) {
  file = chosen;
  drop.style.minHeight = file ? `${drop.offsetHeight}px` : ''; // what stands below does not jump away from the pointer
  below('file');
  nameFile();
  $('choose').textContent = file ? t.change : t.choose;
  drop.classList.toggle('chosen', file !== null);
  drop.querySelector('.icon').replaceWith(icon(file ? 'file' : 'up'));
  if (!file) return;
  const complaint = fileComplaint();
  if (complaint) wrong('file', complaint);
  say(complaint || `${file.name}, ${fileWords(file)}`);
}

function nameFile() {
  $('drop-title').textContent = file ? file.name : t.drop;
  $('drop-text').textContent = file ? fileWords(file) : t.limits;
}

function fileComplaint() {
  if (!file) return t.needFile;
  if (file.size === 0) return t.emptyFile;
  return file.size > FILE_MAX_BYTES ? t.tooBig(`${(file.size / 2 ** 30).toFixed(1)} GiB`) : '';
}

/** Forgets the file: it can no longer be read. */
export function dropFile() {
  chooser.value = '';
  choose(null);
}

chooser.addEventListener('change', () => {
  if (chooser.files.length === 0) return; // closed without choosing: the file from before stays
  choose(chooser.files[0]);
  edited();
});

// ---- Drag and drop: the whole page takes a file while the form is open ----

const carriesFiles = event => Boolean(event.dataTransfer?.types.includes('Files'));
const isOpen = () => !$('form-view').hidden;
let depth = 0; // dragenter and dragleave come for every element on the way

function hover(on) {
  if (!on) depth = 0;
  drop.classList.toggle('over', on);
  nameFile();
  if (!on) return;
  $('drop-title').textContent = t.letGo(courseKey(course.value) && course.value.trim());
  $('drop-text').textContent = t.limitsShort;
}

function dropped({ files, items }) {
  const isFolder = Array.from(items).some(item => item.webkitGetAsEntry?.()?.isDirectory);
  if (files.length > 1) {
    below('file', icon('info'), h('span', {}, t.several, h('code', {}, t.severalCode)));
    say(t.several + t.severalCode);
  } else if (isFolder || files.length === 0) {
    wrong('file', t.folder);
  } else {
    choose(files[0]);
    edited();
  }
}

const drags = {
  dragenter: () => {
    depth++;
    if (isOpen()) hover(true);
  },
  dragleave: () => {
    depth--;
    if (depth <= 0) hover(false);
  },
  dragover: event => {
    event.dataTransfer.dropEffect = isOpen() ? 'copy' : 'none';
  },
  drop: event => {
    hover(false);
    if (isOpen()) dropped(event.dataTransfer);
  },
};
for (const [name, react] of Object.entries(drags)) {
  document.addEventListener(name, event => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // otherwise the browser would leave the page and open the file
    react(event);
  });
}

// ---- The whole form ----

function courseComplaint(name) {
  if (!name) return t.needCourse;
  if ([...name].length > COURSE_MAX) return t.longCourse;
  if (/\p{Cc}/u.test(name)) return t.controlCourse;
  return courseKey(name) ? '' : t.badCourse;
}

/** True when it can be shared; else every fault is shown and the first has the focus. */
export function checkForm() {
  const faults = { course: courseComplaint(course.value.trim()), file: fileComplaint() };
  const names = Object.keys(faults).filter(name => faults[name]);
  for (const name of names) wrong(name, faults[name]);
  if (names.length > 0) $(names[0]).focus();
  return names.length === 0;
}

/** An empty form. */
export function clearForm() {
  $('share-form').reset();
  known = null;
  choose(null);
  for (const name of ['course', ...fields]) below(name);
}

$('share-form').addEventListener('input', event => {
  if (fields.includes(event.target.id)) below(event.target.id);
  if (event.target !== chooser) edited();
});

// A browser keeps what was typed and chosen over a reload; a link may bring the course.
course.value ||= new URLSearchParams(location.search).get('course') || '';
if (chooser.files.length > 0) choose(chooser.files[0]);
if (course.value) lookUp();
