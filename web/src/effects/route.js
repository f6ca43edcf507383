// The address bar: #/c/<conversation>, or #/ for a conversation without a message. Back and forward work.
import { fresh, isProvisional } from '../state/state.js';

/** @typedef {import('../base/store.js').Store} Store */

/** @param {string} hash @returns {string} */
export const conversationOf = (hash) => /^#\/c\/([0-9a-f]{32})$/.exec(hash)?.[1] ?? fresh;

/** @param {string} conversation */
const hashOf = (conversation) => (isProvisional(conversation) ? '#/' : `#/c/${conversation}`);

/** @param {Store} store */
export function followRoute(store) {
  addEventListener('hashchange', () => {
    const id = conversationOf(location.hash);
    if (hashOf(id) !== hashOf(store.state.current)) store.dispatch({ type: 'conversation_opened', id });
  });
  store.addEffect((action, after) => {
    const hash = hashOf(after.current);
    if (location.hash === hash || (location.hash === '' && hash === '#/')) return;
    if (action.type === 'conversation_opened') history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  });
}
