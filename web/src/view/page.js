// The whole page: the parts, what they share, and where each stands. Parts are built once for a language and updated from the state.
import { copyText } from '../base/clipboard.js';
import { h, icon, set, setChildren } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { inspectHash } from '../state/address.js';
import { fresh } from '../state/state.js';
import { wordsIn } from '../words.js';
import { makeBanner } from './banner.js';
import { makeComposer } from './composer.js';
import { makeGate } from './gate.js';
import { makeHelp } from './help_sheet.js';
import { makeInspector } from './inspector.js';
import { makeKeys } from './keyboard.js';
import { makeLog } from './log.js';
import { makeRail } from './rail.js';
import { makeSettings } from './settings_sheet.js';
import { makeToasts } from './toasts.js';
import { makeTopbar } from './topbar.js';

/** @typedef {import('../base/store.js').Store} Store */
/** @typedef {import('../state/actions.js').Action} Action */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../words.js').Words} Words */

/**
 * @typedef {object} Context what every part may use
 * @property {Words} words
 * @property {(action: Action) => void} dispatch
 * @property {() => State} read for event handlers; views get the state as argument
 * @property {() => void} startConversation
 * @property {(event: MouseEvent, id: string, found?: string) => void} openConversation follows a link of the list; with a modifier the browser opens its own tab
 * @property {(draft: string) => void} startWith a new conversation that begins with these words
 * @property {(message: Message) => void} regenerate
 * @property {(text: string, button: HTMLElement) => void} copy
 * @property {{copy: string, wrap: string}} copyCode the buttons of code blocks
 * @property {(message: string) => string} inspectHref the inspector's address for a reply
 * @property {() => void} retryNow
 * @property {() => boolean} isWide whether the rail stands beside the chat
 */

/**
 * A part that is made when it is first wanted: sheets are large and seldom open.
 * @template {{element: HTMLElement, update: (state: State) => unknown}} Part
 * @param {() => Part} make
 */
function lazily(make) {
  /** @type {Part | undefined} */
  let part;
  return {
    /** @param {boolean} isWanted @returns {HTMLElement[]} */
    elements: (isWanted) => (part || isWanted ? [(part ??= make()).element] : []),
    /** @param {State} state */
    update: (state) => part?.update(state),
  };
}

const wide = matchMedia('(width >= 60rem)');
const copiedForMs = 1500;

/** @param {Store} store @param {{retryNow: () => void, joinCode: string, status: Element}} options */
export function mountPage(store, options) {
  const sprite = /** @type {Element} */ (document.querySelector('.sprite'));
  /** @type {ReturnType<typeof buildPage> | undefined} */
  let page;
  let language = '';
  store.addView((state) => {
    applyDisplay(state);
    if (!page || language !== state.settings.language) {
      language = state.settings.language;
      page?.leave();
      page = buildPage(store, options, sprite);
    }
    page.update(state);
  });
  wide.addEventListener('change', () => store.dispatch({ type: 'rail_toggled', isOpen: wide.matches }));
}

/** @param {State} state */
function applyDisplay({ settings }) {
  const root = document.documentElement;
  set(root, 'data-theme', settings.theme !== 'auto' && settings.theme);
  set(root, 'data-size', settings.size === 'large' && 'large');
  set(root, 'lang', wordsIn(settings.language).tag);
}

