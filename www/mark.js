// The course mark and the finger ring: the hash ring in small, its yellow dot where the course's key falls.
import { courseKey, svg } from './base.js';
import { sha256 } from './sha256.js';

const utf8 = new TextEncoder();

/** Where a course's key falls on the ring, as a part of a whole turn: the first 8 bytes of SHA-256 of the course key over 2^64 (its top 53 bits are enough). */
export function keyTurn(key) {
  const bytes = sha256(utf8.encode(key));
  const view = new DataView(bytes.buffer);
  return (view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11)) / 2 ** 53;
}

/** A point on a circle, clockwise from 12. */
const at = (turn, radius, x, y) => ({
  cx: (x + radius * Math.sin(turn * 2 * Math.PI)).toFixed(2),
  cy: (y - radius * Math.cos(turn * 2 * Math.PI)).toFixed(2),
});

/** A course's mark, 24 × 32. Decoration: the course's name always stands beside it. */
export function courseMark(key) {
  return svg(
    'svg',
    { viewBox: '0 0 24 32', class: 'mark', 'aria-hidden': 'true' },
    svg('rect', { x: 1, y: 1, width: 22, height: 30, rx: 4, class: 'mark-body' }),
    svg('rect', { x: 5.5, y: 4.2, width: 13, height: 5, rx: 1, class: 'mark-label' }),
    svg('circle', { cx: 12, cy: 20.6, r: 5.6, class: 'mark-ring' }),
    svg('circle', { ...at(keyTurn(key), 5.6, 12, 20.6), r: 2.9, class: 'mark-dot' }),
  );
}

const RIVETS_MAX = 12;

/** Puts one rivet per node on the finger ring of the Find button (the rest of the drawing stands in the page). */
export function setRivets(ring, nodes) {
  const count = Math.min(nodes, RIVETS_MAX);
  ring
    .querySelector('.rivets')
    .replaceChildren(...Array.from({ length: count }, (_, i) => svg('circle', { ...at((i + 0.5) / count, 48, 60, 60), r: 3.2 })));
}

/** Moves the ring's dot to the key of what is typed; an empty field shows CSEN317's place, as the logo does. It jumps, it does not spin. */
export function setDot(ring, typed) {
  const place = at(keyTurn(courseKey(typed) || 'csen317'), 48, 60, 60);
  const dot = ring.querySelector('.dot');
  dot.setAttribute('cx', place.cx);
  dot.setAttribute('cy', place.cy);
}
