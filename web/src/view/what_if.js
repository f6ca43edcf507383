import { h, icon, set, setChildren, setText } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { visible } from '../state/surprise.js';
import { settingsOf } from '../state/trace.js';
import { textOfCandidate } from './token_card.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/trace.js').Drawn} Drawn */
/** @typedef {import('../wire.js').TracePage} TracePage */
/** @typedef {import('../wire.js').TracedToken} TracedToken */
/** @typedef {'temperature' | 'top_p' | 'top_k' | 'min_p'} Name */

/** Other settings over the stored candidates and the stored random number: where the text would have parted. @param {Context} context */
export function makeWhatIf({ words, dispatch, read }) {
  /** @param {Name} name @param {string} label @param {number} max @param {number} step */
  const makeSlider = (name, label, max, step) => {
    const id = `what-if-${name}`;
    const range = h('input', { type: 'range', id, min: 0, max, step });
    const number = h('input', { type: 'number', 'aria-label': words.exact(label), min: 0, max, step: 'any', inputmode: 'decimal' });
    const slider = h('div', { class: 'slider' }, h('label', { for: id }, label), number, range);
    const move = (/** @type {number} */ value) => {
      if (!Number.isFinite(value)) return;
      const { [name]: _, ...rest } = read().inspector.whatIf;
      const held = Math.min(max, Math.max(0, value));
      dispatch({ type: 'what_if_moved', whatIf: held === base?.[name] ? rest : { ...rest, [name]: held } });
    };
    range.addEventListener('input', () => move(range.valueAsNumber));
    number.addEventListener('change', () => move(number.valueAsNumber));
    return { name, slider, update: (/** @type {number} */ value, /** @type {boolean} */ isChanged) => {
      if (range.valueAsNumber !== value) range.value = String(value);
      if (document.activeElement !== number) number.value = String(Math.round(value * 1000) / 1000);
      set(slider, 'data-state', isChanged && 'changed');
    } };
  };
  const sliders = [makeSlider('temperature', words.temperature, 2, 0.05), makeSlider('top_p', words.topP, 1, 0.01)];
  const text = h('span');
  const answerIcon = h('span');
  const answer = h('p', { class: 'answer', role: 'status' }, answerIcon, text);
  const element = h('section', { class: 'what-if', 'aria-label': words.whatIf }, h('h3', {}, words.whatIf, h('small', {}, words.noComputing)), h('div', { class: 'grid' }, ...sliders.map(({ slider }) => slider)), answer);
  /** @type {ReturnType<typeof settingsOf> | undefined} */
  let base;

  /** @param {Message} message @param {TracedToken} token @param {Drawn & {kind: 'other'}} drawn */
  const parted = (message, token, { candidate }) => {
    const { whatIf } = read().inspector;
    const { seed: _, ...params } = message.reply?.written.params ?? {};
    const write = h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button', onclick: () =>
      dispatch({ type: 'branch_asked', id: randomId(), branch: { message: message.id, at: token.index, token: candidate.id }, seed: message.reply?.written.seed, params: { ...params, ...whatIf } }) }, words.writeThatWay);
    return [`${words.whatIfSplit(token.index)} `, h('code', {}, textOfCandidate(candidate)), ` ${words.whatIfInstead} `, h('code', {}, visible(token.text) || '·'), '. ', words.whatIfRest, ' ', write];
  };

  return {
    element,
    /** @param {State} state @param {Message} message @param {{sheet: TracePage, tokens: readonly TracedToken[], split: {at: number, drawn: Drawn} | undefined}} known */
    update(state, message, { sheet, tokens, split }) {
      base = settingsOf(sheet);
      const { whatIf } = state.inspector;
      const now = { ...base, ...whatIf };
      for (const slider of sliders) slider.update(now[slider.name], slider.name in whatIf);
      const isMoved = Object.keys(whatIf).length > 0;
      const at = split && tokens[split.at];
      setChildren(answerIcon, [icon(split ? 'branch' : 'check')]);
      if (!isMoved) setText(text, words.whatIfSame);
      else if (!split || !at) setText(text, words.whatIfNever(tokens.length));
      else if (split.drawn.kind === 'other') text.replaceChildren(...parted(message, at, split.drawn));
      else setText(text, words.whatIfUnknown(split.at));
    },
  };
}
