import { h } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */

/** The text of a reply as a field: what is saved takes its place. Made when it is wanted. @param {Context} context @param {string} id @param {string} text */
export function makeRewrite({ words, dispatch }, id, text) {
  const area = h('textarea', { rows: Math.min(20, 2 + text.split('\n').length + Math.floor(text.length / 70)), 'aria-label': words.rewriteLabel });
  area.value = text;
  const leave = () => dispatch({ type: 'rewrite_left' });
  const form = h('form', { class: 'rewrite' }, area, h('p', { class: 'fine' }, words.rewriteWhat),
    h('div', { class: 'row' }, h('button', { class: 'button', type: 'submit', 'data-size': 'small' }, words.save), h('button', { class: 'button', type: 'button', 'data-kind': 'outline', 'data-size': 'small', onclick: leave }, words.cancel)));
  const save = () => {
    const content = area.value.trim();
    if (!content || content === text.trim()) leave();
    else dispatch({ type: 'reply_rewritten', message: id, content });
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    save();
  });
  area.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    const isSaved = event.key === 'Enter' && (event.ctrlKey || event.metaKey);
    if (!isSaved && event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    if (isSaved) save();
    else leave();
  });
  queueMicrotask(() => area.focus());
  return form;
}
