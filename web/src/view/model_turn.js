// A reply: waiting in line, being written, or finished, with its tools.
import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { isLive, rateOf, textOf } from '../state/reply.js';
import { inspectedIn, nameOf, offers } from '../state/select.js';
import { makeEmbers } from './embers.js';
import { Prose } from './prose.js';
import { makeQueueCard } from './queue_card.js';
import { makeReplyMenu } from './reply_menu.js';
import { makeRewrite } from './rewrite.js';
import { makeTrouble } from './trouble.js';
import { makeBranch } from './turn.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').Reply} Reply */

/** How it thought, closed until somebody wants to know. @param {Context} context */
function makeReasoning({ words, copyCode, copy }) {
  const thoughts = new Prose(copyCode, copy);
  const title = h('span');
  const element = h('details', { class: 'reasoning' }, h('summary', {}, icon('right'), title), thoughts.element);
  let hasTouched = false; // once the person opened or closed the thoughts, they stay as they are
  element.querySelector('summary')?.addEventListener('click', () => (hasTouched = true));
  return {
    element,
    /** @param {Reply} reply @param {string} thought @param {boolean} isThinking */
    update(reply, thought, isThinking) {
      thoughts.update(thought, reply.rewrites, isThinking);
      setText(title, isThinking ? words.thinking(reply.thoughts) : words.thoughts(reply.thoughts, reply.thoughtMs));
      if (!hasTouched && element.open !== isThinking) element.open = isThinking;
    },
  };
}

/** "Writing", how fast, and with how many the model is shared; while it thinks, a way to have the answer now. @param {Context} context @param {string} id */
function makeLiveLine({ words, dispatch }, id) {
  const phase = h('strong');
  const count = h('span');
  const shared = h('span', { 'data-only': 'roomy' });
  const answer = h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', title: words.answerNowWhat, onclick: () => {
    setText(answer, words.answeringNow);
    answer.disabled = true;
    dispatch({ type: 'answer_wanted', stream: id });
  } }, words.answerNow);
  const element = h('p', { class: 'live-line' });
  return {
    element,
    /** @param {State} state @param {Reply} reply @param {boolean} isThinking */
    update(state, reply, isThinking) {
      const names = { queued: words.reading, reading: words.reading, running: words.writing, paused: words.pausedReply, done: '' };
      setText(phase, isThinking ? words.thinking(0) : names[reply.phase]);
      const rate = reply.phase === 'running' ? rateOf(reply) : 0;
      setText(count, reply.have ? words.tokens(reply.have) + (rate ? words.comma + words.perSecond(rate) : '') : '');
      const people = state.room?.running ?? 0;
      setText(shared, people > 1 ? words.sharing(people) : '');
      const canAnswer = isThinking && reply.phase === 'running' && offers(state, 'chat.answer');
      setChildren(element, [phase, count, ...(people > 1 ? [shared] : []), ...(canAnswer ? [answer] : [])]);
    },
  };
}

