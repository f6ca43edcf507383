import { h, icon, s, set, setChildren, setText } from '../base/dom.js';
import { nameOf } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** The model on its way into memory: percent and time, or why it does not come. @param {Context} context */
export function makeLoading({ words }) {
  const title = h('h1');
  const percent = h('data');
  const left = h('span');
  const stage = h('p', { class: 'fine' });
  const fill = s('rect', { height: '100%' });
  const bar = s('svg', { class: 'measure-bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': words.loadingAnother }, fill);
  const card = h('section', { class: 'load' }, title, h('p', { class: 'big' }, percent, left), bar, stage);
  const failed = h('section', { class: 'trouble', 'data-kind': 'calm', role: 'status' }, h('h3', {}, icon('info'), words.notReady), h('p', {}, words.notReadyWhat));
  const element = h('div', { class: 'loading' });
  return {
    element,
    /** @param {State} state */
    update(state) {
      const loading = state.server.loading;
      setChildren(element, [loading?.state === 'failed' ? failed : card]);
      const name = nameOf(state.server.model);
      setText(title, name ? words.loading(name) : words.loadingAnother);
      const whole = Math.floor(loading?.percent ?? 0);
      setText(percent, `${whole}%`);
      setText(left, loading?.etaMs ? words.left(loading.etaMs) : '');
      set(fill, 'width', `${whole}%`);
      set(bar, 'aria-valuenow', whole);
      const named = /** @type {Record<string, string>} */ (words.stages);
      setText(stage, loading?.stage ? (named[loading.stage] ?? loading.stage) : '');
    },
  };
}
