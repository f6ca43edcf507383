// Tokens: how sure the model was of each, what else it considered, and what other settings would have drawn.
import { h, icon, s, set } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { offers } from '../state/select.js';
import { barsOf, bitsOf, heatOf, textsOf } from '../state/surprise.js';
import { firstSplit, settingsOf } from '../state/trace.js';
import { makeTokenCard } from './token_card.js';
import { makeWhatIf } from './what_if.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').Reply} Reply */
/** @typedef {import('../state/state.js').Trace} Trace */
/** @typedef {import('../wire.js').TracedToken} TracedToken */
/** @typedef {{text: string, lp: number, special: boolean}} Shown */

const stripHeight = 48;
const barsMax = 400;
export const rowsShown = 8;

/** What is known of each token: from the trace where there is one, else from what came with the text. @param {Reply} reply @param {Trace | undefined} trace @returns {Shown[]} */
export function tokensOf(reply, trace) {
  const texts = reply.bytes.length ? textsOf(reply.parts.map((part) => part.text).join(''), reply.bytes) : [];
  const count = Math.max(reply.lp.length, trace?.tokens.length ?? 0);
  return Array.from({ length: count }, (_, i) => {
    const traced = trace?.tokens[i];
    const text = traced ? (traced.hex ? `‹${traced.hex}›` : traced.text) : (texts[i] ?? '');
    return { text, lp: traced?.lp ?? reply.lp[i] ?? 0, special: traced?.special ?? false };
  });
}

/** A token as it stands in the running text. @param {Shown} token */
const inText = ({ text }) => (text === '' ? '·' : text === ' ' ? '␣' : text.replaceAll('\n', '⏎\u200b'));

/** @param {Context} context */
export function makeTokensTab(context) {
  const { words, dispatch, read } = context;
  const here = s('rect', { 'data-part': 'here', width: 1, height: stripHeight });
  const strip = s('svg', { preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const list = h('ol', { class: 'tokens', role: 'listbox', 'aria-label': words.tokensOfReply, tabindex: 0 });
  const scale = h('p', { class: 'scale', 'aria-hidden': 'true' }, h('span', {}, words.sure),
    ...[0, 1, 2, 3, 4, 5].map((heat) => s('svg', {}, s('rect', { 'data-heat': heat, width: '100%', height: '100%' }))), h('span', {}, words.surprised));
  const sure = h('section', {}, h('h3', {}, words.howSure, h('small', {}, words.howSureWhat)), h('div', { class: 'entropy' }, strip), list, scale);
  const card = makeTokenCard(context);
  const whatIf = makeWhatIf(context);
  const noneKept = h('section', { class: 'what-if' }, h('p', { class: 'answer' }, icon('info'), h('span', {}, words.noCandidates)),
    h('div', { class: 'row' }, h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => writeAgain() }, icon('again'), words.writeWithCandidates)));
  const asking = h('p', { class: 'fine' }, words.readingNumbers);
  /** @type {HTMLElement[]} */
  let items = [];
  /** @type {unknown[]} */
  let drawn = [];
  /** @type {Message | undefined} */
  let current;

  // The same seed and settings give the same tokens, this time with all that was considered.
  const writeAgain = () => {
    if (!current?.reply) return;
    const { params, seed } = current.reply.written;
    dispatch({ type: 'reply_asked_again', id: randomId(), message: current.id, at: Date.now(), params: { ...params, ...(seed === undefined ? {} : { seed }) } });
  };

  const select = (/** @type {number} */ token) => dispatch({ type: 'token_selected', token: Math.min(items.length - 1, Math.max(0, token)) });
  list.addEventListener('click', (event) => {
    const at = items.indexOf(/** @type {HTMLElement} */ (event.target instanceof Element ? event.target.closest('li') : null));
    if (at >= 0) select(at);
  });
  strip.addEventListener('click', (event) => {
    const box = strip.getBoundingClientRect();
    select(Math.floor(((event.clientX - box.left) / Math.max(1, box.width)) * items.length));
  });
  list.addEventListener('keydown', (event) => {
    const { token } = read().inspector;
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: token - 1, ArrowRight: token + 1, Home: 0, End: items.length - 1 });
    if (!(event.key in steps)) return;
    event.preventDefault();
    select(steps[event.key]);
  });

  /** @param {Shown[]} tokens @param {Trace | undefined} trace */
  const drawTokens = (tokens, trace) => {
    items = tokens.map((token, i) => h('li', { role: 'option', id: `token-${i}`, 'data-heat': heatOf(bitsOf(token.lp)), 'data-special': token.special,
      'aria-description': words.tokenSaid(trace?.tokens[i]?.rank ?? -1, Math.exp(token.lp)) }, inText(token)));
    list.replaceChildren(...items);
    const { bars, paths } = barsOf(tokens.map(({ lp }) => lp), { height: stripHeight, barsMax });
    set(strip, 'viewBox', `0 0 ${Math.max(1, bars)} ${stripHeight}`);
    strip.replaceChildren(here, ...paths.flatMap((d, heat) => (d ? [s('path', { 'data-heat': heat, d })] : [])));
  };

  /** @param {number} selected @param {number | undefined} split */
  const mark = (selected, split) => {
    for (const [i, item] of items.entries()) {
      set(item, 'aria-selected', i === selected && 'true');
      set(item, 'data-split', i === split && 'first');
      set(item, 'data-after', split !== undefined && i > split);
    }
    set(list, 'aria-activedescendant', items[selected] && `token-${selected}`);
    const perBar = Math.max(1, Math.ceil(items.length / barsMax));
    set(here, 'x', Math.floor(selected / perBar) - 0.15);
    for (const old of strip.querySelectorAll('[data-part="split"]')) old.remove();
    if (split !== undefined) strip.append(s('path', { 'data-part': 'split', d: `M${split / perBar} 0V${stripHeight}` }));
  };

  /** @param {State} state @param {Message} message @returns {Node[]} */
  const update = (state, message) => {
    const reply = /** @type {Reply} */ (message.reply);
    const trace = state.traces[message.id];
    const inputs = [message.id, reply.lp, trace?.tokens, trace?.phase, state.inspector, state.missing, reply.phase];
    const isSame = inputs.every((input, i) => input === drawn[i]);
    const areTokensSame = inputs.slice(0, 3).every((input, i) => input === drawn[i]);
    drawn = inputs;
    current = message;
    if (!areTokensSame) drawTokens(tokensOf(reply, trace), trace);
    if (items.length === 0) return [trace?.phase === 'asking' || reply.phase !== 'done' ? asking : h('p', { class: 'fine' }, words.noNumbers)];
    const selected = Math.min(items.length - 1, state.inspector.token);
    const token = trace?.tokens[selected];
    const hasCandidates = token?.candidates !== undefined;
    const tokens = trace?.tokens ?? [];
    const isMoved = Object.keys(state.inspector.whatIf).length > 0;
    const split = trace?.sheet && isMoved ? firstSplit(tokens, trace.sheet, { ...settingsOf(trace.sheet), ...state.inspector.whatIf }) : undefined;
    if (!isSame) {
      mark(selected, split?.at);
      card.update(state, message, { selected, of: items.length, shown: tokensOf(reply, trace)[selected], token, sheet: trace?.sheet });
      if (trace?.sheet && hasCandidates) whatIf.update(state, message, { sheet: trace.sheet, tokens, split });
    }
    const canKeep = offers(state, 'inspect') && reply.phase === 'done';
    return [sure, card.element, ...(hasCandidates ? [whatIf.element] : trace?.phase === 'asking' ? [asking] : canKeep ? [noneKept] : [])];
  };

  return { elements: [], update };
}

