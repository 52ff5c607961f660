// A question before something that is not easily undone, and small helpers of forms; for the pages that change something.
import { button, h, icon, words } from './base.js';

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

/** Puts a sentence below a field that has a line `…-help`; an empty one takes it away. */
export function wrong(input, sentence) {
  const help = document.getElementById(`${input.id}-help`);
  help.replaceChildren(icon('bad'), h('span', {}, sentence));
  help.classList.add('wrong');
  help.hidden = !sentence;
  if (sentence) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
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
