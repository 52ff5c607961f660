// The history of one course: which versions can be read, and the list that shows them, newest first.
import { clock, coursePage, date, focusOn, h, kind, now, show, size, timeElement, words } from './base.js';

const w = words.course;

/** Versions whose bytes can still be read: no tombstone, and none that a later tombstone covers (`of` one version, or everything before it). */
export function liveVersions(versions) {
  const covered = new Set();
  let all = false;
  return versions.filter(record => { // newest first, so a tombstone comes before what it covers
    if (record.kind === 'delete' || (record.deleted && !record.kind)) {
      if (record.of) covered.add(record.of); else all = true;
      return false;
    }
    return !all && !record.deleted && !covered.has(record.id);
  });
}

/** "today 14:02", "2 Sep 2026". */
function day(time) {
  const same = new Date(time).toDateString() === new Date(now()).toDateString();
  return same ? words.time.today(clock(time)).replace(',', '') : date(time);
}

/** One list item. shownId: the version that is open; act: {restore(record, button), remove(record, button)}. */
function entry(record, { course, live, currentId, versions, act }) {
  const of = record.of && versions.find(other => other.id === record.of)?.version;
  const who = record.uploader ? `, ${record.uploader}` : '';
  const when = [record.term && record.kind !== 'delete' && `${record.term}, `, timeElement(record.uploaded_at, day(record.uploaded_at)), who];
  if (record.kind === 'delete') {
    return h('li', { class: 'version', 'data-version': record.version, 'data-id': record.id, 'data-kind': 'delete' },
      h('h3', {}, record.of ? w.takenDownOf(of) : w.takenDown), h('span', { class: 'second' }, when));
  }
  const isLive = live.includes(record), isCurrent = record.id === currentId;
  const label = text => ({ 'aria-label': text });
  return h('li', { class: isLive ? 'version' : 'version gone', 'data-version': record.version, 'data-id': record.id, 'data-kind': record.kind || 'upload' },
    h('h3', {}, words.versionTitle(record.version)), isCurrent && h('span', { class: 'badge current' }, w.currentBadge), !isLive && h('span', { class: 'badge' }, w.wasTakenDown),
    h('span', { class: 'second' }, when),
    h('div', { class: 'do' },
      isLive && h('a', { href: isCurrent ? coursePage(course) : coursePage(course, record.id), 'data-do': 'open', ...label(w.openLabel(record.version)) }, w.open),
      !isCurrent && h('button', { type: 'button', class: 'text', 'data-do': 'restore', onclick: event => act.restore(record, event.currentTarget), ...label(w.restoreLabel(record.version)) }, w.restore),
      isLive && !isCurrent && h('button', { type: 'button', class: 'text danger', 'data-do': 'remove', onclick: event => act.remove(record, event.currentTarget), ...label(w.removeLabel(record.version)) }, w.remove)),
    h('p', { class: 'second' }, record.note && h('q', {}, record.note), record.kind === 'restore' && h('span', {}, w.restored(of)), h('span', {}, `${kind(record)}, ${size(record.size)}`)));
}

const PAGE = 50; // rows before the rest is asked for: a course may have thousands of versions

/** Fills `list` for a course as the API gives it, a page at a time; `more` is the button for the next page. */
export function drawHistory(list, more, course, act) {
  const context = { course: course.course, live: liveVersions(course.versions), versions: course.versions, currentId: course.current.deleted ? null : course.current.id, act };
  let drawn = 0;
  const page = () => {
    const items = course.versions.slice(drawn, drawn + PAGE).map(record => entry(record, context));
    list.append(...items);
    drawn += items.length;
    show(more, drawn < course.versions.length);
    more.textContent = w.nextVersions(Math.min(PAGE, course.versions.length - drawn), course.versions.length);
    return items;
  };
  list.replaceChildren();
  page();
  more.onclick = () => { focusOn(page()[0]); };
}
