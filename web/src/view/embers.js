import { h, s, set } from '../base/dom.js';
import { barsOf, textsOf, uncertainIn, visible } from '../state/surprise.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').Reply} Reply */

const barsMax = 600;

/** One bar for each token, taller where the model was less sure; the door to the inspector. @param {Context} context @param {string} message */
export function makeEmbers({ words, dispatch, inspectHref }, message) {
  const drawing = s('svg', { preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const element = h('a', { class: 'embers' }, drawing);
  /** @type {readonly number[]} */
  let lps = [];
  let perBar = 1;
  /** @type {(() => string[]) | undefined} */
  let texts;

  const tokenAt = (/** @type {MouseEvent} */ event) => {
    const box = drawing.getBoundingClientRect();
    const bar = Math.floor(((event.clientX - box.left) / Math.max(1, box.width)) * Math.ceil(lps.length / perBar));
    const first = Math.min(lps.length - 1, Math.max(0, bar * perBar));
    // Of the tokens behind one bar, the one that made it tall.
    let worst = first;
    for (let i = first; i < Math.min(lps.length, first + perBar); i++) if (lps[i] < lps[worst]) worst = i;
    return worst;
  };
  element.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dispatch({ type: 'inspector_opened', tab: 'tokens', message, token: event.detail ? tokenAt(event) : 0 });
  });
  element.addEventListener('pointermove', (event) => {
    const token = tokenAt(event);
    set(element, 'title', words.emberHint(visible(texts?.()[token] ?? ''), Math.exp(lps[token] ?? 0)));
  });

  return {
    element,
    /** @param {Reply} reply @param {boolean} isInspected @returns {boolean} whether there is a line to show */
    update(reply, isInspected) {
      set(element, 'aria-current', isInspected && 'true');
      if (reply.lp.length === 0) return false;
      if (reply.lp !== lps) {
        lps = reply.lp;
        const text = reply.parts.length === 1 ? reply.parts[0].text : reply.parts.map((part) => part.text).join('');
        /** @type {string[] | undefined} */
        let split;
        texts = () => (split ??= textsOf(text, reply.bytes));
        const { bars, perBar: each, paths } = barsOf(lps, { height: 16, barsMax });
        perBar = each;
        set(drawing, 'viewBox', `0 0 ${bars} 16`);
        drawing.replaceChildren(...paths.flatMap((d, heat) => (d ? [s('path', { 'data-heat': heat, d })] : [])));
        set(element, 'href', inspectHref(message));
        set(element, 'aria-label', words.embers(lps.length, uncertainIn(lps)));
      }
      return true;
    },
  };
}
