// The text of one reply as it grows: closed blocks are drawn once, the last one anew, at most once per frame.
import { h, iconButton, set } from '../base/dom.js';
import { appendText, noBlocks } from '../markdown/blocks.js';
import { startsOfBlocks } from '../markdown/parser.js';
import { codeFigure, renderBlock } from '../markdown/render.js';
import { langOf } from '../words.js';

/** @typedef {{copy: string, wrap: string}} CodeLabels */
/** @typedef {{references?: Record<string, unknown>}} Environment what markdown-it keeps of a document: its link definitions */

// An open block may hold half a definition; the whole one must not find its place taken.
/** @param {Environment} env @returns {Environment} */
const copyOf = (env) => ({ references: { ...env.references } });

export class Prose {
  element = h('div', { class: 'prose' });
  #cursor = h('span', { class: 'cursor', 'aria-hidden': 'true' }, '▌');
  #blocks = noBlocks;
  /** @type {Environment} */ #env = {};
  #seen = 0;
  #rewrites = -1;
  /** @type {Node[]} */ #tail = [];
  /** @type {Text | undefined} */ #openCode;
  #openLanguage = '';
  #growing = false;
  /** @type {CodeLabels} */ #labels;
  /** @type {(text: string, button: HTMLElement) => void} */ #copy;

  /** @param {CodeLabels} labels @param {(text: string, button: HTMLElement) => void} copy for the buttons of code blocks */
  constructor(labels, copy) {
    this.#labels = labels;
    this.#copy = copy;
  }

  /**
   * @param {string} text all of it so far
   * @param {number} rewrites changes when the text was replaced instead of grown
   * @param {boolean} growing
   */
  update(text, rewrites, growing) {
    if (rewrites !== this.#rewrites || text.length < this.#seen) this.#restart(rewrites);
    else if (text.length === this.#seen && growing === this.#growing) return;
    this.#growing = growing;
    const before = this.#blocks.closed.length;
    this.#blocks = appendText(this.#blocks, text.slice(this.#seen), startsOfBlocks);
    this.#seen = text.length;
    const closedNow = this.#blocks.closed.slice(before);
    if (closedNow.length || !this.#growCode()) this.#drawTail(closedNow);
    this.#placeCursor();
    const lang = langOf(text.slice(0, 400));
    if (lang) this.element.lang = lang;
  }

  /** @param {number} rewrites */
  #restart(rewrites) {
    this.#rewrites = rewrites;
    this.#blocks = noBlocks;
    this.#env = {};
    this.#seen = 0;
    this.#tail = [];
    this.#openCode = undefined;
    this.element.replaceChildren();
  }

  // A fence that only got longer: one write to its text node, however long it is.
  #growCode() {
    const { tail, fence } = this.#blocks;
    if (!this.#growing || !fence || !this.#openCode || fence.language !== this.#openLanguage) return false;
    this.#openCode.appendData(tail.slice(fence.from + this.#openCode.length));
    return true;
  }

  /** @param {readonly string[]} closed blocks that closed since the last time */
  #drawTail(closed) {
    for (const node of this.#tail) node.parentNode?.removeChild(node);
    this.#cursor.remove();
    this.#openCode = undefined;
    for (const block of closed) this.element.append(...this.#withCopyButtons(renderBlock(block, this.#env)));
    const { tail } = this.#blocks;
    const fence = this.#growing ? this.#blocks.fence : undefined;
    if (fence) {
      const figure = codeFigure(fence.language, '', false);
      const code = figure.querySelector('code');
      this.#openLanguage = fence.language;
      this.#openCode = new Text(tail.slice(fence.from));
      code?.replaceChildren(this.#openCode);
      this.#tail = [figure];
    } else {
      this.#tail = renderBlock(tail, this.#growing ? copyOf(this.#env) : this.#env);
    }
    this.element.append(...this.#withCopyButtons(this.#tail));
  }

  /** @param {Node[]} nodes */
  #withCopyButtons(nodes) {
    for (const node of nodes) {
      if (!(node instanceof Element)) continue;
      const figures = node.matches('figure.code') ? [node] : [...node.querySelectorAll('figure.code')];
      for (const figure of figures) {
        const button = iconButton('copy', this.#labels.copy, () => this.#copy(figure.querySelector('code')?.textContent ?? '', button));
        const wrap = iconButton('wrap', this.#labels.wrap, () => set(wrap, 'aria-pressed', String(figure.toggleAttribute('data-wrap'))), { 'aria-pressed': 'false' });
        figure.querySelector('figcaption')?.append(wrap, button);
      }
    }
    return nodes;
  }

  // After the last sign: inside the last paragraph, list item or line of code.
  #placeCursor() {
    if (!this.#growing) {
      this.#cursor.remove();
      return;
    }
    /** @type {Element} */
    let place = this.element;
    for (let last = place.lastElementChild; last; last = place.lastElementChild) {
      if (last === this.#cursor) last = last.previousElementSibling;
      if (!last || !/^(P|UL|OL|LI|BLOCKQUOTE|H[3-6]|PRE|FIGURE|CODE)$/.test(last.tagName)) break;
      const after = last.nextSibling;
      if (after && after !== this.#cursor && after.textContent?.trim()) break;
      place = last;
    }
    if (this.#cursor.parentElement !== place || this.#cursor.nextSibling) place.append(this.#cursor);
  }
}
