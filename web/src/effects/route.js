// The address bar follows the state, and the state follows it: Back and forward work, and a link opens the same view.
import { hashFor, hashOf, routeOf } from '../state/address.js';

/** @typedef {import('../base/store.js').Store} Store */

// A step of the person that Back should undo.
const steps = new Set(['conversation_opened', 'inspector_opened', 'inspector_closed']);

/** @param {Store} store */
export function followRoute(store) {
  addEventListener('hashchange', () => {
    if (location.hash === hashFor(store.state)) return;
    const { conversation, tab, message } = routeOf(location.hash);
    if (hashOf(conversation) !== hashOf(store.state.current)) store.dispatch({ type: 'conversation_opened', id: conversation });
    if (tab) store.dispatch({ type: 'inspector_opened', tab, message });
    else if (store.state.inspector.isOpen) store.dispatch({ type: 'inspector_closed' });
  });
  store.addEffect((action, after) => {
    const hash = hashFor(after);
    if (location.hash === hash || (location.hash === '' && hash === '#/')) return;
    if (steps.has(action.type)) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  });
}
