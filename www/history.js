// The history of one course: which versions can be read, and the list that shows them, newest first.
import { clock, coursePage, date, focusOn, h, kind, now, show, size, timeElement, words } from './base.js';

const w = words.course;
const PAGE = 50; // rows before the rest is asked for: a course may have thousands of versions

export const isUpload = record => record.kind !== 'delete';

/** Versions whose bytes can still be read: no tombstone, and none that a later one covers (`of` one version, or everything before it). */
export function liveVersions(versions) {
  const covered = new Set();
  let isAllCovered = false;
  const isLive = record => {
    if (isUpload(record)) return !isAllCovered && !record.deleted && !covered.has(record.id);
    if (record.of) covered.add(record.of);
    else isAllCovered = true;
    return false;
  };
  return versions.filter(isLive); // newest first, so that a tombstone comes before what it covers
}

/** "today 14:02", "2 Sep 2026". */
function day(time) {
  const isToday = new Date(time).toDateString() === new Date(now()).toDateString();
  return isToday ? words.time.today(clock(time)).replace(',', '') : date(time);
}

const shared = record => [
  isUpload(record) && record.term && `${record.term}, `,
  timeElement(record.uploaded_at, day(record.uploaded_at)),
  record.uploader && `, ${record.uploader}`,
];

const item = (record, ...content) => {
  const attributes = { class: 'version', 'data-version': record.version, 'data-id': record.id, 'data-kind': record.kind };
  return h('li', attributes, content);
};

/** Open, Restore, Take down: what makes sense for this version. */
function controls(record, { course, isLive, isCurrent, act }) {
  const { version } = record;
  const page = isCurrent ? coursePage(course) : coursePage(course, record.id);
  const open = h('a', { href: page, 'data-do': 'open', 'aria-label': w.openLabel(version) }, w.open);
  const press = (name, label, text, look) => {
    const onclick = event => act[name](record, event.currentTarget);
    return h('button', { type: 'button', class: look, 'data-do': name, 'aria-label': label, onclick }, text);
  };
  return h('div', { class: 'do' },
    isLive && open,
    !isCurrent && act.mayAlter(record) && press('restore', w.restoreLabel(version), w.restore, 'text'),
    isLive && !isCurrent && act.mayAlter(record) && press('remove', w.removeLabel(version), w.remove, 'text danger'),
  );
}

function entry(record, context) {
  const of = record.of && context.versions.find(other => other.id === record.of)?.version;
  const when = h('span', { class: 'second' }, shared(record));
  if (!isUpload(record)) return item(record, h('h3', {}, record.of ? w.takenDownOf(of) : w.takenDown), when);
  const isLive = context.live.has(record);
  const isCurrent = record.id === context.currentId;
  const element = item(record,
    h('h3', {}, words.versionTitle(record.version)),
    isCurrent && h('span', { class: 'badge current' }, w.currentBadge),
    !isLive && h('span', { class: 'badge' }, w.wasTakenDown),
    when,
    controls(record, { ...context, isLive, isCurrent }),
    h('p', { class: 'second' },
      record.note && h('q', {}, record.note),
      record.kind === 'restore' && h('span', {}, w.restored(of)),
      h('span', {}, `${kind(record)}, ${size(record.size)}`),
    ),
  );
  element.classList.toggle('gone', !isLive);
  return element;
}

/**
 * Fills `list` for a course as the API gives it, a page at a time; `more` is the button for the next page.
 * act: {restore(record, button), remove(record, button), mayAlter(record)}.
 */
export function drawHistory(list, more, course, act) {
  const { versions } = course;
  const currentId = course.current.deleted ? null : course.current.id;
  const context = { course: course.course, versions, live: new Set(liveVersions(versions)), currentId, act };
  let drawn = 0;
  const page = () => {
    const items = versions.slice(drawn, drawn + PAGE).map(record => entry(record, context));
    list.append(...items);
    drawn += items.length;
    show(more, drawn < versions.length);
    more.textContent = w.nextVersions(Math.min(PAGE, versions.length - drawn), versions.length);
    return items;
  };
  list.replaceChildren();
  page();
  more.onclick = () => focusOn(page()[0]);
}