/** @param {Context} context @param {Message} message @param {HTMLElement} element @returns {import('./turn.js').Draw} */
export function makeModelTurn(context, message, element) {
  const { words, dispatch, copy, inspectHref } = context;
  const { id } = message;
  let current = message;
  const prose = new Prose(context.copyCode, copy);
  const reasoning = makeReasoning(context);
  const queue = makeQueueCard(context, id);
  const trouble = makeTrouble(context);
  const live = makeLiveLine(context, id);
  const embers = makeEmbers(context, id);
  const branch = makeBranch(context, words.versions);
  const menu = makeReplyMenu(context, id);
  const copyButton = iconButton('copy', words.copy, () => copy(textOf(/** @type {Reply} */ (current.reply), 'answer'), copyButton), { 'data-does': 'copy' });
  const againButton = iconButton('again', words.again, () => context.regenerate(current), { 'data-does': 'again' });
  const inspectButton = h('a', { class: 'icon-button', href: inspectHref(id), 'aria-label': words.inspect, title: words.inspect, 'data-does': 'inspect' }, icon('inspect'));
  inspectButton.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dispatch({ type: 'inspector_opened', message: id });
  });
  const count = new Text();
  const speed = h('span');
  const meta = h('span', { class: 'meta' }, count, speed);
  const tools = h('footer', { class: 'tools' });
  const heading = h('h2', { class: 'unseen' });

  /** @param {Reply} reply */
  const drawMeta = (reply) => {
    const rate = rateOf(reply);
    setText(count, reply.isEdited ? words.rewritten : reply.have || reply.usage ? words.tokens(reply.have) : ''); // nobody counted an imported one
    setText(speed, rate ? words.comma + words.perSecond(rate) : '');
    const wait = reply.timings ? reply.timings.queue_ms + reply.timings.prefill_ms : 0;
    set(meta, 'title', wait > 0 && words.firstToken(wait));
  };

  /** @type {unknown[]} */
  let drawn = [];
  let isAsked = false;
  /** @type {HTMLElement | undefined} */
  let rewrite;

  return (state, versions, next) => {
    current = next;
    const isInspected = state.inspector.isOpen && inspectedIn(state)?.id === id;
    // A finished turn costs nothing while another one is written.
    const inputs = [next, versions, state.server.model, state.outbox, state.settings.hasEmbers, state.missing, isInspected, state.view.menu === menu.key, state.view.rewriting === id, isLive(next.reply) && state.room];
    if (inputs.every((input, i) => input === drawn[i])) return;
    drawn = inputs;
    const reply = /** @type {Reply} */ (next.reply);
    const isGrowing = isLive(reply);
    const isQueued = reply.phase === 'queued';
    setText(heading, nameOf(state.server.model) || words.model);
    set(element, 'data-state', isGrowing && (isQueued ? 'queued' : 'live'));
    set(element, 'aria-busy', isGrowing && 'true');

    const answer = textOf(reply, 'answer');
    const thought = textOf(reply, 'reasoning');
    const isThinking = isGrowing && answer === '' && thought !== '';
    if (thought) reasoning.update(reply, thought, isThinking);
    prose.update(answer, reply.rewrites, isGrowing && !isQueued && !isThinking && reply.phase !== 'paused');

    const hasChoice = branch.update(versions, id);
    if (isQueued) queue.update(reply, state.room?.running ?? 0);
    else if (isGrowing) live.update(state, reply, isThinking);
    else drawMeta(reply);
    const isTroubled = !isGrowing && trouble.showReply(next, reply, offers(state, 'chat.continue'));
    const hasEmbers = !isGrowing && state.settings.hasEmbers && embers.update(reply, isInspected);
    if (!isGrowing && !isAsked && reply.lp.length === 0 && reply.have > 0 && state.settings.hasEmbers && offers(state, 'inspect')) {
      isAsked = true;
      queueMicrotask(() => dispatch({ type: 'trace_wanted', message: id })); // its tokens were told to another page
    }
    if (!isGrowing) menu.update(state, next);
    setChildren(tools, [...(hasChoice ? [branch.element] : []), ...(answer ? [copyButton] : []), againButton, ...(reply.have ? [inspectButton] : []), ...menu.elements, meta]);
    againButton.disabled = state.outbox.some((item) => item.conversation === state.current);
    if (state.view.rewriting !== id || isGrowing) rewrite = undefined;
    else rewrite ??= makeRewrite(context, id, answer);
    setChildren(element, [
      heading,
      ...(thought ? [reasoning.element] : []),
      ...(isQueued ? [queue.element] : [rewrite ?? prose.element]),
      ...(isGrowing ? (isQueued ? [] : [live.element]) : []),
      ...(hasEmbers ? [embers.element] : []),
      ...(isTroubled ? [trouble.element] : []),
      ...(isGrowing ? [] : [tools]),
    ]);
  };
}

