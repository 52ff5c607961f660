// Who else may take down and restore what is shown on a course's page: a list that is asked for by a press. Loaded for those who may it themselves.
import { $, ApiError, api, coursePath, explain, focusOn, h, note, words as common } from './base.js';
import { busily } from './ask.js';
import { session } from './session.js';
import words from './words/en-people.js';

const t = words.access;
const PAGES_MAX = 25; // of 200 accounts: so many are looked at

/** All who may, page by page: {owner, items, isWhole}. */
async function everybody(course, version) {
  const items = [];
  let answer = { next: null };
  for (let page = 0; page < PAGES_MAX; page++) {
    answer = await api(`${coursePath(course)}/access?${new URLSearchParams({ version, limit: 200, ...(answer.next && { cursor: answer.next }) })}`);
    items.push(...answer.items);
    if (!answer.next) break;
  }
  return { owner: answer.owner, items, isWhole: !answer.next };
}

function line(one) {
  const about = [one.owns && t.owns, common.who.roles[one.role], one.name === session.user && t.you].filter(Boolean).join(', ');
  return h('li', { 'data-user': one.name }, h('b', {}, one.shown), h('span', { class: 'second' }, ` ${about}`));
}

function draw({ owner, items, isWhole }) {
  const sorted = [...items].sort((a, b) => Number(b.owns) - Number(a.owns));
  $('access').replaceChildren(
    h('p', { class: 'second', tabindex: -1 }, owner ? t.of(owner) : t.ofNobody),
    h('ul', { class: 'lines', 'aria-labelledby': 'access-button' }, sorted.map(line)),
    isWhole ? '' : h('p', { class: 'second' }, t.more));
  focusOn($('access').firstElementChild);
}

/** Shows the list for one version of a course in #access; `control` was pressed. */
export function showAccess(control, course, version) {
  return busily(control, t.asking, async () => {
    try {
      draw(await everybody(course, version));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const box = note('bad', t.failed, explain(error), { own: true });
      $('access').replaceChildren(box);
      focusOn(box);
    }
  });
}
