// The sign-in dialog. It lies over whatever is shown, so that nothing that was typed there is lost; loaded when it is needed.
import { apiOnce, button, explain, focusOn, h, icon, note, words } from './base.js';

const t = words.signIn;

/** A field with its label and, when something is wrong with it, the sentence below. */
function field(id, label, attributes) {
  const input = h('input', { id, 'aria-describedby': `${id}-help`, required: true, ...attributes });
  const help = h('p', { class: 'below', id: `${id}-help`, hidden: true });
  const wrong = sentence => {
    help.replaceChildren(icon('bad'), h('span', {}, sentence));
    help.classList.add('wrong');
    help.hidden = !sentence;
    if (sentence) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  input.addEventListener('input', () => wrong(''));
  return { input, wrong, whole: h('div', { class: 'field' }, h('label', { for: id }, label), input, help) };
}

/** Counts the seconds down in `place`; the function that ends it. */
function countDown(place, seconds) {
  let left_s = seconds;
  const tell = () => {
    place.textContent = t.limitedRest(left_s);
    if (left_s-- <= 0) clearInterval(timer);
  };
  const timer = setInterval(tell, 1000);
  tell();
  return () => clearInterval(timer);
}

/** Asks for name and password until they are right or the reader has had enough. The session as the API tells it, or null. */
export function askName(reason, rules) {
  return new Promise(resolve => {
    let isBusy = false;
    let answer = null;
    let stop = () => {};
    const name = field('sign-name', t.name, { name: 'username', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', maxlength: 64 });
    const password = field('sign-password', t.password, { name: 'password', type: 'password', autocomplete: 'current-password' });
    const peek = h('input', { type: 'checkbox', id: 'sign-show', onchange: () => {
      password.input.type = peek.checked ? 'text' : 'password';
    } });
    const notes = h('div', { id: 'sign-notes' });
    const go = h('button', { type: 'submit', class: 'button main', id: 'sign-go' }, t.button);
    const cancel = button(t.cancel, () => dialog.close(), { id: 'sign-cancel' });
    const rest = rules?.public_read === false ? t.closed : reason === 'change' ? t.over : t.open;
    const form = h('form', { method: 'dialog', novalidate: true, onsubmit: event => {
      event.preventDefault();
      submit();
    } }, notes, name.whole, password.whole, h('label', { class: 'check' }, peek, t.show), h('div', { class: 'actions' }, go, cancel));
    const dialog = h('dialog', { id: 'sign-dialog', class: 'sign', 'aria-labelledby': 'sign-title', 'aria-describedby': 'sign-text', onclose: () => {
      stop();
      dialog.remove();
      resolve(answer);
    } }, h('h2', { id: 'sign-title' }, t.titles[reason] || t.title), h('p', { id: 'sign-text' }, rest), form);

    function complain(level, strong, more) {
      const box = note(level, strong, more, { own: true, id: 'sign-error' });
      notes.replaceChildren(box);
      return box;
    }

    function refuse(error) {
      if (error.status === 401) {
        complain('bad', t.wrong, t.wrongRest);
        password.input.focus();
        password.input.select();
      } else if (error.status === 429) {
        const counter = h('span');
        focusOn(complain('warn', t.limited, counter));
        stop = countDown(counter, error.retry_s || 1);
      } else {
        focusOn(complain('bad', t.failed, explain(error)));
      }
    }

    async function submit() {
      if (isBusy) return;
      stop();
      notes.replaceChildren();
      if (!name.input.value.trim()) name.wrong(t.needName);
      if (!password.input.value) password.wrong(t.needPassword);
      const bad = form.querySelector('[aria-invalid]');
      if (bad) {
        bad.focus();
        return;
      }
      isBusy = true;
      go.setAttribute('aria-disabled', 'true');
      go.textContent = t.busy;
      try {
        answer = await apiOnce('/session', { method: 'POST', json: { name: name.input.value.trim(), password: password.input.value } });
        password.input.value = '';
        dialog.close();
      } catch (error) {
        refuse(error);
      } finally {
        isBusy = false;
        go.removeAttribute('aria-disabled');
        go.textContent = t.button;
      }
    }

    document.body.append(dialog);
    dialog.showModal(); // the browser keeps the rest of the page away, and gives the focus back when it closes
    name.input.focus();
  });
}
