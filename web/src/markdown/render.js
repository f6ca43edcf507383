// The only place where text of others becomes elements by way of markup: markdown-it (html off), then DOMPurify with a closed list.
import DOMPurify from 'dompurify';
import { h, set } from '../base/dom.js';
import { languageName, languageOf } from './languages.js';
import { highlighter, math } from './lazy.js';
import { toHtml } from './parser.js';

const allowed = {
  ALLOWED_TAGS: ['p', 'br', 'hr', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 's', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'a', 'span',
    'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ALLOWED_ATTR: ['href', 'title', 'class', 'start', 'data-align', 'data-math'],
  ADD_URI_SAFE_ATTR: ['start', 'data-align', 'data-math'], // their values are no addresses
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: /** @type {const} */ (true),
};

function makeSanitiser() {
  const purify = DOMPurify(window);
  purify.addHook('afterSanitizeAttributes', (node) => {
    if (node.tagName === 'A') {
      node.setAttribute('rel', 'noopener noreferrer');
      node.setAttribute('target', '_blank');
    }
    // Classes come from the highlighter and from fences alone; anything else could dress text up as a part of the page.
    const classes = (node.getAttribute?.('class') ?? '').split(/\s+/).filter((name) => /^(hljs-[\w-]+|language-[\w+#.-]+)$/.test(name));
    if (classes.length) node.setAttribute('class', classes.join(' '));
    else node.removeAttribute?.('class');
  });
  return purify;
}

/** @type {ReturnType<typeof makeSanitiser> | undefined} */
let sanitiser;

/** @param {string} html */
const clean = (html) => (sanitiser ??= makeSanitiser()).sanitize(html, allowed);

/**
 * One top-level block as nodes. Code blocks come as figures; their copy buttons are the caller's (data-copy marks the place).
 * @param {string} text @param {object} env @returns {Node[]}
 */
export function renderBlock(text, env) {
  const fragment = clean(toHtml(text, env));
  for (const code of fragment.querySelectorAll('pre > code')) {
    const language = /language-(\S+)/.exec(code.className)?.[1] ?? '';
    code.parentElement?.replaceWith(codeFigure(language, code.textContent ?? '', true));
  }
  for (const place of fragment.querySelectorAll('[data-math]')) fillFormula(place);
  for (const table of fragment.querySelectorAll('table')) {
    const scroll = h('div', { class: 'scroll', tabindex: 0 });
    table.replaceWith(scroll);
    scroll.append(table);
  }
  // Arabic and Hebrew begin at the right, each block for itself; code always at the left.
  for (const element of fragment.children) if (element.tagName !== 'FIGURE') element.setAttribute('dir', 'auto');
  return [...fragment.childNodes].filter((node) => node.nodeType !== Node.TEXT_NODE || node.textContent?.trim());
}

/** After the sanitiser: KaTeX makes elements. Until it is there, and if it refuses, the formula stands as it was written. @param {Element} place */
function fillFormula(place) {
  const formula = place.textContent ?? '';
  const isBlock = place.getAttribute('data-math') === 'block';
  place.className = 'math';
  math.then(({ renderFormula }) => {
    set(place, 'data-state', !renderFormula(place, formula, isBlock) && 'plain');
    if (place.isConnected) place.dispatchEvent(new Event('grown', { bubbles: true })); // drawn later than the text around it
  });
}

// Longer code stays plain: colouring it would hold up the page.
const colouredMax = 20_000;

/** @param {string} fence its language as written @param {string} text @param {boolean} closed only closed code is coloured: half a string would flicker */
export function codeFigure(fence, text, closed) {
  const language = languageOf(fence);
  const code = h('code', {}, text);
  if (closed && language && text.length <= colouredMax) {
    highlighter.then(({ highlight }) => code.replaceChildren(...clean(highlight(text, language)).childNodes));
  }
  return h('figure', { class: 'code' }, h('figcaption', {}, h('span', {}, languageName(fence))), h('pre', { tabindex: 0 }, code));
}
