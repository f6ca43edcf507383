// KaTeX, in a chunk of its own with its style sheet. It makes elements, never markup, and trusts nothing (no \href, no \includegraphics).
import katex from 'katex';

/** Resolves when the style sheet is there, or will not come. */
export const styled = new Promise((resolve) => {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = globalThis.KATEX_CSS;
  link.addEventListener('load', resolve);
  link.addEventListener('error', resolve);
  document.head.append(link);
});

const longest = 4_000;

/** @param {Element} place @param {string} formula @param {boolean} isBlock @returns {boolean} false: it is left as it was written */
export function renderFormula(place, formula, isBlock) {
  if (formula.length > longest) return false;
  try {
    katex.render(formula, /** @type {HTMLElement} */ (place), { displayMode: isBlock, throwOnError: true, strict: 'ignore', trust: false, maxExpand: 200, maxSize: 20, output: 'htmlAndMathml' });
    return true;
  } catch {
    place.textContent = formula;
    return false;
  }
}
