// "Here now" on the Peers page: who shares, since when, and whether they are still heard of.
import { $, ago, clock, date, h, icon, now, show, timeElement, words } from './base.js';

const w = words.peers.here;
const names = new Intl.Collator(words.locale, { numeric: true });
const rows = new Map(); // peer id → { peer, element }, in the order shown

// State = shape + word + colour.
const states = { here: ['tick', 'ok'], quiet: ['clock', 'warn'], gone: ['out', ''] };

function badge(state) {
  const [glyph, tone] = states[state] || states.quiet;
  return h('span', { class: `badge ${tone}` }, icon(glyph), w.states[state] || state);
}

/** "13:40", or the day when it was not today. */
const since = time => (new Date(time).toDateString() === new Date(now()).toDateString() ? clock(time) : date(time));

function factWords(peer, mine) {
  const isQuiet = peer.state === 'quiet' && peer.heard_at;
  return [
    peer.id === mine && h('span', {}, words.peers.mine.yours),
    peer.state !== 'gone' && h('span', {}, w.files(peer.files)),
    isQuiet && timeElement(peer.heard_at, w.heard(ago(peer.heard_at))),
    !isQuiet && peer.since && timeElement(peer.since, w.since(since(peer.since))),
    peer.stores && h('span', {}, w.stores),
  ];
}

function draw(row, mine) {
  const { peer, element } = row;
  element.dataset.state = peer.state;
  element.replaceChildren(
    h('div', { class: 'line-name' }, h('bdi', {}, peer.name)),
    h('div', { class: 'line-facts' }, factWords(peer, mine).filter(Boolean)),
    h('div', { class: 'line-end' }, badge(peer.state)),
  );
}

/**
 * Shows who is here. Nobody's place changes under the reader: who comes is added at the end, who leaves is said to have left.
 * mine: the id of the reader's own peer, or "". Gives the names that came and that left since the last time.
 */
export function drawHere(peers, mine, hasMore) {
  const isFirst = rows.size === 0;
  const here = new Map(peers.filter(peer => peer.state !== 'gone').map(peer => [peer.id, peer]));
  const came = [...here.values()].filter(peer => !rows.has(peer.id) || rows.get(peer.id).peer.state === 'gone');
  const left = [...rows.values()].filter(row => row.peer.state !== 'gone' && !here.has(row.peer.id)).map(row => row.peer);
  if (isFirst) came.sort((a, b) => names.compare(a.name, b.name));
  for (const peer of came) {
    if (rows.has(peer.id)) continue;
    const element = h('li', { class: 'line', 'data-peer': peer.id, 'data-name': peer.name });
    rows.set(peer.id, { peer, element });
    $('here').append(element);
  }
  for (const [id, row] of rows) {
    row.peer = here.get(id) || { ...row.peer, state: 'gone', heard_at: null, since: null };
    draw(row, mine);
  }
  $('here-more').textContent = w.more;
  show($('here-more'), hasMore);
  show($('here-view'), rows.size > 0);
  return { came: came.map(peer => peer.name), left: left.map(peer => peer.name) };
}

// Nobody reads a hidden page: who left is forgotten then.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) return;
  for (const [id, { peer, element }] of rows) {
    if (peer.state !== 'gone') continue;
    element.remove();
    rows.delete(id);
  }
  show($('here-view'), rows.size > 0);
});
