// The context meter: what the next message would cost, counted by the server with the model's own tokenizer, and what would be left out.
import { h, s, set, setChildren, setText } from '../base/dom.js';
import { currentTree, liveHere, pathOf, samplingOf } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../wire.js').Measure} Measure */
/** @typedef {{part: 'system' | 'past' | 'new' | 'written' | 'reply' | 'drop', tokens: number, label: string}} Part */

const listed = 5;

/** Of the newest count, even while a newer one is on its way. @param {State} state @returns {Measure | undefined} */
export const measureOf = (state) => (state.measured?.conversation === state.current ? state.measured.measure : undefined);

/** While a reply is written: what it was made from, how far it is, and how far it may go. @param {State} state */
export function growthOf(state) {
  const reply = liveHere(state)?.reply;
  const window = state.server.model?.context_length;
  if (!reply?.promptTokens || !window) return undefined;
  const most = Math.min(reply.written.params?.max_tokens ?? samplingOf(state).max_tokens, window - reply.promptTokens);
  return { prompt: reply.promptTokens, written: reply.have, room: most - reply.have, window };
}

/** Exchanges among the messages that would be left out: each begins with a question. @param {State} state @param {Measure} measure */
export function droppedExchanges(state, { dropped = [] }) {
  const gone = new Set(dropped);
  return pathOf(currentTree(state)).filter(({ id, role }) => role === 'user' && gone.has(id));
}

