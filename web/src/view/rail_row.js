import { h, icon, set, setChildren, setText } from '../base/dom.js';
import { isLive } from '../state/reply.js';
import { offers } from '../state/select.js';
import { langOf } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Conversation} Conversation */

/** One conversation of the list: its title, what is going on in it, its menu, and the form in which it is renamed. @param {Context} context @param {string} id */
export function makeRow({ words, dispatch, read, openConversation }, id) {
  const link = h('a', { href: `#/c/${id}`, dir: 'auto', onclick: (/** @type {MouseEvent} */ event) => openConversation(event, id) });
  const state = h('span', { class: 'unseen' });
  const place = h('data');
  const menuButton = h('button', { class: 'icon-button', type: 'button', 'aria-haspopup': 'true', onclick: () => dispatch({ type: 'menu_toggled', id }) }, icon('more'));
  const pinText = h('span');
  const isPinned = () => read().conversations.list.find((each) => each.id === id)?.pinned ?? false;
  const item = (/** @type {string} */ name, /** @type {Node | string} */ text, /** @type {() => void} */ onclick, /** @type {object} */ more = {}) => h('button', { type: 'button', onclick, ...more }, icon(name), text);
  const pin = item('pin', pinText, () => dispatch({ type: 'conversation_pinned', id, pinned: !isPinned() }));
  const rename = item('edit', words.rename, () => dispatch({ type: 'rename_started', id }));
  const save = item('down2', words.exportOne, () => {
    dispatch({ type: 'menu_toggled', id: null });
    dispatch({ type: 'conversation_exported', id, format: 'hearth' });
  });
  const remove = item('trash', words.delete, () => dispatch({ type: 'conversation_deleted', id }), { 'data-kind': 'bad' });
  const menu = h('div', { class: 'menu' });
  const input = h('input', { 'aria-label': words.newTitle, maxlength: 200, dir: 'auto' });
  const finish = () => dispatch({ type: 'conversation_renamed', id, title: input.value.trim() });
  const form = h('form', {}, input);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    finish();
  });
  input.addEventListener('blur', () => read().view.renaming === id && finish());
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    dispatch({ type: 'rename_left' });
  });
  const element = h('li');

  /** @param {State} all */
  const drawMenu = (all) => {
    setText(pinText, isPinned() ? words.unpin : words.pin);
    setChildren(menu, [rename, ...(offers(all, 'conversation.update') ? [pin] : []), ...(offers(all, 'export') ? [save] : []), remove]);
  };

  return {
    element,
    /** @param {State} all @param {Conversation} conversation */
    update(all, conversation) {
      const title = conversation.title || words.untitled;
      const isRenaming = all.view.renaming === id;
      const isMenu = all.view.menu === id;
      const live = Object.entries(all.streams).find(([, of]) => of === id)?.[0];
      const reply = live ? all.trees[id]?.messages[live]?.reply : undefined;
      const position = reply?.phase === 'queued' ? reply.queue?.position : undefined;
      const isUnread = all.unread[id] === true;
      setText(link, title);
      set(link, 'lang', langOf(title));
      set(link, 'aria-current', all.current === id && 'page');
      set(menuButton, 'aria-label', words.rowMenu(title));
      set(menuButton, 'title', words.rowMenu(title));
      set(menuButton, 'aria-expanded', String(isMenu));
      const isWriting = live !== undefined && position === undefined && (!reply || isLive(reply));
      set(element, 'data-state', isWriting ? 'live' : isUnread && 'unread');
      setText(state, position !== undefined ? words.isQueued(position) : live ? words.isLive : isUnread ? words.isUnread : '');
      setText(place, position !== undefined ? words.placeChip(position) : '');
      const wasRenaming = form.isConnected;
      if (isRenaming && !wasRenaming) input.value = conversation.title;
      if (isMenu) drawMenu(all);
      setChildren(element, isRenaming ? [form] : [link, state, ...(position !== undefined ? [place] : []), menuButton, ...(isMenu ? [menu] : [])]);
      if (isRenaming && !wasRenaming) {
        input.focus();
        input.select();
      }
    },
  };
}
