// One row of the Peers page: a file, the peers that hold it, its button; and which row a later answer speaks of.
import { h, icon, marked, size, words } from './base.js';
import { addGet, drawGet, isPlain, peersOf, plainName } from './get.js';

const w = words.peers;
const BADGES = 3; // peers named in a row

/** isLeft: it was shared when the list was drawn, and is no longer. */
export function newRow(item, q) {
  const row = { item, isLeft: false };
  row.name = h('div', { class: 'line-name' });
  row.facts = h('div', { class: 'line-facts' });
  row.badges = h('div', { class: 'line-badges badges' });
  addGet(row);
  row.element = h('li', { class: 'line' }, row.name, row.facts, h('div', { class: 'line-end' }, row.badges, row.get), row.under);
  drawRow(row, q);
  return row;
}

/** One peer is a fact, several are badges. */
function factWords(row) {
  const { item, isLeft } = row;
  const peers = peersOf(item);
  return [
    !(item.size === 0 && peers.some(isPlain)) && h('span', {}, size(item.size)), // such peers do not tell sizes
    isLeft && h('span', { class: 'left' }, w.left),
    !isLeft && peers.length === 1 && h('span', {}, w.on(peers[0].name)),
    !isLeft && peers.length > 1 && h('span', {}, w.same(peers.length)),
    row.get.hidden && h('span', {}, w.plainOnly),
  ];
}

function badgesOf({ item, isLeft }) {
  const peers = isLeft ? [] : peersOf(item);
  const badge = ({ peer, name }) => h('span', { class: 'badge', 'data-peer': peer }, h('bdi', {}, name));
  return [
    ...(peers.length > 1 ? peers.slice(0, BADGES).map(badge) : []),
    peers.length > BADGES && h('span', { class: 'second' }, w.morePeers(peers.length - BADGES)),
    item.adopted && h('span', { class: 'badge info', 'data-adopted': true }, icon('lock'), peers.length > 0 ? w.alsoKept : w.kept),
  ];
}

/** q: what was searched for, marked in the name. */
export function drawRow(row, q) {
  const { element, item } = row;
  Object.assign(element.dataset, { name: item.name, sha256: item.sha256 || '', left: row.isLeft });
  drawGet(row);
  row.name.replaceChildren(h('bdi', {}, marked(plainName(item.name), q)));
  row.facts.replaceChildren(...factWords(row).filter(Boolean));
  row.badges.replaceChildren(...badgesOf(row).filter(Boolean));
}

// ---- Which shown row a fresh answer's item is: the same bytes, else the same file of the same peer ----

const placesOf = item => item.holders.map(one => `${one.peer}/${one.file || item.name}`);

/** Map of row → item; each item is given to one row. */
export function pairUp(rows, items) {
  const bySha = new Map(items.filter(item => item.sha256).map(item => [item.sha256, item]));
  const byPlace = new Map(items.flatMap(item => placesOf(item).map(where => [where, item])));
  const pairs = new Map();
  const taken = new Set();
  const give = (row, item) => {
    if (!item || pairs.has(row) || taken.has(item)) return;
    pairs.set(row, item);
    taken.add(item);
  };
  for (const row of rows) if (row.item.sha256) give(row, bySha.get(row.item.sha256));
  for (const row of rows) for (const where of placesOf(row.item)) give(row, byPlace.get(where));
  return pairs;
}
