import { h, icon, setChildren, setText } from '../base/dom.js';
import { currentTree, forgottenOn, isModelReady, pathOf, versionsIn, waitingHere } from '../state/select.js';
import { makeLoading } from './loading.js';
import { makeModelTurn, makePersonTurn, makeWaitingTurn } from './turn.js';
import { makeWelcome } from './welcome.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('./turn.js').Turn} Turn */
/** @typedef {import('../state/state.js').State} State */

const atEndWithinPx = 48;

/** The conversation. It stays at its end only for those who are there; who reads above is never moved. @param {Context} context */
export function makeLog(context) {
  const { words } = context;
  const element = h('div', { class: 'log', role: 'log', 'aria-label': words.conversation, 'aria-live': 'off', tabindex: 0 });
  const toEnd = h('button', { class: 'button to-end', 'data-size': 'small', type: 'button', onclick: () => scrollToEnd() }, icon('down'), words.toEnd);
  const welcome = makeWelcome(context);
  const loading = makeLoading(context);
  const reading = h('p', { class: 'fine' }, words.loadingHistory);
  const lost = h('p', { class: 'fine' });
  const forget = h('p', { class: 'forget' }, words.forgetLine);
  /** @type {Map<string, Turn>} */
  const turns = new Map();
  /** @type {Map<string, ReturnType<typeof makeWaitingTurn>>} */
  const waitings = new Map();
  let shown = '';
  /** @type {import('../state/select.js').Versions} */
  let versions = new Map();
  let isAtEnd = true;
  let hasNews = false;

  const measure = () => {
    isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= atEndWithinPx;
    if (isAtEnd) hasNews = false;
    toEnd.hidden = !hasNews;
  };
  const scrollToEnd = () => {
    element.scrollTop = element.scrollHeight;
    measure();
  };
  element.addEventListener('scroll', measure, { passive: true });
  // The keyboard of a phone, a growing composer, a turned screen: the end stays the end.
  new ResizeObserver(() => isAtEnd && scrollToEnd()).observe(element);

  /** @param {State} state @returns {Node[]} */
  const drawTurns = (state) => {
    const tree = currentTree(state);
    const path = pathOf(tree).filter((message) => message.role !== 'system');
    const count = tree ? Object.keys(tree.messages).length : 0;
    if (tree && versions.size !== count) versions = versionsIn(tree); // messages come and never go
    const forgotten = forgottenOn(path);
    const lastForgotten = path.findLast(({ id }) => forgotten.has(id))?.id;
    const nodes = [];
    for (const message of path) {
      let turn = turns.get(message.id);
      if (!turn) turns.set(message.id, (turn = message.role === 'user' ? makePersonTurn(context, message) : makeModelTurn(context, message)));
      turn.update(state, versions, message);
      turn.element.classList.toggle('forgotten', forgotten.has(message.id));
      nodes.push(turn.element);
      if (message.id === lastForgotten) nodes.push(forget);
    }
    for (const item of waitingHere(state)) {
      let waiting = waitings.get(item.id);
      if (!waiting) waitings.set(item.id, (waiting = makeWaitingTurn(context, item)));
      waiting.update(state, item);
      nodes.push(waiting.element);
    }
    return nodes;
  };

  /** @param {State} state */
  const update = (state) => {
    const isOther = state.current !== shown;
    if (isOther) {
      shown = state.current;
      turns.clear();
      waitings.clear();
      versions = new Map();
      isAtEnd = true;
      hasNews = false;
    }
    const before = element.scrollHeight;
    const nodes = drawTurns(state);
    const loaded = currentTree(state)?.loaded;
    if (nodes.length === 0) {
      if (loaded === 'loading') nodes.push(reading);
      else if (loaded === 'failed' || loaded === 'gone') {
        setText(lost, loaded === 'gone' ? words.goneConversation : words.loadFailed);
        nodes.push(lost);
      } else if (!isModelReady(state)) {
        loading.update(state);
        nodes.push(loading.element);
      } else {
        welcome.update(state);
        nodes.push(welcome.element);
      }
    }
    setChildren(element, nodes);
    if (isAtEnd) scrollToEnd();
    else if (element.scrollHeight > before) {
      hasNews = true;
      toEnd.hidden = false;
    }
  };

  /** What the person just sent is always shown. */
  const followAgain = () => {
    isAtEnd = true;
    scrollToEnd();
  };

  toEnd.hidden = true;
  return { element, toEnd, update, followAgain };
}
