// "Did you mean …?" after a miss. The API finds beginnings of words and keys only, so shorter beginnings of what was typed
// bring up neighbours, and the nearest of them by edit distance are proposed. Nothing near enough: nothing is proposed.
import { api, courseKey, coursePage, h, words } from './base.js';

const ASKED_MAX = 5; // questions to the API after a miss
const NEIGHBOURS = 200; // rows a question (the API's most)
const SHOWN_MAX = 2;

/** Edit distance that counts two neighbouring letters swapped as one mistake (optimal string alignment); more than `most` is not counted out. */
function distance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const line = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      line[j] = Math.min(above[j] + 1, line[j - 1] + 1, above[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) line[j] = Math.min(line[j], before[j - 2] + 1);
    }
    before = above;
    above = line;
  }
  return above[b.length];
}

const allowed = text => (text.length <= 3 ? 1 : text.length <= 8 ? 2 : 3);
const plain = text => text.normalize('NFKC').toLowerCase();
const wordsOf = text => plain(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);

/** How far an item is from what was typed: by its key, or word by word against its title and teacher. Infinity: not near. */
function farness(item, typed) {
  const key = courseKey(typed);
  const most = allowed(key);
  const byKey = distance(key, item.key, most);
  const theirs = wordsOf(`${item.course} ${item.current.title} ${item.current.instructor}`);
  const byWords = wordsOf(typed).reduce((sum, word) => {
    const limit = Math.max(1, allowed(word) - 1);
    const best = Math.min(...theirs.map(other => (other.startsWith(word) ? 0 : distance(word, other, limit))));
    return best > limit ? Infinity : sum + best;
  }, 0);
  return Math.min(byKey > most ? Infinity : byKey, byWords);
}

/** Shorter beginnings to ask for, the most promising first: of the key without its end, of its letters, of each word, of its number. */
function beginnings(typed) {
  const key = courseKey(typed);
  const letters = /^\p{L}+/u.exec(key)?.[0] || '';
  const digits = /\p{N}+$/u.exec(key)?.[0] || '';
  const longest = wordsOf(typed).filter(word => word.length > 1).sort((a, b) => b.length - a.length);
  const halves = longest.map(word => (word.length > 4 ? word.slice(0, Math.ceil(word.length / 2)) : word));
  const asked = [key.slice(0, -2), letters.length < key.length ? letters : '', ...halves, digits, key.slice(0, 2)];
  return [...new Set(asked.filter(text => text.length > 0 && text !== key))].slice(0, ASKED_MAX);
}

/** The nearest one or two courses (list items), or none. */
async function suggest(typed, signal) {
  const seen = new Map();
  for (const beginning of beginnings(typed)) {
    const query = new URLSearchParams({ q: beginning, sort: 'name', limit: NEIGHBOURS });
    for (const item of (await api(`/courses?${query}`, { signal })).items) seen.set(item.key, item);
    const near = [...seen.values()].map(item => ({ item, far: farness(item, typed) })).filter(one => one.far < Infinity);
    const least = Math.min(...near.map(one => one.far));
    if (near.length > 0) return near.filter(one => one.far === least).slice(0, SHOWN_MAX).map(one => one.item);
  }
  return [];
}

/** Puts "Did you mean …?" in front of what `place` says, when there is something to propose. A failure proposes nothing. */
export async function propose(typed, place, signal) {
  const w = words.find.nothing;
  const near = await suggest(typed, signal).catch(() => []);
  if (near.length === 0 || !place.isConnected) return;
  const proposal = ({ course, current }, i) => {
    const link = h('a', { href: coursePage(course) }, h('b', {}, course));
    return [i > 0 ? w.or : '', link, current.title ? `, ${current.title}` : ''];
  };
  place.prepend(w.mean, ...near.flatMap(proposal), w.end);
}
