"""What a machine can see of accessibility in a page as it stands: names, labels, references, headings, contrast, sizes. Not a replacement for a person."""

CHECK = r"""
const faults = [];
const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
const within = dialog ?? document;
const isShown = element => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
const shown = selector => [...within.querySelectorAll(selector)].filter(isShown);
const said = element => element.outerHTML.slice(0, 120);
const fault = (rule, element) => faults.push(`${rule}: ${said(element)}`);

// Names: every control says what it is.
const byIds = ids => ids.split(/\s+/).map(id => document.getElementById(id)?.textContent ?? '').join(' ');
const text = node => [...node.childNodes].map(child => child.nodeType === 3 ? child.data
  : child.nodeType !== 1 || child.getAttribute('aria-hidden') === 'true' ? '' : child.getAttribute('aria-label') ?? child.getAttribute('alt') ?? text(child)).join('');
function nameOf(element) {
  if (element.hasAttribute('aria-labelledby')) return byIds(element.getAttribute('aria-labelledby'));
  if (element.hasAttribute('aria-label')) return element.getAttribute('aria-label');
  if (element.labels?.length) return [...element.labels].map(text).join(' ');
  return element.matches('input, select, textarea') ? '' : text(element);
}
for (const element of shown('a[href], button, input:not([type=hidden]), select, textarea, dialog[open], nav, section, [role=region], [role=progressbar], table, fieldset')) {
  const name = element.matches('fieldset') ? element.querySelector('legend')?.textContent ?? '' : nameOf(element);
  if (!name.trim()) fault('no name', element);
}
for (const element of shown('img:not([alt]), svg:not([aria-hidden=true]):not([aria-label]):not([aria-labelledby])')) fault('a picture without words', element);
for (const element of shown('[aria-label]')) {
  const own = text(element).trim().toLowerCase();
  if (element.matches('button, a') && own && !element.getAttribute('aria-label').toLowerCase().includes(own.replace(/ *…$/, ''))) fault('the name lacks the words that are seen', element);
}

// Ids, references, structure.
const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
for (const id of new Set(ids)) if (ids.filter(other => other === id).length > 1) faults.push(`id twice: ${id}`);
for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
  for (const element of document.querySelectorAll(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(/\s+/)) if (!document.getElementById(id)) fault(`${attribute} names nothing (${id})`, element);
  }
}
if (!document.documentElement.lang) faults.push('no language');
if (!document.title.trim()) faults.push('no title');
if (!dialog) {
  const heads = shown('h1, h2, h3, h4');
  if (heads.filter(head => head.matches('h1')).length !== 1) faults.push('not one h1');
  let level = 0;
  for (const head of heads) {
    const next = Number(head.tagName[1]);
    if (next > level + 1) fault('a heading level left out', head);
    level = next;
  }
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
}
for (const element of shown('ul, ol')) if ([...element.children].some(child => !child.matches('li, template, script'))) fault('a list with other than items', element);
for (const element of shown('table')) if (!element.querySelector('th[scope=col]')) fault('a table without heads', element);
for (const element of shown('[aria-invalid=true]')) {
  if (!(element.getAttribute('aria-describedby') ?? '').split(/\s+/).some(id => document.getElementById(id)?.checkVisibility())) fault('wrong, and no words why', element);
}
for (const element of shown('[tabindex]')) if (element.tabIndex > 0) fault('an order of its own', element);

// Sizes: 24 px, but for links in running text (WCAG 2.5.8).
for (const element of shown('button, a[href], input:not([type=checkbox]):not([type=radio]):not([type=file]), select')) {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.right < 0 || box.bottom < 0) continue; // the skip link before it has the focus
  const inText = getComputedStyle(element).display === 'inline';
  if (!element.closest('.scroller, .skip') && (box.left < 0 || box.right > innerWidth)) fault('out of the window', element);
  if (!inText && (box.height < 24 || box.width < 24)) fault(`small: ${Math.round(box.width)}x${Math.round(box.height)}`, element);
}

// Contrast of text (WCAG 1.4.3): 4.5, or 3 for large. Backgrounds are plain colours here; transparent ones are looked through.
const parse = colour => (colour.match(/[\d.]+/g) ?? []).map(Number);
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if ((colour[3] ?? 1) === 1 && colour.length) return colour.slice(0, 3);
    if ((colour[3] ?? 1) > 0 && at.parentElement) return over(colour, behind(at.parentElement));
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? [15, 22, 21] : [255, 255, 255];
}
const walker = document.createTreeWalker(dialog ?? document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || seen.has(element) || !isShown(element) || element.closest('.hush, .skip, option, script, style, noscript, template')) continue;
  seen.add(element);
  const style = getComputedStyle(element);
  if (style.clipPath !== 'none' || style.fontSize === '0px') continue;
  const back = behind(element), front = over(parse(style.color), back);
  const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
  const ratio = (high + 0.05) / (low + 0.05);
  const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (isLarge ? 3 : 4.5)) fault(`contrast ${ratio.toFixed(2)}`, element);
}
return faults;
"""


def faults(browser):
    """What is wrong with the page, or with the topmost dialog when one is open: sentences."""
    return browser.driver.execute_script(CHECK)
