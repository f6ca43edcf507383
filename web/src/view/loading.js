import { h, icon, s, set, setChildren, setText } from '../base/dom.js';
import { nameOf } from '../state/select.js';
import { bytesOf } from '../words/figures.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** The model on its way into memory: percent and time, or why it does not come. @param {Context} context */
export function makeLoading({ words }) {
  const title = h('h1');
  const percent = h('data');
  const left = h('span');
  /** @type {Map<string, ReturnType<typeof makeStage>>} */
  const rows = new Map();
  const list = h('ol');
  const fill = s('rect', { height: '100%' });
  const bar = s('svg', { class: 'measure-bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': words.loadingAnother }, fill);
  const card = h('section', { class: 'load' }, title, h('p', { class: 'big' }, percent, left), bar, list, h('p', { class: 'fine' }, words.loadedOnce));
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
      // As the server tells them, then those to come. One that this page has no words for has the server's name.
      const told = new Map((loading?.stages ?? []).map((stage) => [stage.stage, stage]));
      const keys = [...new Set([...told.keys(), ...Object.keys(words.loadStages)])];
      for (const key of keys) {
        const row = rows.get(key) ?? makeStage(words, key);
        rows.set(key, row);
        row.update(told.get(key));
      }
      list.hidden = told.size === 0;
      setChildren(list, keys.map((key) => /** @type {ReturnType<typeof makeStage>} */ (rows.get(key)).element));
    },
  };
}

/** One stage: to come, at work, or done in so much time. @param {import('../words.js').Words} words @param {string} key */
function makeStage(words, key) {
  const names = /** @type {Record<string, string>} */ (words.loadStages);
  const mark = h('span');
  const marks = { done: [icon('check')], now: [h('i')], later: [] };
  const detail = h('small');
  const figure = h('data');
  const element = h('li', {}, mark, h('span', {}, names[key] ?? key, detail), figure);
  return {
    element,
    /** @param {import('../wire.js').LoadStage | undefined} stage */
    update(stage) {
      const place = !stage ? 'later' : stage.ms === undefined ? 'now' : 'done';
      set(element, 'data-state', place);
      set(element, 'aria-current', place === 'now' && 'step');
      setChildren(mark, marks[place]);
      setText(detail, stage ? detailOf(words, stage) : '');
      setText(figure, stage?.ms !== undefined ? words.milliseconds(stage.ms) : stage?.bytes_all ? words.bytesDone(...bytesOf(stage.bytes ?? 0, stage.bytes_all)) : '');
    },
  };
}

/** @param {import('../words.js').Words} words @param {import('../wire.js').LoadStage} stage */
function detailOf(words, { stage, ms, tokens, bytes_all, tensor, dtype }) {
  const all = bytes_all && ms !== undefined ? bytesOf(bytes_all, bytes_all)[1] : undefined;
  const counted = tokens && (stage === 'cache' ? words.roomFor(tokens) : words.vocabulary(tokens));
  return [tensor, counted, all, dtype && words.packedAs(dtype)].filter(Boolean).join(words.comma);
}
