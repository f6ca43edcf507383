import { h, icon, iconButton, setChildren, setText } from '../base/dom.js';
import { fresh } from '../state/state.js';
import { makeRow } from './rail_row.js';
import { makeRoomPulse } from './room_pulse.js';
import { makeSearch } from './search.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

const dayMs = 86_400_000;

/** @param {number} updated @param {number} midnight the start of today @returns {'today' | 'yesterday' | 'lastWeek' | 'older'} */
export const groupOf = (updated, midnight) =>
  updated >= midnight ? 'today' : updated >= midnight - dayMs ? 'yesterday' : updated >= midnight - 7 * dayMs ? 'lastWeek' : 'older';

/** The list of conversations: by day, newest first. @param {Context} context */
export function makeRail(context) {
  const { words, dispatch, startConversation, openConversation } = context;
  /** @type {Map<string, ReturnType<typeof makeRow>>} */
  const rows = new Map();
  const none = h('p', { class: 'fine' }, words.noConversations);
  const more = h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button', onclick: () => dispatch({ type: 'more_conversations_wanted' }) }, words.moreConversations);
  const groups = /** @type {const} */ (['pinned', 'today', 'yesterday', 'lastWeek', 'older']).map((key) => {
    const list = h('ul');
    return { key, list, section: h('section', {}, h('h2', {}, words[key]), list) };
  });
  const search = makeSearch(context);
  const nav = h('nav', { 'aria-label': words.yourConversations });
  const name = h('span');
  const initial = h('span', { class: 'person', 'data-hue': 2, 'aria-hidden': 'true' });
  const hide = iconButton('menu', words.hideList, () => dispatch({ type: 'rail_toggled', isOpen: false }));
  const pulse = makeRoomPulse(context);
  const me = h('button', { class: 'me', type: 'button', onclick: () => dispatch({ type: 'settings_opened' }) },
    initial, name, h('span', { class: 'unseen' }, words.yourSettings), icon('sliders'));
  const foot = h('footer', {}, me);
  const element = h('aside', { class: 'rail', 'aria-label': words.conversations },
    h('header', {}, h('a', { class: 'brand', href: '#/', onclick: (/** @type {MouseEvent} */ event) => openConversation(event, fresh) }, icon('hearth'), 'Hearth'), hide),
    h('button', { class: 'button', 'data-kind': 'outline', type: 'button', onclick: startConversation }, icon('plus'), words.newConversation),
    search.element,
    nav,
    foot);

  /** @param {State} state */
  const update = (state) => {
    const midnight = new Date().setHours(0, 0, 0, 0);
    const { list, next, isLoaded } = state.conversations;
    const listed = new Set(list.map((conversation) => conversation.id));
    for (const id of rows.keys()) if (!listed.has(id)) rows.delete(id);
    for (const conversation of list) {
      let row = rows.get(conversation.id);
      if (!row) rows.set(conversation.id, (row = makeRow(context, conversation.id)));
      row.update(state, conversation);
    }
    const shown = [];
    for (const group of groups) {
      const members = list.filter(({ pinned, updated }) => (pinned ? 'pinned' : groupOf(updated, midnight)) === group.key);
      setChildren(group.list, members.map((conversation) => /** @type {{element: Node}} */ (rows.get(conversation.id)).element));
      if (members.length) shown.push(group.section);
    }
    const found = search.update(state);
    setChildren(nav, found ?? [...shown, ...(isLoaded && list.length === 0 ? [none] : []), ...(next ? [more] : [])]);
    const user = state.session.user.name || words.guest;
    setText(name, user);
    setChildren(foot, [...(pulse.update(state) ? [pulse.element] : []), me]);
    setText(initial, [...user][0]?.toUpperCase() ?? '');
  };

  return { element, update };
}
