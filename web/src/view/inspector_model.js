// The model's inside: its module tree with shapes and parameter counts, and the values of a tensor.
import { h, icon, s, set, setText } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../wire.js').ModelNode} ModelNode */
/** @typedef {import('../wire.js').ModelSheet} ModelSheet */
/** @typedef {import('../wire.js').TensorWindow} TensorWindow */

/** @param {number} n */
const millions = (n) => (n >= 10_000 ? `${(n / 1e6).toFixed(2)} M` : new Intl.NumberFormat('en').format(n));
/** @param {number} bytes */
const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1024).toFixed(1)} KiB`);
/** @param {number} value */
const short = (value) => (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toPrecision(2)).replace('-', '−');

/** A module's own name in a checkpoint; of equal layers the first stands for all. @param {string} name */
const first = (name) => name.replace(/^(\d+)-\d+$/, '$1');

/** Seven steps from pine through nothing to ember. @param {number | null} value @param {number} most */
const stepOf = (value, most) => {
  if (value === null || most === 0) return 'z';
  const part = value / most;
  const strength = Math.abs(part) < 0.15 ? 0 : Math.abs(part) < 0.45 ? 1 : Math.abs(part) < 0.8 ? 2 : 3;
  return strength === 0 ? 'z' : `${part < 0 ? 'n' : 'p'}${strength}`;
};

/** @param {Context} context */
export function makeModelTab({ words, dispatch, read }) {
  const numbers = h('small');
  const name = h('span');
  const tree = h('div', { class: 'tree' });
  const head = h('section', {}, h('h3', {}, name, numbers), tree);
  const facts = h('dl', { class: 'kv' });
  const asking = h('p', { class: 'fine' }, words.readingNumbers);
  const none = h('p', { class: 'fine' }, words.notOffered);
  const tensorName = h('span');
  const tensorWindow = h('small');
  const picture = s('svg', { preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const least = h('span');
  const most = h('span');
  const swatch = (/** @type {string} */ step) => s('svg', { class: 'values', 'aria-hidden': 'true' }, s('rect', { 'data-v': step, width: '100%', height: '100%' }));
  const stats = h('p', { class: 'scale' }, least, ...['n3', 'n2', 'n1', 'z', 'p1', 'p2', 'p3'].map(swatch), most);
  const stored = h('dl', { class: 'kv' });
  const tensor = h('section', {}, h('h3', {}, tensorName, tensorWindow), h('div', { class: 'values' }, picture), stats, stored);
  const factsSection = h('section', {}, facts);
  /** @type {ModelSheet | undefined} */
  let shown;
  /** @type {TensorWindow | undefined} */
  let shownWindow;

  /** @param {ModelNode} node @param {number} whole parameters of the parent @param {string} path @param {boolean} isOpen @returns {HTMLElement} */
  const branch = (node, whole, path, isOpen) => {
    const here = path ? `${path}.${first(node.name)}` : first(node.name);
    const share = s('svg', { class: 'share', 'aria-hidden': 'true' }, s('rect', { width: `${(100 * node.parameters) / Math.max(1, whole)}%`, height: '100%' }));
    const label = h('code', {}, node.name, h('small', {}, ` ${[node.kind, node.detail && `[${node.detail}]`].filter(Boolean).join(' ')}`));
    const cells = [label, h('data', { value: node.parameters }, millions(node.parameters)), share];
    // A tied module has no tensor of its own.
    if (node.kind === 'tied') return h('li', {}, h('div', { class: 'leaf' }, h('span'), ...cells));
    if (!node.children) {
      const leaf = h('button', { class: 'leaf', type: 'button', 'data-tensor': here, onclick: () => dispatch({ type: 'tensor_opened', name: `${here}.weight` }) }, h('span'), ...cells);
      return h('li', {}, leaf);
    }
    const details = h('details', {}, h('summary', {}, icon('right'), ...cells));
    // The parts of a module are made when somebody looks into it.
    const fill = () => details.querySelector('ul') ?? details.append(h('ul', {}, ...(node.children ?? []).map((child) => branch(child, node.parameters, here, false))));
    details.addEventListener('toggle', () => details.open && fill());
    if (isOpen) {
      fill();
      details.open = true;
    }
    return h('li', {}, details);
  };

  /** @param {ModelSheet} sheet */
  const draw = (sheet) => {
    setText(name, sheet.spec.architecture ?? sheet.tree.name);
    const types = Object.keys(sheet.dtypes).join(', ');
    setText(numbers, words.modelNumbers(sheet.parameters, `${size(sheet.weight_bytes)} ${types}`));
    tree.replaceChildren(h('ul', { 'aria-label': words.modelTree }, ...(sheet.tree.children ?? [sheet.tree]).map((node, i) => branch(node, sheet.parameters, '', i === 0))));
    const kv = Object.entries(sheet.kv_bytes_per_token).map(([type, bytes]) => `${size(bytes)} (${type})`).join(', ');
    facts.replaceChildren(h('dt', {}, words.decoderFact), h('dd', {}, sheet.decoder), h('dt', {}, words.kvPerToken), h('dd', {}, kv));
  };

  /** @param {TensorWindow} window */
  const drawTensor = (window) => {
    const { values, statistics } = window;
    const edge = Math.max(statistics.standard_deviation * 2.5, 1e-30);
    const columns = values[0]?.length ?? 0;
    setText(tensorName, window.name);
    setText(tensorWindow, words.tensorWindow(values.length, columns));
    set(picture, 'viewBox', `0 0 ${Math.max(1, columns)} ${Math.max(1, values.length)}`);
    picture.replaceChildren(...values.flatMap((row, y) => row.map((value, x) => s('rect', { x, y, width: 1, height: 1, 'data-v': stepOf(value, edge) }, s('title', {}, value === null ? 'NaN' : String(value))))));
    setText(least, short(-edge));
    setText(most, `${short(edge)}. ${words.tensorStats(short(statistics.mean), short(statistics.standard_deviation), short(statistics.min), short(statistics.max))}`);
    stored.replaceChildren(h('dt', {}, words.storedAs), h('dd', {}, `${window.dtype} [${window.shape.join(', ')}], ${size(window.bytes)}`));
  };

  return {
    /** @param {State} state @returns {Node[]} */
    update(state) {
      const { modelSeen, tensorSeen } = state;
      if (!modelSeen.sheet) return [modelSeen.phase === 'failed' ? none : asking];
      if (modelSeen.sheet !== shown) draw((shown = modelSeen.sheet));
      for (const leaf of tree.querySelectorAll('[data-tensor]')) set(leaf, 'aria-current', `${leaf.getAttribute('data-tensor')}.weight` === read().inspector.tensor && 'true');
      const window = tensorSeen?.window;
      if (window && window !== shownWindow) drawTensor((shownWindow = window));
      return [head, ...(window ? [tensor] : []), factsSection];
    },
  };
}
