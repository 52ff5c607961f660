// A question before something that is not easily undone, what a page says that shows nothing, and small helpers of forms; for the pages that change something.
import { button, explain, h, icon, note, words } from './base.js';
import { session, signIn } from './session.js';
import people from './words/en-people.js';

/** Asks in a dialog whose harmless button has the focus: {title, text, yes, no}; text may be elements. True when it was confirmed. */
export function ask({ title, text, yes, no = words.leaveIt }) {
  return new Promise(resolve => {
    let isSure = false;
    const confirm = button(yes, () => {
      isSure = true;
      dialog.close();
    }, { class: 'button danger', id: 'sure' });
    const leave = button(no, () => dialog.close(), { autofocus: true });
    const dialog = h('dialog', { id: 'question', 'aria-labelledby': 'question-title', 'aria-describedby': 'question-text', onclose: () => {
      dialog.remove();
      resolve(isSure);
    } }, h('h2', { id: 'question-title' }, title), h('div', { id: 'question-text' }, text), h('div', { class: 'actions' }, leave, confirm));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Why a page shows nothing to who looks at it. */
export function keptOut() {
  if (session.unsure) return note('warn', people.unsure.strong, people.unsure.rest);
  if (session.user) return note('info', people.notForYou);
  const go = h('button', { type: 'button', class: 'button main', onclick: () => signIn() }, people.signInFirst.button);
  return note('info', people.signInFirst.strong, '', { actions: [go] });
}

/** What a page says when what it shows could not be had. */
export const notLoaded = (error, again) => note('bad', people.notLoaded, explain(error), { id: 'load-error', actions: [button(people.again, again)] });

/** Puts a sentence below a field that has a line `…-help`; an empty one takes it away. */
export function wrong(input, sentence) {
  const help = document.getElementById(`${input.id}-help`);
  help.replaceChildren(icon('bad'), h('span', {}, sentence));
  help.classList.add('wrong');
  help.hidden = !sentence;
  if (sentence) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
}

/**
 * Shows `value` (null: nothing) in a field, in units of `unit`, with at most three digits behind the point. What is returned reads the field: exactly that value while
 * nobody changed the text, null for nothing, NaN for what is no number.
 */
export function figure(input, value, unit) {
  const before = value === null ? '' : String(Math.round((value / unit) * 1000) / 1000);
  input.value = before;
  return () => {
    const text = input.value.trim();
    if (text === before) return value;
    if (text === '') return null;
    return /^\d{1,9}([.,]\d{1,6})?$/.test(text) ? Math.round(Number(text.replace(',', '.')) * unit) : NaN;
  };
}

/** Runs `work` for a control that says `busy` meanwhile; a second press is ignored. */
export async function busily(control, busy, work) {
  if (control.getAttribute('aria-disabled')) return;
  const label = control.textContent;
  control.setAttribute('aria-disabled', 'true');
  control.textContent = busy;
  try {
    await work();
  } finally {
    control.removeAttribute('aria-disabled');
    control.textContent = label;
  }
}
