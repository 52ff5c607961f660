// The dialog for one account: added, changed, a new password, removed.
import { ApiError, api, button, words as common, explain, focusOn, h, note } from './base.js';
import { ask, busily, figure, wrong } from './ask.js';
import { GB } from './settings.js';
import { scopesOf } from './tokens.js';
import words from './words/en-people.js';

const t = words.people;
const PASSWORD_LEAST = 8;
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'; // nothing that looks like something else
const roles = Object.keys(t.roles);

/** 20 letters in groups, each drawn evenly: some 99 bits. */
function drawPassword() {
  const letters = [];
  while (letters.length < 20) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < 256 - (256 % LETTERS.length)) letters.push(LETTERS[byte % LETTERS.length]);
  }
  return letters.join('').replace(/.{5}(?=.)/g, '$&-');
}

function field(id, label, value, attributes = {}, hint = '') {
  const input = h('input', { id, autocomplete: 'off', value, 'aria-describedby': `${hint ? `${id}-hint ` : ''}${id}-help`, ...attributes });
  const optional = attributes.required ? null : h('span', {}, ` ${t.optional}`);
  return h('div', { class: 'field' }, h('label', { for: id }, label, optional), input,
    hint && h('p', { class: 'below', id: `${id}-hint` }, h('span', {}, hint)), h('p', { class: 'below', id: `${id}-help`, hidden: true }));
}

const box = (id, label, isChecked) => h('label', { class: 'check' }, h('input', { type: 'checkbox', id, checked: isChecked }), label);

function roleField(role) {
  const options = roles.map(name => h('option', { value: name, selected: name === role }, `${t.roles[name][0]}: ${t.roles[name][1]}`));
  return h('div', { class: 'field' }, h('label', { for: 'person-role' }, t.role), h('select', { id: 'person-role' }, options));
}

function passwordField(isNew) {
  const whole = field('person-password', isNew ? t.password : t.newPassword, '', { autocapitalize: 'none', spellcheck: 'false', maxlength: 1024 }, isNew ? t.noPassword : t.keepPassword);
  const input = whole.querySelector('input');
  const draw = button(t.draw, () => {
    input.value = drawPassword();
    whole.querySelector('#person-password-hint').firstElementChild.textContent = t.drawn;
    wrong(input, '');
    input.focus();
    input.select();
  }, { id: 'person-draw' });
  const line = h('div', { class: 'copy' }, draw);
  input.replaceWith(line);
  line.prepend(input);
  return whole;
}

/** Opens the dialog for an account as the API gives it, or null for a new one. What was done: {account, words}, {removed} or null. */
export function openPerson(account) {
  return new Promise(resolve => {
    let done = null;
    const isNew = account === null;
    const notes = h('div', {});
    const go = h('button', { type: 'submit', class: 'button main', id: 'person-go' }, isNew ? t.add : t.save);
    const remove = !isNew && button(t.remove, removeIt, { class: 'button danger', id: 'person-remove' });
    const form = h('form', { novalidate: true, class: 'small-form', onsubmit: event => {
      event.preventDefault();
      if (check()) busily(go, t.saving, save);
    }, oninput: event => {
      if (event.target.matches('[aria-invalid]')) wrong(event.target, '');
    } },
    notes,
    isNew && field('person-name', t.name, '', { required: true, autocapitalize: 'none', spellcheck: 'false', maxlength: 64 }),
    field('person-shown', t.shown, isNew || account.shown === account.name ? '' : account.shown, { maxlength: 64 }),
    roleField(isNew ? 'contributor' : account.role),
    field('person-scopes', t.scopes, isNew ? '' : account.scopes.join(', '), { maxlength: 512, placeholder: t.scopesHint }),
    passwordField(isNew),
    field('person-quota', t.quota, '', { inputmode: 'decimal', maxlength: 16 }, t.quotaHint),
    box('person-known', t.known, !isNew && account.known),
    !isNew && box('person-disabled', t.disabled, account.disabled),
    h('div', { class: 'actions' }, go, button(common.leaveIt, () => dialog.close(), { id: 'person-cancel' }), remove));
    const dialog = h('dialog', { id: 'person', 'aria-labelledby': 'person-title', onclose: () => {
      dialog.remove();
      resolve(done);
    } }, h('h2', { id: 'person-title' }, isNew ? t.newTitle : t.oneTitle(account.name)), form);
    const $ = id => dialog.querySelector(`#${id}`);
    const room = figure($('person-quota'), isNew ? null : account.quota_bytes, GB);
    const path = () => `/users/${encodeURIComponent(account.name)}`;

    function check() {
      if (isNew) wrong($('person-name'), /^[a-z0-9][a-z0-9._@+-]{0,63}$/.test($('person-name').value.trim().toLowerCase()) ? '' : t.badName);
      wrong($('person-scopes'), scopesOf($('person-scopes').value) ? '' : t.badScopes);
      const password = $('person-password').value;
      wrong($('person-password'), password && [...password].length < PASSWORD_LEAST ? t.shortPassword : '');
      wrong($('person-quota'), Number.isNaN(room()) ? t.badRoom : '');
      const bad = form.querySelector('[aria-invalid]');
      bad?.focus();
      return !bad;
    }

    const wish = () => ({
      shown: $('person-shown').value.trim(),
      role: $('person-role').value,
      scopes: scopesOf($('person-scopes').value),
      known: $('person-known').checked,
      quota_bytes: room(),
    });

    async function save() {
      const password = $('person-password').value;
      try {
        let made;
        if (isNew) {
          made = await api('/users', { method: 'POST', json: { name: $('person-name').value.trim().toLowerCase(), ...wish(), ...(password && { password }) } });
        } else {
          made = await api(path(), { method: 'PATCH', json: { ...wish(), disabled: $('person-disabled').checked } });
          if (password) {
            await api(`${path()}/password`, { method: 'PUT', json: { new: password } });
            made.has_password = true;
          }
        }
        done = { account: made, words: isNew ? t.added(made.shown) : t.changed(made.shown) };
        dialog.close();
      } catch (error) {
        complain(error);
      }
    }

    function complain(error) {
      if (!(error instanceof ApiError)) throw error;
      const detail = error.problem.detail || '';
      const input = error.status === 409 && isNew ? $('person-name') : error.status === 422 && /password/i.test(detail) ? $('person-password') : null;
      if (input) {
        wrong(input, detail);
        input.focus();
        return;
      }
      const told = note('bad', t.failed, explain(error), { own: true });
      notes.replaceChildren(told);
      focusOn(told);
    }

    async function removeIt() {
      if (!(await ask({ title: t.removeAsk(account.name), text: t.removeText, yes: t.removeYes }))) return;
      try {
        await api(path(), { method: 'DELETE' });
        done = { removed: account.name, words: t.removed(account.name) };
        dialog.close();
      } catch (error) {
        complain(error);
      }
    }

    document.body.append(dialog);
    dialog.showModal();
    (isNew ? $('person-name') : $('person-role')).focus();
  });
}
