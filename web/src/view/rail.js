import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { isLive } from '../state/reply.js';
import { fresh } from '../state/state.js';
import { langOf } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Conversation} Conversation */

const dayMs = 86_400_000;

/** @param {number} updated @param {number} midnight the start of today @returns {'today' | 'yesterday' | 'lastWeek' | 'older'} */
export const groupOf = (updated, midnight) =>
  updated >= midnight ? 'today' : updated >= midnight - dayMs ? 'yesterday' : updated >= midnight - 7 * dayMs ? 'lastWeek' : 'older';

/** The list of conversations: by day, newest first. @param {Context} context */
export function makeRail(context) {
  const { words, dispatch, read, startConversation, openConversation } = context;
  /** @type {Map<string, ReturnType<typeof makeRow>>} */
  const rows = new Map();
  const none = h('p', { class: 'fine' }, words.noConversations);
  const more = h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button', onclick: () => dispatch({ type: 'more_conversations_wanted' }) }, words.moreConversations);
  const groups = /** @type {const} */ (['today', 'yesterday', 'lastWeek', 'older']).map((key) => {
    const list = h('ul');
    return { key, list, section: h('section', {}, h('h2', {}, words[key]), list) };
  });
  const nav = h('nav', { 'aria-label': words.yourConversations });
  const name = h('span');
  const initial = h('span', { class: 'person', 'data-hue': 2, 'aria-hidden': 'true' });
  const hide = iconButton('menu', words.hideList, () => dispatch({ type: 'rail_toggled', isOpen: false }));
  const element = h('aside', { class: 'rail', 'aria-label': words.conversations },
    h('header', {}, h('a', { class: 'brand', href: '#/', onclick: (/** @type {MouseEvent} */ event) => openConversation(event, fresh) }, icon('hearth'), 'Hearth'), hide),
    h('button', { class: 'button', 'data-kind': 'outline', type: 'button', onclick: startConversation }, icon('plus'), words.newConversation),
    nav,
    h('footer', {}, h('button', { class: 'me', type: 'button', onclick: () => dispatch({ type: 'settings_opened' }) },
      initial, name, h('span', { class: 'unseen' }, words.yourSettings), icon('sliders'))));

  /** @param {Conversation} conversation */
  function makeRow({ id }) {
    const link = h('a', { href: `#/c/${id}`, onclick: (/** @type {MouseEvent} */ event) => openConversation(event, id) });
    const state = h('span', { class: 'unseen' });
    const place = h('data');
    const menuButton = h('button', { class: 'icon-button', type: 'button', 'aria-haspopup': 'true', onclick: () => dispatch({ type: 'menu_toggled', id }) }, icon('more'));
    const menu = h('div', { class: 'menu' },
      h('button', { type: 'button', onclick: () => dispatch({ type: 'rename_started', id }) }, icon('edit'), words.rename),
      h('button', { type: 'button', 'data-kind': 'bad', onclick: () => dispatch({ type: 'conversation_deleted', id }) }, icon('trash'), words.delete));
    const input = h('input', { 'aria-label': words.newTitle, maxlength: 200 });
    const rename = () => dispatch({ type: 'conversation_renamed', id, title: input.value.trim() });
    const form = h('form', {}, input);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      rename();
    });
    input.addEventListener('blur', () => read().view.renaming === id && rename());
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      dispatch({ type: 'rename_left' });
    });
    const item = h('li');

    /** @param {State} all @param {Conversation} conversation */
    const update = (all, conversation) => {
      const title = conversation.title || words.untitled;
      const isRenaming = all.view.renaming === id;
      const isMenu = all.view.menu === id;
      const live = Object.entries(all.streams).find(([, of]) => of === id)?.[0];
      const reply = live ? all.trees[id]?.messages[live]?.reply : undefined;
      const position = reply?.phase === 'queued' ? reply.queue?.position : undefined;
      setText(link, title);
      set(link, 'lang', langOf(title));
      set(link, 'aria-current', all.current === id && 'page');
      set(menuButton, 'aria-label', words.rowMenu(title));
      set(menuButton, 'title', words.rowMenu(title));
      set(menuButton, 'aria-expanded', String(isMenu));
      set(item, 'data-state', live && position === undefined && (!reply || isLive(reply)) && 'live');
      setText(state, position !== undefined ? words.isQueued(position) : live ? words.isLive : '');
      setText(place, position !== undefined ? words.placeChip(position) : '');
      const wasRenaming = form.isConnected;
      if (isRenaming && !wasRenaming) input.value = conversation.title;
      setChildren(item, isRenaming ? [form] : [link, state, ...(position !== undefined ? [place] : []), menuButton, ...(isMenu ? [menu] : [])]);
      if (isRenaming && !wasRenaming) {
        input.focus();
        input.select();
      }
    };
    return { item, update, menu };
  }

  /** @param {State} state */
  const update = (state) => {
    const midnight = new Date().setHours(0, 0, 0, 0);
    const { list, next, isLoaded } = state.conversations;
    const listed = new Set(list.map((conversation) => conversation.id));
    for (const id of rows.keys()) if (!listed.has(id)) rows.delete(id);
    for (const conversation of list) {
      let row = rows.get(conversation.id);
      if (!row) rows.set(conversation.id, (row = makeRow(conversation)));
      row.update(state, conversation);
    }
    const shown = [];
    for (const group of groups) {
      const members = list.filter((conversation) => groupOf(conversation.updated, midnight) === group.key);
      setChildren(group.list, members.map((conversation) => /** @type {{item: Node}} */ (rows.get(conversation.id)).item));
      if (members.length) shown.push(group.section);
    }
    setChildren(nav, [...shown, ...(isLoaded && list.length === 0 ? [none] : []), ...(next ? [more] : [])]);
    const user = state.session.user.name || words.guest;
    setText(name, user);
    setText(initial, [...user][0]?.toUpperCase() ?? '');
  };

  return { element, update };
}
