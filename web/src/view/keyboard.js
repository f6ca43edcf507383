// The keys of the whole page. Single letters work only when no field has the focus, and can be switched off.
import { liveHere } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** A field that letters are written into. @param {EventTarget | null} target */
const isField = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || (target instanceof HTMLInputElement && !/^(radio|checkbox|range|button)$/.test(target.type)));

/** @param {Context} context @returns {(event: KeyboardEvent) => void} */
export function makeKeys({ dispatch, read, startConversation, isWide }) {
  /** @param {State} state */
  const escape = (state) => {
    const live = liveHere(state);
    if (state.view.menu) dispatch({ type: 'menu_toggled', id: null });
    else if (state.view.isRailOpen && !isWide()) dispatch({ type: 'rail_toggled', isOpen: false });
    else if (state.view.isContextOpen) dispatch({ type: 'context_toggled', isOpen: false });
    else if (live && live.reply?.phase !== 'paused') dispatch({ type: 'stop_pressed', stream: live.id });
    else if (state.inspector.isOpen) dispatch({ type: 'inspector_closed' });
    else if (state.editing) dispatch({ type: 'edit_left' });
  };

  /** @type {Record<string, (state: State) => unknown>} */
  const letters = {
    '?': (state) => dispatch({ type: 'help_toggled', isOpen: !state.view.isHelpOpen }),
    '/': (state) => {
      if (!state.view.isRailOpen) dispatch({ type: 'rail_toggled', isOpen: true });
      setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('.rail .search input'))?.focus(), 50);
    },
    i: (state) => (state.inspector.isOpen ? dispatch({ type: 'inspector_closed' }) : press('inspect') || dispatch({ type: 'inspector_opened' })),
    m: (state) => dispatch({ type: 'context_toggled', isOpen: !state.view.isContextOpen }),
    j: () => walk(1),
    k: () => walk(-1),
    c: () => press('copy'),
    r: () => press('again'),
    e: () => press('edit'),
    b: () => /** @type {HTMLElement | null} */ (document.querySelector('.inspector [data-does="branch"]'))?.click(),
    '.': () => clickStep('.transport > .button[data-kind="main"]'),
    ',': () => clickStep('.transport > .icon-button'),
  };

  return (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const state = read();
    if (state.session.phase !== 'open') return;
    const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey;
    const isSheet = state.view.isSettingsOpen || state.view.isHelpOpen;
    if (isCommand && event.shiftKey && event.key.toLowerCase() === 'o') {
      event.preventDefault();
      startConversation();
    } else if (isCommand && !event.shiftKey && event.key.toLowerCase() === 'b') {
      event.preventDefault();
      dispatch({ type: 'rail_toggled', isOpen: !state.view.isRailOpen });
    } else if (event.key === 'Escape' && !isSheet) {
      escape(state);
    } else if (event.key === 'ArrowUp' && event.target instanceof HTMLTextAreaElement && event.target.id === 'message' && event.target.value === '') {
      editLast(state, dispatch, event);
    } else if (event.altKey && !isCommand && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      if (pressBranch(event.key === 'ArrowLeft' ? 0 : 1)) event.preventDefault();
    } else if (!isCommand && !event.altKey && event.key === 'End' && !isField(event.target)) {
      /** @type {HTMLElement | null} */ (document.querySelector('.to-end:not([hidden])'))?.click();
    } else if (!isCommand && !event.altKey && state.settings.hasLetterKeys && !isSheet && !isField(event.target) && Object.hasOwn(letters, event.key)) {
      event.preventDefault();
      letters[event.key](state);
    }
  };
}

/** The turn that the focus is in, else the last one. */
const focusedTurn = () => document.activeElement?.closest('.turn') ?? [...document.querySelectorAll('.turn[data-id]')].at(-1);

/** @param {string} does @returns {boolean} */
function press(does) {
  const button = /** @type {HTMLElement | null | undefined} */ (focusedTurn()?.querySelector(`[data-does="${does}"]`));
  button?.click();
  return button !== null && button !== undefined;
}

/** @param {0 | 1} which @returns {boolean} */
function pressBranch(which) {
  const button = document.activeElement?.closest('.turn')?.querySelectorAll('.branch > button')[which];
  if (!(button instanceof HTMLButtonElement)) return false;
  button.click();
  return true;
}

/** @param {string} selector */
function clickStep(selector) {
  const button = document.querySelector(`.inspector ${selector}`);
  if (button instanceof HTMLButtonElement) button.click();
}

/** @param {1 | -1} by */
function walk(by) {
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.turn[data-id]')]);
  const at = all.findIndex((turn) => turn.contains(document.activeElement));
  const next = all[at === -1 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: 'nearest' });
}

/** ↑ in an empty composer changes the last message. @param {State} state @param {Context['dispatch']} dispatch @param {KeyboardEvent} event */
function editLast(state, dispatch, event) {
  const last = [...document.querySelectorAll('.turn[data-from="person"][data-id]')].at(-1)?.getAttribute('data-id');
  if (!last || liveHere(state)) return;
  event.preventDefault();
  dispatch({ type: 'edit_started', message: last });
}