/** @param {Context} context */
export function makeMeter({ words, dispatch, read, startWith }) {
  const bar = s('svg', { preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const used = h('data');
  const window = h('span');
  const button = h('button', { type: 'button', title: words.meterTitle, onclick: () => dispatch({ type: 'context_toggled', isOpen: !read().view.isContextOpen }) },
    bar, h('span', { class: 'unseen' }, words.meterContext), used, window, h('span', { class: 'unseen' }, words.meterTokens));
  const element = h('div', { class: 'meter' }, button);
  const title = h('h3');
  const what = h('p');
  const wide = s('svg', { preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const legend = h('ul', { class: 'legend' });
  const dropTitle = h('h4', {}, words.leftOut);
  const dropList = h('ol', { class: 'drop-list' });
  const fresh = h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => startWith(read().drafts[read().current] ?? '') }, words.startFresh);
  const row = h('div', { class: 'row' }, fresh);
  const hint = h('p', { class: 'fine' }, words.meterHint);
  const popover = h('div', { class: 'popover', role: 'dialog', 'aria-label': words.meterTitle });
  /** @type {unknown[]} */
  let drawn = [];

  /** @param {State} state @param {Measure} measure @returns {Part[]} */
  const partsOf = (state, measure) => {
    const prompt = measure.prompt_tokens ?? 0;
    const drop = measure.dropped_tokens ?? 0;
    const system = Math.min(prompt, measure.system_tokens ?? 0);
    const content = Math.min(prompt - system, measure.content_tokens);
    const reply = Math.min(measure.max_tokens ?? 0, samplingOf(state).max_tokens);
    const isFirst = pathOf(currentTree(state)).length === 0;
    return [
      { part: 'system', tokens: system, label: words.partSystem },
      { part: 'drop', tokens: drop, label: words.partDrop },
      { part: 'past', tokens: prompt - system - content, label: drop > 0 ? words.partKept : isFirst ? words.partTemplate : words.partPast },
      { part: 'new', tokens: content, label: words.partNew },
      { part: 'reply', tokens: reply, label: words.partReply },
    ];
  };

  /** @param {NonNullable<ReturnType<typeof growthOf>>} growth @returns {Part[]} */
  const partsOfGrowth = ({ prompt, written, room }) => [
    { part: 'past', tokens: prompt, label: words.partRead },
    { part: 'written', tokens: written, label: words.partWritten },
    { part: 'reply', tokens: room, label: words.partReply },
  ];

  /** @param {Element} svg @param {Part[]} parts @param {number} whole */
  const drawBar = (svg, parts, whole) => {
    const sum = Math.max(whole, parts.reduce((total, { tokens }) => total + tokens, 0));
    set(svg, 'viewBox', `0 0 ${sum} 8`);
    let x = 0;
    svg.replaceChildren(...parts.map(({ part, tokens }) => {
      const rect = s('rect', { 'data-part': part, x, width: Math.max(0, tokens - sum * 0.004), height: 8 });
      x += tokens;
      return rect;
    }));
  };

  /** @param {Part[]} parts @param {number} whole */
  const drawParts = (parts, whole) => {
    drawBar(wide, parts, whole);
    legend.replaceChildren(...parts.map(({ part, tokens, label }) =>
      h('li', {}, s('svg', { 'aria-hidden': 'true' }, s('rect', { 'data-part': part, width: '100%', height: '100%' })), label, h('data', { value: tokens }, words.number(tokens)))));
  };

  /** @param {State} state @param {Measure} measure @param {Part[]} parts */
  const drawPopover = (state, measure, parts) => {
    const gone = droppedExchanges(state, measure);
    const fitting = gone.length ? words.contextLess(measure.dropped_tokens ?? 0) : words.contextTitle(measure.prompt_tokens ?? 0, measure.context_length);
    setText(title, measure.fits ? fitting : words.contextOver((measure.needed ?? 0) - (measure.limit ?? 0)));
    setText(what, !measure.fits ? (state.measured?.draft ? words.contextTooLong : words.contextFull) : gone.length ? words.contextDrops(gone.length) : words.contextFits);
    drawParts(parts, measure.context_length);
    const costs = new Map((measure.costs ?? []).map(({ message, tokens }) => [message, tokens]));
    dropList.replaceChildren(...gone.slice(0, listed).map(({ id, content }, i) => {
      const cost = costs.get(id);
      return h('li', {}, h('data', { value: i + 1 }, i + 1), h('q', {}, content.slice(0, 120)), cost !== undefined && h('data', { value: cost }, `−${words.number(cost)}`));
    }));
    if (gone.length > listed) dropList.append(h('li', {}, h('data'), h('span', {}, words.andMore(gone.length - listed))));
    setChildren(popover, [title, what, ...(measure.fits ? [wide, legend] : []), ...(gone.length ? [dropTitle, dropList, row] : []), hint]);
  };

  /** @param {NonNullable<ReturnType<typeof growthOf>>} growth @param {Part[]} parts */
  const drawGrowth = ({ prompt, written, window: whole }, parts) => {
    setText(title, words.contextTitle(prompt + written, whole));
    setText(what, words.contextGrows);
    drawParts(parts, whole);
    setChildren(popover, [title, what, wide, legend, hint]);
  };

  return {
    element,
    /** @param {State} state @returns {boolean} whether there is something to show */
    update(state) {
      const growth = growthOf(state);
      const measure = measureOf(state);
      const isOpen = state.view.isContextOpen;
      const inputs = [measure, isOpen, state.current, samplingOf(state).max_tokens, growth?.prompt, growth?.written, growth?.room];
      if (inputs.every((each, i) => each === drawn[i])) return measure !== undefined || growth !== undefined;
      drawn = inputs;
      if (!measure && !growth) return false;
      const parts = (growth ? partsOfGrowth(growth) : partsOf(state, /** @type {Measure} */ (measure))).filter(({ tokens }) => tokens > 0);
      const whole = growth?.window ?? measure?.context_length ?? 0;
      const fitting = (measure?.prompt_tokens ?? 0) + (measure?.dropped_tokens ?? 0);
      drawBar(bar, parts, whole);
      setText(used, words.number(growth ? growth.prompt + growth.written : measure?.fits ? fitting : (measure?.needed ?? 0)));
      setText(window, ` / ${words.number(whole)}`);
      set(element, 'data-state', growth || (measure?.fits && !(measure.dropped ?? []).length) ? 'ok' : 'care');
      set(button, 'aria-expanded', String(isOpen));
      if (isOpen) {
        if (growth) drawGrowth(growth, parts);
        else drawPopover(state, /** @type {Measure} */ (measure), parts);
      }
      setChildren(element, [button, ...(isOpen ? [popover] : [])]);
      return true;
    },
  };
}

/** For the composer: what will be left out, or that it cannot fit. @param {import('../words.js').Words} words @param {State} state @returns {string} */
export function warningOf(words, state) {
  const measure = measureOf(state);
  const isGone = state.measured?.draft && !state.drafts[state.current]; // what was counted has been sent, or taken out
  if (!measure || isGone) return '';
  if (!measure.fits) return !state.measured?.draft ? '' : words.wontFit(measure.needed ?? 0, measure.limit ?? measure.context_length);
  const gone = droppedExchanges(state, measure);
  return gone.length ? words.willDrop(measure.dropped_tokens ?? 0, gone.length) : '';
}

