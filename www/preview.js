// What can be looked at without opening the file: a PDF in a frame, a picture, the beginning of a text. Everything else gets a card.
import { ApiError, h, kind, size, words } from './base.js';
import { courseMark } from './mark.js';

const w = words.course;
const TEXT_BYTES = 64 * 1024; // of a text that are shown

/** A card with a sentence where no preview can be. */
export const card = (key, sentence, ...more) => h('div', { class: 'plain' }, courseMark(key), h('p', {}, sentence), more);

/** True when preview() shows more than a card. */
export const hasPreview = record => Boolean(ways[mediaType(record)]);

/** The element for a record whose bytes are at `url`. */
export const preview = (record, url) => (ways[mediaType(record)] || noWay)(record, url);

const mediaType = record => record.type.split(';')[0];
const noWay = record => card(record.key, w.noPreview(kind(record)));

const ways = {
  'application/pdf': pdf,
  'image/png': image,
  'image/jpeg': image,
  'image/gif': image,
  'image/webp': image,
  'text/plain': text,
  'text/markdown': text,
};

function pdf(record, url) {
  // Phones show no PDF inside a page: a card is better than an empty frame.
  if (navigator.pdfViewerEnabled === false) return card(record.key, w.noFrame('PDF'), h('a', { class: 'button', href: url }, w.openKind('PDF')));
  return h('iframe', { src: `${url}#toolbar=0&navpanes=0&view=FitH`, title: w.previewOf(record.filename), loading: 'lazy' });
}

function image(record, url) {
  const lost = event => event.target.replaceWith(card(record.key, w.previewLost));
  return h('img', { src: url, alt: w.previewOf(record.filename), onerror: lost });
}

/** Text as text, never as markup. */
function text(record, url) {
  const box = h('pre', { tabindex: 0, role: 'region', 'aria-label': w.previewOf(record.filename) }, w.looking);
  fillText(box, record, url).catch(error => {
    const sentences = { 410: w.previewGone, 503: w.previewAway };
    box.replaceWith(card(record.key, sentences[error.status] || w.previewLost));
  });
  return box;
}

async function fillText(box, record, url) {
  const isLong = record.size > TEXT_BYTES;
  const answer = await fetch(url, isLong ? { headers: { Range: `bytes=0-${TEXT_BYTES - 1}` } } : {});
  if (!answer.ok) throw new ApiError(answer.status);
  const bytes = new Uint8Array(await answer.arrayBuffer()).subarray(0, TEXT_BYTES);
  box.textContent = new TextDecoder().decode(bytes, { stream: true }); // a letter that was cut in half is left out
  if (isLong) box.after(h('p', { class: 'second below' }, w.cut(size(TEXT_BYTES))));
}
