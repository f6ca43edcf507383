import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { isLive, rateOf, textOf } from '../state/reply.js';
import { nameOf } from '../state/select.js';
import { langOf } from '../words.js';
import { Prose } from './prose.js';
import { makeQueueCard } from './queue_card.js';
import { makeTrouble } from './trouble.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').Reply} Reply */
/** @typedef {import('../state/select.js').Versions} Versions */
/** @typedef {import('../state/state.js').Waiting} Waiting */
/** @typedef {{element: HTMLElement, update: (state: State, versions: Versions, message: Message) => void}} Turn */

/** ‹ 2/3 › when there are several versions. @param {Context} context @param {string} label */
function makeBranch({ words, dispatch }, label) {
  /** @type {readonly string[]} */
  let ids = [];
  let at = 0;
  const choose = (/** @type {number} */ step) => {
    const target = ids[at + step];
    if (target) dispatch({ type: 'version_chosen', message: target });
  };
  const previous = iconButton('left', words.previous, () => choose(-1));
  const next = iconButton('right', words.newer, () => choose(1));
  const place = h('data');
  const element = h('span', { class: 'branch', role: 'group', 'aria-label': label }, previous, place, next);
  return {
    element,
    /** @param {Versions} versions @param {string} id @returns {boolean} whether there is a choice */
    update(versions, id) {
      ids = versions.get(id) ?? [id];
      at = ids.indexOf(id);
      setText(place, `${at + 1}/${ids.length}`);
      previous.disabled = at <= 0;
      next.disabled = at >= ids.length - 1;
      return ids.length > 1;
    },
  };
}

/** The person's words, as they typed them. @param {Context} context @param {Message} message @returns {Turn} */
export function makePersonTurn(context, message) {
  const { words, dispatch, copy } = context;
  const prose = h('div', { class: 'prose', 'data-kind': 'typed', lang: langOf(message.content) }, message.content);
  const branch = makeBranch(context, words.versionsOfYours);
  const copyButton = iconButton('copy', words.copy, () => copy(message.content, copyButton));
  const editButton = iconButton('edit', words.edit, () => dispatch({ type: 'edit_started', message: message.id }));
  const tools = h('footer', { class: 'tools' });
  const element = h('article', { class: 'turn', 'data-from': 'person', 'data-id': message.id }, h('h2', { class: 'unseen' }, words.you), prose, tools);
  prose.addEventListener('click', () => element.toggleAttribute('data-open'));
  return {
    element,
    update: (_state, versions) => setChildren(tools, [...(branch.update(versions, message.id) ? [branch.element] : []), copyButton, editButton]),
  };
}

/** A message that is not on the server yet: in the outbox, on its way, or refused. @param {Context} context @param {Waiting} waiting */
export function makeWaitingTurn(context, waiting) {
  const { words } = context;
  const content = waiting.body.content ?? '';
  const note = h('p', { class: 'fine' });
  const trouble = makeTrouble(context);
  const bubble = h('article', { class: 'turn', 'data-from': 'person', 'data-waiting': waiting.id },
    h('h2', { class: 'unseen' }, words.you), h('div', { class: 'prose', 'data-kind': 'typed', lang: langOf(content) }, content), note);
  const element = h('div', { class: 'waiting' });
  return {
    element,
    /** @param {State} state @param {Waiting} item */
    update(state, item) {
      const isHeld = item.phase === 'waiting';
      set(bubble, 'data-state', item.phase !== 'sent' && 'waiting');
      setText(note, isHeld ? (state.connection.phase === 'ready' ? words.waitingForModel : words.notSent) : '');
      const isRefused = item.phase === 'refused';
      if (isRefused) trouble.showRefused(item);
      setChildren(element, [...(item.body.regenerate ? [] : [bubble]), ...(isRefused ? [trouble.element] : [])]);
    },
  };
}

/** A reply: waiting in line, being written, or finished. @param {Context} context @param {Message} message @returns {Turn} */
export function makeModelTurn(context, message) {
  const { words, copy } = context;
  const prose = new Prose(words.copyCode, context.copy);
  const thoughts = new Prose(words.copyCode, context.copy);
  const thoughtsTitle = h('span');
  const reasoning = h('details', { class: 'reasoning' }, h('summary', {}, icon('right'), thoughtsTitle), thoughts.element);
  let hasTouched = false; // once the person opened or closed the thoughts, they stay as they are
  reasoning.querySelector('summary')?.addEventListener('click', () => (hasTouched = true));

  const queue = makeQueueCard(context, message.id);
  const trouble = makeTrouble(context);
  const phase = h('strong');
  const count = h('span');
  const live = h('p', { class: 'live-line' }, phase, count);
  const branch = makeBranch(context, words.versions);
  const copyButton = iconButton('copy', words.copy, () => copy(textOf(/** @type {Reply} */ (current.reply), 'answer'), copyButton));
  const againButton = iconButton('again', words.again, () => context.regenerate(current));
  const meta = h('span', { class: 'meta' });
  const tools = h('footer', { class: 'tools' });
  const element = h('article', { class: 'turn', 'data-from': 'model', 'data-id': message.id });
  const heading = h('h2', { class: 'unseen' });
  let current = message;

  /** @param {Reply} reply */
  const drawLive = (reply) => {
    setText(phase, reply.phase === 'running' ? words.writing : words.reading);
    const rate = rateOf(reply);
    setText(count, reply.have ? words.tokens(reply.have) + (rate ? `, ${words.perSecond(rate)}` : '') : '');
  };

  /** @param {Reply} reply */
  const drawMeta = (reply) => {
    const rate = rateOf(reply);
    meta.replaceChildren(words.tokens(reply.have), ...(rate ? [h('span', {}, `, ${words.perSecond(rate)}`)] : []));
  };

  /** @type {unknown[]} */
  let drawn = [];

  /** @param {State} state @param {Versions} versions @param {Message} next */
  const update = (state, versions, next) => {
    current = next;
    // A finished turn costs nothing while another one is written.
    const inputs = [next, versions, state.server.model, state.outbox];
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
    if (thought) {
      thoughts.update(thought, reply.rewrites, isThinking);
      setText(thoughtsTitle, words.thoughts(0));
      if (!hasTouched && reasoning.open !== isThinking) reasoning.open = isThinking;
    }
    prose.update(answer, reply.rewrites, isGrowing && !isQueued && !isThinking);

    const hasChoice = branch.update(versions, next.id);
    if (isQueued) queue.update(reply);
    else if (isGrowing) drawLive(reply);
    else drawMeta(reply);
    const isTroubled = !isGrowing && trouble.showReply(next, reply);
    setChildren(tools, [...(hasChoice ? [branch.element] : []), ...(answer ? [copyButton] : []), againButton, meta]);
    againButton.disabled = state.outbox.some((item) => item.conversation === state.current);
    setChildren(element, [
      heading,
      ...(thought ? [reasoning] : []),
      ...(isQueued ? [queue.element] : [prose.element]),
      ...(isGrowing ? (isQueued ? [] : [live]) : []),
      ...(isTroubled ? [trouble.element] : []),
      ...(isGrowing ? [] : [tools]),
    ]);
  };

  return { element, update };
}