/** @param {Store} store @param {{retryNow: () => void, joinCode: string, status: Element}} options @param {Element} sprite */
function buildPage(store, { retryNow, joinCode, status }, sprite) {
  const { dispatch } = store;
  /** @type {Context} */
  const context = {
    words: wordsIn(store.state.settings.language),
    dispatch,
    read: () => store.state,
    startConversation: () => {
      open(fresh);
      composer.area.focus();
    },
    startWith: (draft) => {
      dispatch({ type: 'draft_changed', conversation: store.state.current, text: '' });
      open(fresh);
      dispatch({ type: 'draft_changed', conversation: fresh, text: draft });
    },
    openConversation: (event, id, found) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(id, found);
    },
    regenerate: (message) => dispatch({ type: 'reply_asked_again', id: randomId(), message: message.id, at: Date.now() }),
    copy: (text, button) => void copy(text, button),
    copyCode: { copy: wordsIn(store.state.settings.language).copyCode, wrap: wordsIn(store.state.settings.language).wrapCode },
    inspectHref: (message) => inspectHash(store.state.current, 'tokens', message),
    retryNow,
    isWide: () => wide.matches,
  };
  const open = (/** @type {string} */ id, /** @type {string | undefined} */ found = undefined) => {
    dispatch({ type: 'conversation_opened', id, found });
    if (!wide.matches) dispatch({ type: 'rail_toggled', isOpen: false });
  };
  const copy = async (/** @type {string} */ text, /** @type {HTMLElement} */ button) => {
    const isCopied = await copyText(text);
    dispatch({ type: 'toast_shown', toast: { kind: isCopied ? 'copied' : 'copy_failed' } });
    if (!isCopied) return;
    const show = (/** @type {string} */ name) => button.querySelector('.icon')?.replaceWith(icon(name));
    show('check');
    setTimeout(() => show('copy'), copiedForMs);
  };

  const { words } = context;
  const rail = makeRail(context);
  const topbar = makeTopbar(context);
  const banner = makeBanner(context);
  const log = makeLog(context);
  const composer = makeComposer(context);
  const inspector = lazily(() => makeInspector(context));
  const settings = lazily(() => makeSettings(context));
  const help = lazily(() => makeHelp(context));
  const toasts = makeToasts(context);
  const gate = makeGate(context, joinCode);
  const keys = makeKeys(context);
  const skip = h('a', { class: 'skip', href: '#message', onclick: (/** @type {Event} */ event) => {
    event.preventDefault();
    composer.area.focus();
  } }, words.skip);
  const veil = h('div', { class: 'veil', onclick: () => dispatch({ type: 'rail_toggled', isOpen: false }) });
  const ask = h('div', { class: 'ask' }, log.toEnd, composer.element, composer.hint);
  const chat = h('main', { class: 'chat' });
  let wasGate = false;
  let shown = store.state.current;
  let sent = 0;

  // A press beside an open menu closes it.
  const press = (/** @type {Event} */ event) => {
    const isInMenu = event.target instanceof Element && event.target.closest('.menu, [aria-haspopup]');
    if (store.state.view.menu && !isInMenu) dispatch({ type: 'menu_toggled', id: null });
    const isInMeter = event.target instanceof Element && event.target.closest('.meter');
    if (store.state.view.isContextOpen && !isInMeter) dispatch({ type: 'context_toggled', isOpen: false });
  };
  // A key, and whatever writes into a field, acts on what was done before it, also where that comes faster than frames.
  for (const name of ['keydown', 'beforeinput']) addEventListener(name, store.drawIfDue, { capture: true });
  const drags = /** @type {const} */ (['dragover', 'dragleave', 'drop']);
  for (const name of drags) addEventListener(name, composer.dragged);
  addEventListener('keydown', keys);
  addEventListener('pointerdown', press);

  /** @param {State} state */
  const updateChat = (state) => {
    const isDrawer = state.view.isRailOpen && !wide.matches;
    const isLed = state.view.found !== null; // a search leads to a turn, which takes the focus
    rail.update(state);
    topbar.update(state);
    composer.update(state);
    const hasBanner = banner.update(state);
    setChildren(chat, [topbar.element, ...(hasBanner ? [banner.element] : []), log.element, ask]);
    const inspected = inspector.elements(state.inspector.isOpen);
    const hasInspector = inspector.update(state) === true;
    set(document.body, 'data-open', [state.view.isRailOpen && 'rail', hasInspector && 'inspector'].filter(Boolean).join(' ') || false);
    setChildren(document.body, [sprite, skip, ...(state.view.isRailOpen ? [rail.element] : []), ...(isDrawer ? [veil] : []), chat, ...(hasInspector ? inspected : []), ...settings.elements(state.view.isSettingsOpen), ...help.elements(state.view.isHelpOpen), toasts.element, status]);
    if (chat.inert !== isDrawer) {
      chat.inert = isDrawer;
      if (isDrawer) rail.element.querySelector('button')?.focus();
      else /** @type {HTMLElement | null} */ (topbar.element.querySelector('[data-for="rail"]'))?.focus();
    }
    log.update(state); // after it is in the document: it measures
    if (state.outbox.length > sent) log.followAgain();
    sent = state.outbox.length;
    settings.update(state);
    help.update(state);
    toasts.update(state);
    if (state.current !== shown || (state.editing && document.activeElement === document.body)) {
      shown = state.current;
      if (wide.matches && !isLed && document.activeElement?.closest('.inspector') == null) composer.area.focus({ preventScroll: true });
    }
  };

  return {
    leave: () => {
      for (const name of ['keydown', 'beforeinput']) removeEventListener(name, store.drawIfDue, { capture: true });
      for (const name of drags) removeEventListener(name, composer.dragged);
      removeEventListener('keydown', keys);
      removeEventListener('pointerdown', press);
      log.leave();
    },
    /** @param {State} state */
    update(state) {
      const isGate = state.session.phase === 'code' || state.session.phase === 'joining';
      document.body.className = isGate ? 'gate' : 'app';
      if (!isGate) {
        updateChat(state);
      } else {
        gate.update(state);
        setChildren(document.body, [sprite, ...gate.elements, status]);
        if (!wasGate) gate.focus();
      }
      wasGate = isGate;
    },
  };
}
