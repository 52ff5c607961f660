// "Where is my file?" in plain words: what the owners' states and the cluster's mean for one course. Pure: no page, no API.
import { ageSeconds, clock, silentFor, words } from './base.js';

const w = words.where;

/**
 * owners: of GET /courses/{course}; cluster: of GET /cluster, or null when it did not come.
 * Gives {level, strong, rest, copies: [{name, zone, host, state, level, text}]}. Red only when no copy answers.
 */
export function whereabouts(owners, cluster) {
  const node = owner => cluster?.nodes.find(one => one.id === owner.node || one.name === owner.name);
  const zone = owner => owner.zone || node(owner)?.zone || '';
  const good = owners.filter(owner => owner.state === 'stored');
  const copies = owners.map((owner, i) => ({
    name: owner.name, zone: zone(owner), host: i === 0, state: owner.state, level: { stored: 'ok', missing: 'info', bad: 'bad' }[owner.state] || 'warn',
    text: owner.state === 'stored' && owner.verified_at ? w.checked(checkedAt(owner.verified_at)) : w.states[owner.state] || w.states.unknown,
  }));
  return { ...sentence(owners, good, cluster, node, zone), copies };
}

const checkedAt = time => (ageSeconds(time) < 86400 ? clock(time) : silentFor(time));

function sentence(owners, good, cluster, node, zone) {
  if (good.length === 0) return { level: 'bad', strong: w.none, rest: w.noneRest };
  if (good.length === owners.length) {
    const zones = new Set(good.map(zone).filter(Boolean)).size;
    const oldest = good.every(owner => owner.verified_at) ? Math.max(...good.map(owner => ageSeconds(owner.verified_at))) : null;
    const few = cluster && cluster.k > owners.length ? ` ${w.few(owners.length, cluster.k)}` : '';
    return { level: few ? 'info' : 'ok', strong: w.ok(good.length, zones) + (oldest === null ? w.okWritten : ','), rest: (oldest === null ? '' : w.okChecked(words.time.within(oldest))) + few };
  }
  const silent = owners.filter(owner => owner.state !== 'stored' && owner.state !== 'missing' && owner.state !== 'bad');
  const named = state => owners.filter(owner => owner.state === state).map(owner => owner.name);
  const rest = [];
  for (const owner of silent) {
    const at = node(owner);
    rest.push(w.silent(owner.name, at && at.state !== 'up' ? silentFor(at.heartbeat_at) : ''));
  }
  if (silent.length > 0) {
    const out = silent.map(owner => node(owner)?.out_at).filter(Boolean).sort()[0];
    rest.push(w.reads(good.length), out ? w.out(clock(out)) : w.back);
  }
  if (named('missing').length > 0) rest.push(w.missing(named('missing')));
  if (named('bad').length > 0) rest.push(w.bad(named('bad')));
  const bad = named('bad').length > 0 || silent.length > 0;
  return { level: bad ? 'warn' : 'info', strong: w.some(good.length, owners.length), rest: rest.join(' ') };
}
