import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { liveHere, nameOf } from '../state/select.js';
import { langOf } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** Title, the model, and what is wrong with the connection, if anything is. @param {Context} context */
export function makeTopbar({ words, dispatch, read }) {
  const title = h('h1', { dir: 'auto' });
  const modelName = h('span');
  const modelType = h('data');
  const model = h('span', { class: 'chip', 'data-kind': 'model', title: words.oneModel }, icon('chip'), modelName, modelType);
  const lost = h('span', { class: 'chip', 'data-kind': 'care', title: words.offlineChip }, icon('offline'), h('span', {}, words.offlineChip));
  const place = h('span', { class: 'chip', 'data-kind': 'you' }, icon('clock'), h('span'));
  const list = iconButton('menu', words.showList, () => dispatch({ type: 'rail_toggled', isOpen: !read().view.isRailOpen }), { 'data-for': 'rail' });
  const inspect = iconButton('inspect', words.inspect, () => dispatch(read().inspector.isOpen ? { type: 'inspector_closed' } : { type: 'inspector_opened' }), { 'data-for': 'inspector' });
  const tools = h('nav', { 'aria-label': words.tools }, inspect, iconButton('sliders', words.settings, () => dispatch({ type: 'settings_opened' }), { 'data-for': 'settings' }));
  const element = h('header', { class: 'topbar' });

  /** @param {State} state */
  const update = (state) => {
    const conversation = state.conversations.list.find(({ id }) => id === state.current);
    const text = conversation?.title || words.untitled;
    setText(title, text);
    set(title, 'lang', langOf(text));
    setText(modelName, nameOf(state.server.model));
    const decoder = state.server.model?.decoder ?? '';
    setText(modelType, /\b(fp32|fp16|bf16|int8|int4)\b/.exec(decoder)?.[1] ?? decoder);
    set(model, 'title', decoder ? `${words.oneModel}: ${decoder}` : words.oneModel);
    const position = liveHere(state)?.reply?.queue?.position;
    if (position !== undefined) setText(/** @type {Element} */ (place.lastElementChild), words.placeChip(position));
    const isLost = state.connection.notice === 'chip' || state.connection.notice === 'banner';
    setChildren(element, [list, title, ...(isLost ? [lost] : []), ...(position !== undefined ? [place] : []), ...(state.server.model ? [model] : []), tools]);
    set(inspect, 'aria-pressed', String(state.inspector.isOpen));
    const called = titleWith(words, state, conversation?.title ?? '');
    document.title = called ? `${called} – Hearth` : 'Hearth';
  };

  return { element, update };
}

/** What a tab in the background says: your place in line, that it is your turn, that the reply is there. @param {import('../words.js').Words} words @param {State} state @param {string} title */
function titleWith(words, { page, streams, trees }, title) {
  if (page.isSeen) return title;
  const places = Object.entries(streams).map(([stream, id]) => trees[id]?.messages[stream]?.reply?.queue?.position ?? Infinity);
  const place = Math.min(...places);
  if (place <= 1) return words.titleNext(title);
  if (place < Infinity) return words.titlePlace(place, title);
  return page.news === 'done' ? words.titleDone(title) : title;
}
