// The address bar follows the state, and the state follows it: Back and forward work, and a link opens the same view.
import { hashFor, hashOf, routeOf } from '../state/address.js';

/** @typedef {import('../base/store.js').Store} Store */

// A step of the person that Back should undo.
const steps = new Set(['conversation_opened', 'inspector_opened', 'inspector_closed']);

/** @param {Store} store */
export function followRoute(store) {
  const atFirst = hashFor(store.state);
  if (location.hash !== '' && location.hash !== atFirst) history.replaceState(null, '', atFirst); // a join code, or nothing that this page knows
  let known = location.hash; // another one was just entered, and its hashchange is still to come
  let isEntering = false;

  addEventListener('hashchange', () => {
    known = location.hash;
    if (location.hash === hashFor(store.state)) return;
    const { conversation, tab, message } = routeOf(location.hash);
    isEntering = true; // the address is there already, whatever the steps to it
    if (hashOf(conversation) !== hashOf(store.state.current)) store.dispatch({ type: 'conversation_opened', id: conversation });
    if (tab) store.dispatch({ type: 'inspector_opened', tab, message });
    else if (store.state.inspector.isOpen) store.dispatch({ type: 'inspector_closed' });
    isEntering = false;
    known = hashFor(store.state);
    if (location.hash !== known) history.replaceState(null, '', known);
  });
  store.addEffect((action, after, before) => {
    const hash = hashFor(after);
    const isStep = steps.has(action.type);
    if (isEntering || hash === hashFor(before) || location.hash === hash) return;
    if (location.hash !== known && !isStep) return; // what was entered is newer than what the server says
    if (isStep) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
    known = hash;
  });
}
