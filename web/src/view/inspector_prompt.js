// The prompt as the model saw it: the rendered template with its special tokens, where the reused part ends, and every id.
import { h, icon, setChildren, setText } from '../base/dom.js';
import { visible } from '../state/surprise.js';
import { langOf } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../wire.js').PromptPage} PromptPage */
/** @typedef {import('../wire.js').PromptToken} PromptToken */

const idsShown = 1500;

/** Text between special tokens, with its line breaks made visible. @param {readonly PromptToken[]} tokens @returns {Node[]} */
function running(tokens) {
  /** @type {Node[]} */
  const nodes = [];
  for (const { text, hex, special } of tokens) {
    if (special) {
      nodes.push(h('b', {}, text));
      continue;
    }
    for (const [i, line] of (hex ? '�' : text).split('\n').entries()) {
      if (i > 0) nodes.push(h('s', {}, '⏎'), new Text('\n'));
      const last = nodes[nodes.length - 1];
      if (last instanceof Text) last.appendData(line);
      else if (line) nodes.push(new Text(line));
    }
  }
  return nodes;
}

/** Tokens with their ids. @param {readonly PromptToken[]} tokens @param {boolean} isNew @returns {HTMLElement} */
export const idsOf = (tokens, isNew) =>
  h('ul', { class: 'ids' }, ...tokens.slice(0, idsShown).map(({ id, text, hex, special }) =>
    h('li', { 'data-special': special, 'data-is': isNew && !special && 'new' }, h('span', { lang: langOf(text) }, hex ? `‹${hex}›` : visible(text) || '·'), h('data', { value: id }, id))));

/** @param {Context} context */
export function makePromptTab({ words, copy }) {
  const count = h('small');
  const box = h('div', { class: 'prompt' });
  const given = h('section', {}, h('h3', {}, words.given, count), box);
  const asking = h('p', { class: 'fine' }, words.readingNumbers);
  const none = h('p', { class: 'fine' }, words.noNumbers);
  const rebuilt = h('p', { class: 'fine' }, words.rebuilt);
  const copyText = h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => copy(page?.text ?? '', copyText) }, icon('copy'), words.copyText);
  const copyIds = h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => copy((page?.tokens ?? []).map(({ id }) => id).join(' '), copyIds) }, icon('copy'), words.copyIds);
  const row = h('div', { class: 'row' }, copyText, copyIds);
  /** @type {PromptPage | undefined} */
  let page;
  /** @type {readonly PromptToken[] | undefined} */
  let replyShown;
  /** @type {Node[]} */
  let sections = [];

  /** @param {string} name @param {readonly PromptToken[]} tokens @param {boolean} isNew */
  const group = (name, tokens, isNew) => {
    const cut = tokens.length > idsShown ? `, ${words.showingFirst(idsShown)}` : '';
    return h('section', {}, h('h3', {}, name, h('small', {}, words.tokens(tokens.length) + cut)), idsOf(tokens, isNew));
  };

  /** @param {PromptPage} now @param {readonly PromptToken[]} reply */
  const draw = (now, reply) => {
    const cached = Math.min(now.cached_tokens ?? 0, now.tokens.length);
    const [reused, computed] = [now.tokens.slice(0, cached), now.tokens.slice(cached)];
    setText(count, words.givenWhat(now.prompt_tokens));
    setChildren(box, [
      ...(cached ? [h('div', { class: 'part', 'data-is': 'cached' }, ...running(reused)),
        h('p', { class: 'edge' }, icon('check'), h('span', {}, words.reusedEdge(cached, now.prompt_tokens - cached)))] : []),
      h('div', { class: 'part' }, ...running(computed)),
      h('div', { class: 'part', 'data-is': 'open' }, h('span', { class: 'cursor', 'aria-hidden': 'true' }, '▌'), ` ${words.replyStarts}`),
    ]);
    sections = [given, ...(now.source === 'rebuilt' ? [rebuilt] : []), ...(cached ? [group(words.reused, reused, false)] : []), group(words.computed, computed, false),
      ...(reply.length ? [group(words.replyPart, reply, true)] : []), row];
  };

  return {
    elements: [],
    /** @param {State} state @param {Message} message @returns {Node[]} */
    update(state, message) {
      const seen = state.prompts[message.id];
      if (!seen || seen.phase === 'asking') return [asking];
      if (!seen.page) return [none];
      const reply = state.traces[message.id]?.tokens ?? [];
      if (seen.page !== page || reply !== replyShown) draw((page = seen.page), (replyShown = reply));
      return sections;
    },
  };
}
