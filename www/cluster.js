// Cluster: one sentence, four figures, the nodes and the coordinators as tables.
import { $, ago, clock, h, icon, note, now, say, show, size, startLive, words } from './base.js';

const w = words.cluster;
let cluster = null;
const order = { column: 'name', up: true };

// State = shape + word + colour.
const states = {
  up: ['tick', 'ok'], joining: ['plus', 'info'], draining: ['arrow', 'info'], suspect: ['warn', 'warn'], out: ['bad', 'bad'], gone: ['bad', 'bad'],
  leads: ['flag', 'ok'], follows: ['tick', 'ok'], silent: ['warn', 'warn'],
};

function state(name) {
  const [glyph, tone] = states[name] || ['info', 'info'];
  return h('span', { class: `state ${tone}` }, icon(glyph), w.states[name] || name);
}

const names = new Intl.Collator(words.locale, { numeric: true });
const columns = [
  { id: 'name', value: node => node.name, cell: node => node.name },
  { id: 'state', value: node => node.state, cell: node => state(node.state) },
  { id: 'zone', value: node => node.zone || '', cell: node => node.zone || w.unknown },
  { id: 'share', number: true, value: node => node.share, cell: node => (node.state === 'joining' || !Number.isFinite(node.share) ? w.notYet : `${(node.share * 100).toFixed(1)} %`) },
  { id: 'files', number: true, value: node => node.files, cell: node => words.number(node.files ?? 0) },
  { id: 'bytes', number: true, value: node => node.bytes, cell: node => size(node.bytes ?? 0) },
  { id: 'free', number: true, value: node => node.free_bytes, cell: node => (node.free_bytes ? size(node.free_bytes) : w.unknown) },
  { id: 'heard', number: true, value: node => Date.parse(node.heartbeat_at || 0), cell: node => (node.heartbeat_at ? ago(node.heartbeat_at) : w.unknown) },
];

function drawHead() {
  $('nodes').tHead.rows[0].replaceChildren(...columns.map(column => h('th', { scope: 'col', class: column.number && 'num', 'data-column': column.id },
    h('button', { type: 'button', class: 'text', onclick: () => sortBy(column) }, w.columns[column.id]))));
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
  const { value } = columns.find(column => column.id === order.column);
  const compare = (a, b) => (typeof value(a) === 'number' && typeof value(b) === 'number' ? value(a) - value(b) : names.compare(value(a) ?? '', value(b) ?? ''));
  const rows = [...cluster.nodes].sort((a, b) => (compare(a, b) || names.compare(a.name, b.name)) * (order.up ? 1 : -1));
  $('nodes').tBodies[0].replaceChildren(...rows.map(node => h('tr', { 'data-node': node.name, 'data-state': node.state },
    columns.map(column => (column.id === 'name' ? h('th', { scope: 'row' }, column.cell(node)) : h('td', { class: column.number && 'num' }, column.cell(node)))))));
}

function drawCoordinators() {
  $('coordinators').tBodies[0].replaceChildren(...cluster.coordinators.map(one => {
    const leads = cluster.leader && (one.id === cluster.leader.id || one.name === cluster.leader.name);
    return h('tr', { 'data-coordinator': one.name }, h('th', { scope: 'row' }, one.name), h('td', {}, state(leads ? 'leads' : one.state === 'up' ? 'follows' : one.state)));
  }));
}

function since(time) {
  return new Date(time).toDateString() === new Date(now()).toDateString() ? clock(time) : words.time.silent((now() - Date.parse(time)) / 1000);
}

function drawFigures() {
  const zones = new Set(cluster.nodes.map(node => node.zone).filter(Boolean)).size;
  const { leader } = cluster;
  const figure = (value, label, id) => h('div', { 'data-figure': id }, h('dt', {}, label), h('dd', {}, value));
  $('figures').replaceChildren(
    figure(words.number(cluster.nodes.length), w.nodesFigure(cluster.nodes.length, zones), 'nodes'),
    figure(words.number(cluster.k_effective ?? cluster.k), w.kFigure(cluster.k, cluster.k_effective ?? cluster.k), 'k'),
    figure(cluster.courses === null ? w.unknown : words.number(cluster.courses), w.coursesFigure(cluster.courses, size(cluster.nodes.reduce((sum, node) => sum + (node.bytes || 0), 0))), 'courses'),
    figure(leader ? leader.name : w.leaderNone, leader ? w.leaderFigure(leader.since && since(leader.since), leader.epoch) : w.leaderNoneFigure, 'leader'));
}

/** The sentence. It is replaced only when it says something else; a silent node's seconds alone are not read out again. */
function drawSentence(health) {
  const glyph = health.level === 'info' ? 'arrow' : undefined;
  const box = note({ unknown: 'warn' }[health.level] || health.level, health.strong, health.rest, { glyph });
  box.removeAttribute('role');
  const before = $('sentence').dataset.short;
  $('sentence').replaceChildren(box);
  $('sentence').dataset.short = health.short;
  $('sentence').dataset.level = health.level;
  if (before && before !== health.short) say(`${health.strong} ${health.rest}`);
}

drawHead();
startLive({
  follow: true,
  onCluster: answer => {
    cluster = answer;
    show($('figures'), true);
    show($('tables'), true);
    drawFigures();
    drawNodes();
    drawCoordinators();
  },
  onHealth: drawSentence,
});
