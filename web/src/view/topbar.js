import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { liveHere, nameOf } from '../state/select.js';
import { langOf } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** Title, the model, and what is wrong with the connection, if anything is. @param {Context} context */
export function makeTopbar({ words, dispatch, read }) {
  const title = h('h1');
  const modelName = h('span');
  const modelType = h('data');
  const model = h('span', { class: 'chip', 'data-kind': 'model', title: words.oneModel }, icon('chip'), modelName, modelType);
  const lost = h('span', { class: 'chip', 'data-kind': 'care' }, icon('offline'), words.offlineChip);
  const place = h('span', { class: 'chip', 'data-kind': 'live' }, icon('clock'), h('span'));
  const list = iconButton('menu', words.showList, () => dispatch({ type: 'rail_toggled', isOpen: !read().view.isRailOpen }), { 'data-for': 'rail' });
  const tools = h('nav', { 'aria-label': words.tools }, iconButton('sliders', words.settings, () => dispatch({ type: 'settings_opened' }), { 'data-for': 'settings' }));
  const element = h('header', { class: 'topbar' });

  /** @param {State} state */
  const update = (state) => {
    const conversation = state.conversations.list.find(({ id }) => id === state.current);
    const text = conversation?.title || words.untitled;
    setText(title, text);
    set(title, 'lang', langOf(text));
    setText(modelName, nameOf(state.server.model));
    setText(modelType, state.server.model?.decoder ?? '');
    const position = liveHere(state)?.reply?.queue?.position;
    if (position !== undefined) setText(/** @type {Element} */ (place.lastElementChild), words.placeChip(position));
    const isLost = state.connection.notice === 'chip' || state.connection.notice === 'banner';
    setChildren(element, [list, title, ...(isLost ? [lost] : []), ...(position !== undefined ? [place] : []), ...(state.server.model ? [model] : []), tools]);
    document.title = conversation?.title ? `${conversation.title} – Hearth` : 'Hearth';
  };

  return { element, update };
}
