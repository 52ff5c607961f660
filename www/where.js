// "Where is my file?" in plain words: what the owners' states and the cluster's mean for one course. Pure: no page, no API.
import { ageSeconds, clock, date, silentFor, words } from './base.js';

const w = words.where;

/**
 * While the ring changes, owners that leave keep their copy until the others have theirs: it counts as one that can be read, not as one in place.
 * owners: of GET /courses/{course}; cluster: of GET /cluster, or null when it did not come.
 * Gives {level, strong, rest, copies: [{name, zone, host, state, text}]}. Red only when no copy answers.
 */
export function whereabouts(owners, cluster) {
  const nodeOf = owner => cluster?.nodes.find(node => node.id === owner.node);
  const isShown = owner => !owner.leaves || owner.state === 'stored';
  const copy = (owner, i) => ({ name: owner.name, zone: owner.zone, host: i === 0, state: owner.state, text: stateWords(owner) });
  const copies = owners.filter(isShown).map(copy);
  const staying = owners.filter(owner => !owner.leaves);
  const good = staying.filter(owner => owner.state === 'stored');
  if (!owners.some(owner => owner.state === 'stored')) return { level: 'bad', strong: w.none, rest: w.noneRest, copies };
  if (good.length === staying.length) return { ...allThere(good, cluster), copies };
  return { ...someThere(staying, good, nodeOf), copies };
}

const DAY_S = 86400;

function stateWords({ state, leaves, verified_at: checked }) {
  if (leaves) return w.leaves;
  if (state !== 'stored' || !checked) return w.states[state] || w.states.unknown;
  return w.checked(ageSeconds(checked) < DAY_S ? clock(checked) : date(checked));
}

/** Every owner has its copy; still worth a word when there are fewer machines than copies wanted. */
function allThere(good, cluster) {
  const zones = new Set(good.map(owner => owner.zone).filter(Boolean)).size;
  const isChecked = good.every(owner => owner.verified_at);
  const oldest_s = Math.max(...good.map(owner => ageSeconds(owner.verified_at)));
  const isFew = cluster !== null && cluster.k > good.length;
  const rest = [isChecked && w.okChecked(words.time.within(oldest_s)), isFew && w.few(good.length, cluster.k)];
  return {
    level: isFew ? 'info' : 'ok',
    strong: w.ok(good.length, zones) + (isChecked ? ',' : '.'),
    rest: rest.filter(Boolean).join(' '),
  };
}

/** Some copies are not in place: one sentence for each reason. A silent machine weighs more than a copy that is on its way. */
function someThere(owners, good, nodeOf) {
  const names = state => owners.filter(owner => owner.state === state).map(owner => owner.name);
  const silent = owners.filter(owner => !['stored', 'missing', 'bad'].includes(owner.state));
  const missing = names('missing');
  const bad = names('bad');
  const isHurt = silent.length > 0 || bad.length > 0;
  const rest = silent.length > 0 ? silence(silent, nodeOf, good.length) : [];
  if (missing.length > 0) rest.push(w.missing(missing));
  if (bad.length > 0) rest.push(w.bad(bad));
  return { level: isHurt ? 'warn' : 'info', strong: w.some(good.length, owners.length), rest: rest.join(' ') };
}

/** Since when (the one heard last counts), who is asked instead, and what happens then. */
function silence(silent, nodeOf, others) {
  const nodes = silent.map(nodeOf).filter(Boolean);
  // A machine that did not answer just now may still count as up: then nobody knows since when.
  const areKnown = nodes.length === silent.length && nodes.every(node => node.state !== 'up');
  const heardAt = nodes.map(node => node.heartbeat_at).filter(Boolean).sort().at(-1);
  const outAt = nodes.map(node => node.out_at).filter(Boolean).sort()[0];
  const isOne = silent.length === 1;
  const said = w.silent(silent.map(owner => owner.name), areKnown ? silentFor(heardAt) : '');
  return [said, w.reads(others), outAt ? w.out(clock(outAt), isOne) : w.back(isOne)];
}
