// A share link as somebody got it: what it opens, or the question for its password. The text of the link is in the address and goes nowhere but to the API.
import { $, ApiError, apiBase, button, explain, focusOn, kind, note, say, show, size, startLive } from './base.js';
import { busily, wrong } from './ask.js';
import { may, onWho } from './session.js';
import words from './words/en-people.js';

const t = words.link;
const path = `${apiBase}/links/${location.pathname.replace(/^\/l\//, '')}`;

/** A header takes bytes: those of the text's UTF-8. */
const headerText = text => String.fromCharCode(...new TextEncoder().encode(text));

/** The name in a Content-Disposition (RFC 6266): filename* in UTF-8 before the plain one. */
function fileName(header) {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(header ?? '')?.[1];
  try {
    if (extended) return decodeURIComponent(extended);
  } catch {
    /* not one of ours; the plain one will do */
  }
  return /filename="((?:[^"\\]|\\.)*)"/i.exec(header ?? '')?.[1].replace(/\\(.)/g, '$1') ?? t.unnamed;
}

/** Asks what the link opens, without taking it: {name, type, bytes}, or null when it opens nothing (for this password). */
async function look(password) {
  let answer;
  try {
    answer = await fetch(path, { method: 'HEAD', cache: 'no-store', ...(password && { headers: { 'RB-Link-Password': headerText(password) } }) });
  } catch {
    throw new ApiError(0);
  }
  if (answer.ok) {
    const type = answer.headers.get('Content-Type') ?? '';
    return { name: fileName(answer.headers.get('Content-Disposition')), type, bytes: Number(answer.headers.get('Content-Length')) };
  }
  if (answer.status === 403 || answer.status === 404) return null;
  throw new ApiError(answer.status);
}

function drawFile({ name, type, bytes }) {
  document.title = t.title(name);
  $('file-name').textContent = name;
  $('file-kind').textContent = `${kind({ type, filename: name })}, ${size(bytes)}`;
  show($('file-card'), true);
}

function drawLost(error) {
  const again = button(t.lost.again, () => location.reload());
  $('state').replaceChildren();
  $('notes').replaceChildren(note('bad', t.lost.strong, explain(error), { actions: [again] }));
}

async function start() {
  try {
    const file = await look();
    show($('state'), false);
    if (!file) {
      document.title = t.closedTitle;
      $('link-title').textContent = t.closed;
      $('password-form').action = `${path}?download=1`;
      show($('password-form'), true);
      return;
    }
    drawFile(file);
    $('link-download').href = `${path}?download=1`;
    $('link-open').href = path;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    drawLost(error);
  }
}

/** With the right password the browser sends the form itself, and gets the file. */
async function unlock() {
  try {
    const file = await look($('password').value);
    if (!file) {
      wrong($('password'), t.wrong);
      $('password').focus();
      $('password').select();
      return;
    }
    drawFile(file);
    for (const id of ['link-download', 'link-open']) show($(id), false);
    $('password').type = 'password';
    $('password-form').submit();
    say(t.started);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const box = note('bad', t.lost.strong, explain(error), { own: true });
    $('notes').replaceChildren(box);
    focusOn(box);
  }
}

$('show-password').addEventListener('change', event => {
  $('password').type = event.target.checked ? 'text' : 'password';
});
$('password').addEventListener('input', () => wrong($('password'), ''));
$('password-form').addEventListener('submit', event => {
  event.preventDefault();
  if ($('password').value) busily($('password-go'), t.busy, unlock);
  else {
    wrong($('password'), t.need);
    $('password').focus();
  }
});

show($('live'), false);
let isFollowing = false;
onWho(() => {
  if (!may('read') || isFollowing) return; // who only has the link is not told about the machines
  isFollowing = true;
  show($('live'), true);
  startLive();
});
start();
