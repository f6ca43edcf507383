import { h, icon, s, set, setChildren, setText } from '../base/dom.js';
import { nameOf } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** The model on its way into memory: percent and time, or why it does not come. @param {Context} context */
export function makeLoading({ words }) {
  const title = h('h1');
  const percent = h('data');
  const left = h('span');
  const names = /** @type {Record<string, string>} */ (words.stages);
  const order = Object.keys(names);
  const rows = new Map(order.map((key) => [key, h('li', {})]));
  const list = h('ol', {}, ...rows.values());
  const stage = h('p', { class: 'fine' });
  const fill = s('rect', { height: '100%' });
  const bar = s('svg', { class: 'measure-bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': words.loadingAnother }, fill);
  const card = h('section', { class: 'load' }, title, h('p', { class: 'big' }, percent, left), bar, list, stage);
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
      // The stages that this page knows stand in a list; another one is named as the server names it.
      const at = order.indexOf(loading?.stage ?? '');
      list.hidden = at < 0;
      for (const [i, key] of order.entries()) {
        const row = /** @type {HTMLElement} */ (rows.get(key));
        const place = i < at ? 'done' : i === at ? 'now' : undefined;
        set(row, 'data-state', place);
        setChildren(row, [place === 'done' ? icon('check') : place === 'now' ? h('i') : h('span'), h('span', {}, names[key])]);
      }
      setText(stage, at < 0 ? (loading?.stage ?? '') : '');
    },
  };
}
