// Cluster: one sentence, four figures, the nodes and the coordinators as tables.
import { $, ago, clock, date, h, icon, note, now, say, show, size, startLive, words } from './base.js';

const w = words.cluster;
let cluster = null;
const order = { column: 'name', up: true };

// State = shape + word + colour.
const states = {
  up: ['tick', 'ok'],
  joining: ['plus', 'info'],
  draining: ['arrow', 'info'],
  suspect: ['warn', 'warn'],
  out: ['bad', 'bad'],
  gone: ['bad', 'bad'],
  leads: ['flag', 'ok'],
  follows: ['tick', 'ok'],
  silent: ['warn', 'warn'],
};

function state(name) {
  const [glyph, tone] = states[name] || ['info', 'info'];
  return h('span', { class: `state ${tone}` }, icon(glyph), w.states[name] || name);
}

const names = new Intl.Collator(words.locale, { numeric: true });

// value: what a column is sorted by; cell: what it shows.
const columns = [
  { id: 'name', value: node => node.name, cell: node => node.name },
  { id: 'state', value: node => node.state, cell: node => state(node.state) },
  { id: 'zone', value: node => node.zone, cell: node => node.zone || w.unknown },
  { id: 'share', isNumber: true, value: node => node.share, cell: shareWords },
  { id: 'files', isNumber: true, value: node => node.files, cell: node => words.number(node.files) },
  { id: 'bytes', isNumber: true, value: node => node.bytes, cell: node => size(node.bytes) },
  { id: 'free', isNumber: true, value: node => node.free_bytes, cell: node => size(node.free_bytes) },
  { id: 'heard', isNumber: true, value: node => Date.parse(node.heartbeat_at) || 0, cell: node => (node.heartbeat_at ? ago(node.heartbeat_at) : w.unknown) },
];

/** A node that is joining answers for nothing yet. */
function shareWords(node) {
  return node.state === 'joining' ? w.notYet : `${(node.share * 100).toFixed(1)} %`;
}

function drawHead() {
  const head = column => {
    const sort = h('button', { type: 'button', class: 'text', onclick: () => sortBy(column) }, w.columns[column.id]);
    return h('th', { scope: 'col', class: column.isNumber && 'num', 'data-column': column.id }, sort);
  };
  $('nodes').tHead.rows[0].replaceChildren(...columns.map(head));
  markOrder();
}

function markOrder() {
  for (const head of $('nodes').tHead.rows[0].cells) {
    if (head.dataset.column === order.column) head.setAttribute('aria-sort', order.up ? 'ascending' : 'descending');
    else head.removeAttribute('aria-sort');
  }
}

function sortBy(column) {
  order.up = order.column === column.id ? !order.up : true;
  order.column = column.id;
  markOrder();
  if (cluster) drawNodes();
  say(w.sorted(w.columns[column.id], order.up));
}

function drawNodes() {
  const { value, isNumber } = columns.find(column => column.id === order.column);
  const compare = isNumber ? (a, b) => value(a) - value(b) : (a, b) => names.compare(value(a), value(b));
  const sorted = [...cluster.nodes].sort((a, b) => (compare(a, b) || names.compare(a.name, b.name)) * (order.up ? 1 : -1));
  const cell = (column, node) => h(column.id === 'name' ? 'th' : 'td', { scope: column.id === 'name' && 'row', class: column.isNumber && 'num' }, column.cell(node));
  const row = node => h('tr', { 'data-node': node.name, 'data-state': node.state }, columns.map(column => cell(column, node)));
  $('nodes').tBodies[0].replaceChildren(...sorted.map(row));
}

function coordinatorState({ name, state: is }) {
  if (name === cluster.leader?.name) return state('leads');
  return state(is === 'up' ? 'follows' : is);
}

