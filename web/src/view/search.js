import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { offers } from '../state/select.js';
import { langOf } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../wire.js').Hit} Hit */

/** The field above the list; what it finds takes the list's place. @param {Context} context */
export function makeSearch({ words, dispatch, read, openConversation }) {
  const input = h('input', { type: 'search', dir: 'auto', placeholder: words.search, 'aria-label': words.searchYours, autocomplete: 'off', maxlength: 200 });
  const key = h('kbd', { 'aria-hidden': 'true' }, '/');
  const end = iconButton('close', words.endSearch, () => {
    dispatch({ type: 'search_changed', query: '' });
    input.focus();
  });
  const element = h('div', { class: 'search' }, icon('search'), input);
  const summary = h('p', { class: 'fine', role: 'status' });
  const list = h('ul');
  const results = [summary, list];
  /** @type {unknown[]} */
  let drawn = [];

  input.addEventListener('input', () => dispatch({ type: 'search_changed', query: input.value }));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && input.value) {
      event.stopPropagation();
      dispatch({ type: 'search_changed', query: '' });
    } else if (event.key === 'ArrowDown' || (event.key === 'Enter' && !event.isComposing)) {
      event.preventDefault();
      /** @type {HTMLElement | null} */ (list.querySelector('a'))?.[event.key === 'Enter' ? 'click' : 'focus']();
    }
  });

  /** @param {Hit} hit @param {string} current */
  const row = ({ conversation, message, snippet }, current) => {
    const marked = snippet.map(({ text, match }) => (match ? h('mark', {}, text) : text));
    const whole = snippet.map(({ text }) => text).join('');
    const link = h('a', { href: `#/c/${conversation.id}`, 'aria-current': conversation.id === current && 'page' },
      ...(message ? [h('span', { dir: 'auto', lang: langOf(conversation.title) }, conversation.title || words.untitled), h('small', { dir: 'auto', lang: langOf(whole) }, ...marked)] : [h('span', { dir: 'auto', lang: langOf(whole) }, ...marked)]));
    link.addEventListener('click', (event) => openConversation(event, conversation.id, message));
    return h('li', { 'data-kind': 'result' }, link);
  };

  /** Without the server's search: the titles that hold the words. @param {State} state @returns {Hit[]} */
  const byTitle = ({ conversations, search }) => {
    const wanted = search.query.trim().toLowerCase();
    return conversations.list.filter(({ title }) => title.toLowerCase().includes(wanted)).map((conversation) => {
      const at = conversation.title.toLowerCase().indexOf(wanted);
      const { title } = conversation;
      return { conversation, snippet: [{ text: title.slice(0, at) }, { text: title.slice(at, at + wanted.length), match: true }, { text: title.slice(at + wanted.length) }] };
    });
  };

  return {
    element,
    input,
    /** @param {State} state @returns {Node[] | undefined} what takes the list's place */
    update(state) {
      const { search } = state;
      if (input.value !== search.query) input.value = search.query;
      const isSearching = search.query.trim() !== '';
      setChildren(element, [/** @type {Node} */ (element.firstChild), input, isSearching ? end : key]);
      if (!isSearching) return undefined;
      const isServed = offers(state, 'history.search');
      const inputs = [search, state.current, isServed, state.conversations.list];
      if (inputs.every((each, i) => each === drawn[i])) return results;
      drawn = inputs;
      if (!isServed || search.phase === 'failed') {
        const hits = byTitle(state);
        setText(summary, search.phase === 'failed' ? words.searchFailed : words.foundIn(hits.length, search.query.trim()));
        list.replaceChildren(...hits.map((hit) => row(hit, state.current)));
      } else if (search.found !== '') {
        setText(summary, words.foundIn(new Set(search.hits.map(({ conversation }) => conversation.id)).size, search.found));
        list.replaceChildren(...search.hits.map((hit) => row(hit, read().current)));
      }
      set(list, 'aria-busy', search.phase === 'asking' && 'true');
      return results;
    },
  };
}
