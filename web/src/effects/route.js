// The address bar follows the state, and the state follows it: Back and forward work, and a link opens the same view.
import { hashFor, hashOf, routeOf } from '../state/address.js';

/** @typedef {import('../base/store.js').Store} Store */

// A step of the person that Back should undo.
const steps = new Set(['conversation_opened', 'inspector_opened', 'inspector_closed']);

/** @param {Store} store */
export function followRoute(store) {
  const atFirst = hashFor(store.state);
  if (location.hash !== '' && location.hash !== atFirst) history.replaceState(null, '', atFirst); // a join code, or nothing that this page knows
  addEventListener('hashchange', () => {
    if (location.hash === hashFor(store.state)) return;
    const { conversation, tab, message } = routeOf(location.hash);
    if (hashOf(conversation) !== hashOf(store.state.current)) store.dispatch({ type: 'conversation_opened', id: conversation });
    if (tab) store.dispatch({ type: 'inspector_opened', tab, message });
    else if (store.state.inspector.isOpen) store.dispatch({ type: 'inspector_closed' });
  });
  store.addEffect((action, after, before) => {
    const hash = hashFor(after);
    // Between a new address and its hashchange the address is ahead of the state: only a change of the state may write it.
    if (hash === hashFor(before) || location.hash === hash) return;
    if (steps.has(action.type)) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  });
}
