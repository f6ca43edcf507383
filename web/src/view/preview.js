import { h, s, set, setChildren, setText } from '../base/dom.js';
import { inspectedIn, samplingOf } from '../state/select.js';
import { visible } from '../state/surprise.js';
import { chancesUnder } from '../state/trace.js';
import { percent } from '../words/figures.js';
import { textOfCandidate } from './token_card.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

const rows = 4;
const wordsBefore = 5;

/** What the sliders do to a real token of the last reply: the one where the model was least sure. @param {Context} context */
export function makePreview({ words }) {
  const token = h('p');
  const bars = h('div', { class: 'bars' });
  const element = h('section', { class: 'preview' }, h('h4', {}, words.previewTitle), token, bars, h('p', { class: 'fine' }, words.previewDashed));
  /** @type {unknown[]} */
  let drawn = [];
  return {
    element,
    /** @param {State} state @returns {boolean} whether there is a token to show */
    update(state) {
      const message = inspectedIn(state);
      const trace = message && state.traces[message.id];
      const known = (trace?.tokens ?? []).filter(({ candidates }) => candidates && candidates.length > 1);
      if (known.length === 0 || !trace) return false;
      const settings = samplingOf(state);
      const inputs = [trace, settings.temperature, settings.top_p, settings.top_k, settings.min_p];
      if (inputs.every((each, i) => each === drawn[i])) return true;
      drawn = inputs;
      const chosen = known.reduce((a, b) => ((b.entropy ?? 0) > (a.entropy ?? 0) ? b : a));
      const before = trace.tokens.slice(Math.max(0, chosen.index - wordsBefore), chosen.index).map(({ text }) => text).join('');
      setText(token, words.previewToken(chosen.index + 1, visible(before.trimStart())));
      const chances = chancesUnder(chosen, trace.sheet?.tail_betas ?? [], settings);
      setChildren(bars, (chances?.stored ?? []).slice(0, rows).flatMap((candidate, i) => {
        const chance = chances?.chances[i] ?? 0;
        const svg = s('svg', { 'aria-hidden': 'true' }, s('rect', { 'data-part': 'chosen', width: `${chance * 100}%`, height: '100%', rx: 1 }), s('rect', { 'data-part': 'was', width: `${(candidate.p[0] ?? 0) * 100}%`, height: '100%' }));
        return [h('code', {}, textOfCandidate(candidate)), svg, h('data', {}, chance > 0 ? percent(chance) : words.cut)];
      }));
      set(bars, 'role', 'presentation');
      return true;
    },
  };
}
