import { liveHere } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */

/** The keys of the whole page. @param {Context} context @returns {(event: KeyboardEvent) => void} */
export function makeKeys({ dispatch, read, startConversation, isWide }) {
  return (event) => {
    if (event.isComposing) return;
    const state = read();
    const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey;
    if (isCommand && event.shiftKey && event.key.toLowerCase() === 'o') {
      event.preventDefault();
      startConversation();
    } else if (isCommand && !event.shiftKey && event.key.toLowerCase() === 'b') {
      event.preventDefault();
      dispatch({ type: 'rail_toggled', isOpen: !state.view.isRailOpen });
    } else if (event.key === 'Escape' && !state.view.isSettingsOpen) {
      const live = liveHere(state);
      if (state.view.menu) dispatch({ type: 'menu_toggled', id: null });
      else if (state.view.isRailOpen && !isWide()) dispatch({ type: 'rail_toggled', isOpen: false });
      else if (live) dispatch({ type: 'stop_pressed', stream: live.id });
      else if (state.editing) dispatch({ type: 'edit_left' });
    } else if (event.key === 'ArrowUp' && event.target instanceof HTMLTextAreaElement && event.target.id === 'message' && event.target.value === '') {
      editLast(state, dispatch, event);
    }
  };
}

/** ↑ in an empty composer changes the last message. @param {import('../state/state.js').State} state @param {Context['dispatch']} dispatch @param {KeyboardEvent} event */
function editLast(state, dispatch, event) {
  const last = [...document.querySelectorAll('.turn[data-from="person"][data-id]')].at(-1)?.getAttribute('data-id');
  if (!last || liveHere(state)) return;
  event.preventDefault();
  dispatch({ type: 'edit_started', message: last });
}
