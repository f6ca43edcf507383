// The conversation. It stays at its end only for those who are there; who reads above is never moved.
// Long ones are drawn only near the view: what is far is a sketch, its plain text, and is drawn when it comes within a screen and a half.
import { h, icon, setChildren, setText } from '../base/dom.js';
import { whenIdle } from '../base/idle.js';
import { isLive } from '../state/reply.js';
import { currentTree, forgottenOn, isModelReady, pathOf, toBeForgotten, versionsIn, waitingHere } from '../state/select.js';
import { makeLoading } from './loading.js';
import { makeTurn, makeWaitingTurn } from './turn.js';
import { makeWelcome } from './welcome.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('./turn.js').Turn} Turn */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */

const atEndWithinPx = 48;
const drawnAtOnce = 6; // the newest turns, without waiting to be told that they are near
const drawnAlways = 30; // short conversations are drawn whole
const listedAtOnce = 40; // the newest turns stand there at once, the older ones follow while nobody waits
const listedMore = 80;

/** @param {Context} context */
export function makeLog(context) {
  const { words, dispatch, read } = context;
  const element = h('div', { class: 'log', role: 'log', 'aria-label': words.conversation, 'aria-live': 'off', tabindex: 0 });
  const toEnd = h('button', { class: 'button to-end', 'data-size': 'small', type: 'button', onclick: () => scrollToEnd() }, icon('down'), words.toEnd);
  const welcome = makeWelcome(context);
  const loading = makeLoading(context);
  const reading = h('p', { class: 'fine' }, words.loadingHistory);
  const lost = h('p', { class: 'fine' });
  const forgetText = h('span');
  const forget = h('p', { class: 'forget' }, icon('warn'), forgetText);
  /** @type {Map<string, Turn>} */
  const turns = new Map();
  /** @type {Map<string, ReturnType<typeof makeWaitingTurn>>} */
  const waitings = new Map();
  /** @type {Set<string>} */
  const near = new Set();
  let shown = '';
  let head = /** @type {string | null} */ (null);
  /** @type {import('../state/select.js').Versions} */
  let versions = new Map();
  let isAtEnd = true;
  let isBare = true; // no turns: what stands there instead is read from its beginning
  let measuredAt = 0; // the scrollTop that this is about; another one means that its scroll event is still to come
  let hasNews = false;
  let isPrinting = false;
  let listed = listedAtOnce;
  let isListing = false;

  const measure = () => {
    measuredAt = element.scrollTop;
    isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= atEndWithinPx;
    if (isAtEnd) hasNews = false;
    toEnd.hidden = !hasNews;
  };
  const scrollToEnd = () => {
    element.scrollTop = element.scrollHeight;
    measure();
  };
  const measureIfScrolled = () => void (element.scrollTop !== measuredAt && measure());
  element.addEventListener('scroll', measure, { passive: true });
  // The keyboard of a phone, a growing composer, a turned screen: the end stays the end.
  const stay = () => void (isAtEnd && !isBare && scrollToEnd());
  new ResizeObserver(stay).observe(element);
  // Formulas and their letters come later than the text.
  const stayLater = () => void requestAnimationFrame(stay);
  element.addEventListener('grown', stayLater);
  document.fonts.addEventListener('loadingdone', stayLater);

  // The browsers' own scroll anchoring differs, and one has none: the first turn in view is held where it stands.
  const holdView = (/** @type {() => void} */ change) => {
    const before = [...element.children];
    const top = element.getBoundingClientRect().top;
    let low = 0;
    for (let high = before.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (before[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    const place = before[low]?.getBoundingClientRect().top ?? 0;
    change();
    const held = before[low]?.isConnected ? before[low] : element.children[low]; // another version stands where the one before it stood
    if (held) element.scrollTop += held.getBoundingClientRect().top - place;
  };

  const observer = new IntersectionObserver((entries) => {
    let isChanged = false;
    for (const entry of entries) {
      const id = entry.target.getAttribute('data-id') ?? '';
      if (!entry.isIntersecting || near.has(id)) continue;
      near.add(id);
      isChanged ||= turns.get(id)?.isDrawn() === false;
    }
    if (isChanged) redraw();
  }, { root: element, rootMargin: '150% 0px' });
  const redraw = () => {
    const change = () => setChildren(element, drawTurns(read()));
    measureIfScrolled();
    if (isAtEnd) {
      change();
      scrollToEnd();
    } else {
      holdView(change);
      measure();
    }
  };
  const beforePrint = () => {
    isPrinting = true;
    redraw();
    isPrinting = false;
  };
  addEventListener('beforeprint', beforePrint);

  /** @param {State} state @param {Message[]} path */
  const isNearBy = (state, path) => {
    const edge = path.length <= drawnAlways ? 0 : path.length - drawnAtOnce;
    return (/** @type {Message} */ { id, reply }, /** @type {number} */ at) => isPrinting || at >= edge || near.has(id) || isLive(reply) || id === state.view.found;
  };

  /** The turns that stand in the document by now. @param {State} state @param {Message[]} whole */
  const listedOf = (state, whole) => {
    const isAll = isPrinting || whole.length <= listed || state.view.found !== null;
    if (isAll) listed = Math.max(listed, whole.length);
    if (isAll || isListing) return isAll ? whole : whole.slice(-listed);
    isListing = true;
    whenIdle(() => {
      isListing = false;
      listed += listedMore;
      redraw();
    });
    return whole.slice(-listed);
  };

  /** @param {State} state @returns {Node[]} */
  const drawTurns = (state) => {
    const tree = currentTree(state);
    const whole = pathOf(tree).filter((message) => message.role !== 'system');
    const path = listedOf(state, whole);
    const count = tree ? Object.keys(tree.messages).length : 0;
    if (tree && versions.size !== count) versions = versionsIn(tree); // messages come and never go
    const next = new Set(toBeForgotten(state));
    const forgotten = next.size ? next : forgottenOn(whole);
    setText(forgetText, next.size ? words.forgetNext : words.forgetLine);
    const lastForgotten = path.findLast(({ id }) => forgotten.has(id))?.id;
    const isNear = isNearBy(state, path);
    const nodes = [];
    for (const [at, message] of path.entries()) {
      let turn = turns.get(message.id);
      if (!turn) {
        turns.set(message.id, (turn = makeTurn(context, message)));
        observer.observe(turn.element);
      }
      turn.update(state, versions, message, isNear(message, at));
      if (forgotten.size || turn.element.classList.length > 1) turn.element.classList.toggle('forgotten', forgotten.has(message.id));
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

  /** What stands where there are no turns. @param {State} state @returns {Node} */
  const drawNothing = (state) => {
    const loaded = currentTree(state)?.loaded;
    if (loaded === 'loading') return reading;
    if (loaded === 'failed' || loaded === 'gone') {
      setText(lost, loaded === 'gone' ? words.goneConversation : words.loadFailed);
      return lost;
    }
    const part = isModelReady(state) ? welcome : loading;
    part.update(state);
    return part.element;
  };

  /** @param {State} state */
  const begin = (state) => {
    shown = state.current;
    turns.clear();
    waitings.clear();
    near.clear();
    observer.disconnect();
    versions = new Map();
    isAtEnd = true;
    measuredAt = 0;
    hasNews = false;
    head = null;
    listed = listedAtOnce;
  };

  /** The turn that a search led to. @param {string} id */
  const showFound = (id) => {
    const turn = turns.get(id)?.element;
    if (!turn) return;
    isAtEnd = false;
    turn.scrollIntoView({ block: 'start' });
    turn.focus({ preventScroll: true });
    measure();
    dispatch({ type: 'found_shown' });
  };

  /** @param {State} state */
  const update = (state) => {
    if (state.current !== shown) begin(state);
    else measureIfScrolled();
    const before = isAtEnd ? 0 : element.scrollHeight;
    const tree = currentTree(state);
    // Another version was chosen: what is above it stays where it is.
    const isSwitch = tree !== undefined && head !== null && tree.head !== head && turns.has(head) && versions.size === Object.keys(tree.messages).length;
    head = tree?.head ?? null;
    const change = () => {
      const nodes = drawTurns(state);
      setChildren(element, nodes.length ? nodes : [drawNothing(state)]);
      if (nodes.length === 0 && !isBare) element.scrollTop = 0;
      isBare = nodes.length === 0;
      return !isBare;
    };
    if (isAtEnd && !isSwitch) {
      if (change()) scrollToEnd(); // where nothing stands there is nothing to measure
    } else {
      holdView(change);
      if (before && element.scrollHeight > before && !isSwitch) hasNews = true;
      measure();
    }
    if (state.view.found) showFound(state.view.found);
  };

  /** What the person just sent is always shown. */
  const followAgain = () => {
    isAtEnd = true;
    scrollToEnd();
  };

  const leave = () => {
    removeEventListener('beforeprint', beforePrint);
    document.fonts.removeEventListener('loadingdone', stayLater);
  };

  toEnd.hidden = true;
  return { element, toEnd, update, followAgain, scrollToEnd, leave };
}
