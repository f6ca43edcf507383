// Markdown to HTML text, without a DOM. Raw HTML is off, images become links, nothing carries a style: the sanitiser is the second lock.
import MarkdownIt from 'markdown-it';
import { addFormulas } from './formulas.js';

/** @typedef {import('markdown-it').Token} Token */
/** @typedef {import('markdown-it').RendererRule} RendererRule */

// CommonMark leaves **词：**后 as it is, because a mark of punctuation stands inside and a letter outside. Han, kana and hangul are written
// without blanks, so beside them emphasis may open and close at punctuation too.
const eastAsian = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uffef]/u;

/** @returns {MarkdownIt} */
function makeParser() {
  const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false });

  addFormulas(markdown);
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  markdown.validateLink = (/** @type {string} */ url) => /^(https?:|mailto:)/i.test(url.trim());

  const { isWhiteSpace, isPunctChar, isMdAsciiPunct } = markdown.utils;
  markdown.inline.State.prototype.scanDelims = function (/** @type {number} */ start, /** @type {boolean} */ canSplitWord) {
    const { src, posMax } = this;
    const marker = src.charCodeAt(start);
    let pos = start;
    while (pos < posMax && src.charCodeAt(pos) === marker) pos++;
    const last = start > 0 ? ([...src.slice(Math.max(0, start - 2), start)].at(-1) ?? ' ') : ' ';
    const next = pos < posMax ? String.fromCodePoint(src.codePointAt(pos) ?? 0x20) : ' ';
    const isWhite = (/** @type {string} */ sign) => isWhiteSpace(sign.codePointAt(0) ?? 0x20);
    const isPunct = (/** @type {string} */ sign) => isMdAsciiPunct(sign.codePointAt(0) ?? 0) || isPunctChar(sign);
    const isLeft = !isWhite(next) && (!isPunct(next) || isWhite(last) || isPunct(last) || eastAsian.test(last));
    const isRight = !isWhite(last) && (!isPunct(last) || isWhite(next) || isPunct(next) || eastAsian.test(next));
    return { can_open: isLeft && (canSplitWord || !isRight || isPunct(last)), can_close: isRight && (canSplitWord || !isLeft || isPunct(next)), length: pos - start };
  };

  // A remote picture would tell a stranger who reads what. Its address is offered as a link instead.
  /** @type {RendererRule} */
  const imageAsLink = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const label = markdown.utils.escapeHtml(self.renderInlineAsText(token.children ?? [], options, env) || String(token.attrGet('src') ?? ''));
    const source = markdown.utils.escapeHtml(String(token.attrGet('src') ?? ''));
    return `<a href="${source}">${label}</a>`;
  };

  markdown.renderer.rules.image = imageAsLink;

  // Column alignment as a data attribute: the Content-Security-Policy forbids style attributes.
  for (const rule of ['th_open', 'td_open']) {
    markdown.renderer.rules[rule] = (tokens, index, options, _env, self) => {
      const token = tokens[index];
      const align = /text-align:(\w+)/.exec(String(token.attrGet('style') ?? ''))?.[1];
      token.attrs = align ? [['data-align', align]] : null;
      return self.renderToken(tokens, index, options);
    };
  }

  // The page owns levels 1 and 2.
  markdown.core.ruler.push('lower_headings', (state) => {
    for (const token of state.tokens) if (/^h[1-6]$/.test(token.tag)) token.tag = `h${Math.min(6, Number(token.tag[1]) + 2)}`;
  });
  return markdown;
}

/** @type {MarkdownIt | undefined} */
let made;
/** Made when the first text comes: the page is drawn without waiting for it. */
const parser = () => (made ??= makeParser());

/** @param {string} text one top-level block @param {object} env shared by the blocks of one reply: link definitions */
export const toHtml = (text, env) => parser().render(text, env);

/** First lines of the top-level blocks. @param {string} text @returns {number[]} */
export function startsOfBlocks(text) {
  /** @type {Token[]} */
  const tokens = parser().parse(text, { isSplitting: true });
  return tokens.filter((token) => token.level === 0 && token.nesting >= 0 && token.map).map((token) => /** @type {[number, number]} */ (token.map)[0]);
}
