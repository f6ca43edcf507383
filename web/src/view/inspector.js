// The inspector's frame: which reply, which tab. Each tab is a part of its own; tabs are links, so that one can be sent to somebody.
import { h, iconButton, set, setChildren, setText } from '../base/dom.js';
import { inspectHash } from '../state/address.js';
import { currentTree, inspectedIn, nameOf, offers, versionsIn } from '../state/select.js';
import { makeModelTab } from './inspector_model.js';
import { makePromptTab } from './inspector_prompt.js';
import { makeStepTab } from './inspector_step.js';
import { makeTokensTab } from './inspector_tokens.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').InspectorTab} InspectorTab */
/** @typedef {{elements: Node[], update: (state: State, message: Message) => Node[]}} TokenTab the sections to show */

/** @param {Context} context */
export function makeInspector(context) {
  const { words, dispatch } = context;
  const title = h('small');
  const heading = h('h2', { tabindex: -1 }, words.inspector, title);
  const close = iconButton('close', words.closeInspector, () => dispatch({ type: 'inspector_closed' }));
  const tabNames = /** @type {[InspectorTab, string][]} */ ([['tokens', words.tabTokens], ['prompt', words.tabPrompt], ['step', words.tabStep], ['model', words.tabModel]]);
  const tabs = new Map(tabNames.map(([tab, name]) => [tab, h('a', { onclick: (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dispatch({ type: 'inspector_opened', tab });
  } }, name)]));
  const body = h('div', { class: 'body' });
  const none = h('p', { class: 'fine' }, words.nothingToInspect);
  const notOffered = h('p', { class: 'fine' }, words.notOffered);
  const parts = { tokens: makeTokensTab(context), prompt: makePromptTab(context), step: makeStepTab(context) };
  const model = makeModelTab(context);
  const element = h('aside', { class: 'inspector', 'aria-label': words.inspector }, h('header', {}, heading, close), h('nav', { class: 'tabs', 'aria-label': words.inspectorViews }, ...tabs.values()), body);
  let shown = '';

  /** @param {State} state @param {Message | undefined} message */
  const titleOf = (state, message) => {
    const { tab } = state.inspector;
    if (tab === 'model') return nameOf(state.server.model);
    if (tab === 'prompt') return words.whatWasSent;
    if (tab === 'step') return words.oneAtATime;
    const tree = currentTree(state);
    const version = message && tree ? (versionsIn(tree).get(message.id)?.indexOf(message.id) ?? 0) + 1 : 1;
    return message?.reply ? words.inspectorOf(message.reply.have, version) : '';
  };

  /** @param {State} state @param {Message | undefined} message @returns {Node[]} */
  const sections = (state, message) => {
    const { tab } = state.inspector;
    if (tab === 'model') return offers(state, 'model') ? model.update(state) : [notOffered];
    if (!message?.reply) return [none];
    if (tab === 'prompt' && !offers(state, 'inspect')) return [notOffered];
    if (tab === 'step' && !offers(state, 'chat.step')) return [notOffered];
    return parts[tab].update(state, message);
  };

  return {
    element,
    /** @param {State} state @returns {boolean} whether it is shown */
    update(state) {
      const { inspector } = state;
      if (!inspector.isOpen) {
        shown = '';
        return false;
      }
      const message = inspectedIn(state);
      for (const [tab, link] of tabs) {
        set(link, 'href', inspectHash(state.current, tab, inspector.message));
        set(link, 'aria-current', tab === inspector.tab && 'page');
      }
      setText(title, titleOf(state, message));
      setChildren(body, sections(state, message));
      if (shown !== inspector.tab) body.scrollTop = 0;
      if (shown === '') queueMicrotask(() => element.isConnected && heading.focus({ preventScroll: true }));
      shown = inspector.tab;
      return true;
    },
  };
}