function drawCoordinators() {
  const row = one => h('tr', { 'data-coordinator': one.name }, h('th', { scope: 'row' }, one.name), h('td', {}, coordinatorState(one)));
  $('coordinators').tBodies[0].replaceChildren(...cluster.coordinators.map(row));
}

function drawFigures() {
  const { nodes, leader, courses } = cluster;
  const zones = new Set(nodes.map(node => node.zone).filter(Boolean)).size;
  const bytes = nodes.reduce((sum, node) => sum + node.bytes, 0);
  const figure = (id, value, label) => h('div', { 'data-figure': id }, h('dt', {}, label), h('dd', {}, value));
  $('figures').replaceChildren(
    figure('nodes', words.number(nodes.length), w.nodesFigure(nodes.length, zones)),
    figure('k', words.number(cluster.k_effective), w.kFigure(cluster.k, cluster.k_effective)),
    figure('courses', courses === null ? w.unknown : words.number(courses), w.coursesFigure(courses, size(bytes))),
    figure('leader', leader ? leader.name : w.leaderNone, leader ? w.leaderFigure(leader.since && since(leader.since), leader.epoch) : w.leaderNoneFigure),
  );
}

const MOVES_MAX = 6; // pairs named one by one, the largest

/** A pair of nodes: "node-1 to node-5", how far, and a bar that says the same. */
function moveItem({ from, to, done, total }) {
  const bar = h('div', { class: 'progress', 'aria-hidden': 'true' }, h('div'));
  bar.firstChild.style.setProperty('width', `${total ? (100 * done) / total : 0}%`);
  return h('li', { 'data-from': from, 'data-to': to }, h('span', {}, w.moves.pair(from, to)), h('span', { class: 'num' }, w.moves.done(done, total)), bar);
}

function drawMoves() {
  const { moves, progress, waiting } = cluster;
  const bytes =
    progress?.bytes_total > 0 &&
    w.moves.bytes(size(progress.bytes_done), size(progress.bytes_total), progress.bytes_per_s && size(progress.bytes_per_s), progress.ends_at && clock(progress.ends_at));
  const line = [bytes && `${bytes}.`, waiting && w.moves.waiting(waiting)].filter(Boolean).join(' ');
  const items = moves.slice(0, MOVES_MAX).map(moveItem);
  if (moves.length > MOVES_MAX) items.push(h('li', {}, w.moves.more(moves.length - MOVES_MAX)));
  show($('moves-card'), moves.length > 0 || line !== '');
  show($('moves-line'), line !== '');
  $('moves-line').textContent = line;
  $('moves').replaceChildren(...items);
}

/** What people should know, in the api's own sentences; drawn again only when they change. */
function drawWarnings() {
  const place = $('warnings');
  const text = cluster.warnings.join('\n');
  show(place, cluster.warnings.length > 0);
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren(...cluster.warnings.map(sentence => h('p', { class: 'warning' }, icon('warn'), ' ', sentence)));
}

/** "09:31", or the day when it was not today. */
function since(time) {
  return new Date(time).toDateString() === new Date(now()).toDateString() ? clock(time) : date(time);
}

/** The sentence. It is replaced only when it says something else; a silent node's seconds alone are not read out again. */
function drawSentence(health) {
  const place = $('sentence');
  const before = place.dataset.short;
  const box = note(health.level === 'unknown' ? 'warn' : health.level, health.strong, health.rest, { glyph: health.level === 'info' && 'arrow' });
  box.removeAttribute('role'); // say() tells what is new
  place.replaceChildren(box);
  place.dataset.short = health.short;
  place.dataset.level = health.level;
  if (before && before !== health.short) say(`${health.strong} ${health.rest}`);
}

drawHead();
startLive({
  follow: true,
  onCluster: answer => {
    cluster = answer;
    show($('figures'), true);
    show($('tables'), true);
    drawWarnings();
    drawFigures();
    drawMoves();
    drawNodes();
    drawCoordinators();
  },
  onHealth: drawSentence,
});
