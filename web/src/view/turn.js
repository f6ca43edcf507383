// One message in the conversation. A turn far from the view is a sketch, its plain text; it is drawn when it comes near.
import { h, iconButton, set, setChildren, setText } from '../base/dom.js';
import { textOf } from '../state/reply.js';
import { langOf } from '../words.js';
import { makeModelTurn } from './model_turn.js';
import { makeTrouble } from './trouble.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/select.js').Versions} Versions */
/** @typedef {import('../state/state.js').Waiting} Waiting */
/** @typedef {(state: State, versions: Versions, message: Message) => void} Draw */
/** @typedef {{element: HTMLElement, isDrawn: () => boolean, update: (state: State, versions: Versions, message: Message, isNear: boolean) => void}} Turn */

/** ‹ 2/3 › when there are several versions. @param {Context} context @param {string} label */
export function makeBranch({ words, dispatch }, label) {
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

const foldedChars = 1800;
const foldedLines = 24;

/** Whether a message would fill the view, so that only its beginning is shown. @param {string} text */
const isLong = (text) => text.length > foldedChars || text.split('\n', foldedLines + 1).length > foldedLines;

/** A long message shows its beginning, and all of it when that is wanted. @param {Context} context @param {HTMLElement} prose @param {string} text */
function makeFold({ words }, prose, text) {
  const button = h('button', { class: 'button fold', 'data-kind': 'plain', 'data-size': 'small', type: 'button', onclick: () => fold(!prose.hasAttribute('data-folded')) });
  const fold = (/** @type {boolean} */ isFolded) => {
    set(prose, 'data-folded', isFolded);
    set(button, 'aria-expanded', String(!isFolded));
    setText(button, isFolded ? words.showAll : words.showLess);
  };
  if (isLong(text)) fold(true);
  return { elements: isLong(text) ? [button] : [], fold };
}

/** The person's words, as they typed them. @param {Context} context @param {Message} message @param {HTMLElement} element @returns {Draw} */
function makePersonTurn(context, message, element) {
  const { words, dispatch, copy } = context;
  const prose = h('div', { class: 'prose', 'data-kind': 'typed', lang: langOf(message.content) }, message.content);
  const branch = makeBranch(context, words.versionsOfYours);
  const copyButton = iconButton('copy', words.copy, () => copy(message.content, copyButton), { 'data-does': 'copy' });
  const editButton = iconButton('edit', words.edit, () => dispatch({ type: 'edit_started', message: message.id }), { 'data-does': 'edit' });
  const tools = h('footer', { class: 'tools' });
  const heading = h('h2', { class: 'unseen' }, words.you);
  const { elements, fold } = makeFold(context, prose, message.content);
  prose.addEventListener('click', () => element.toggleAttribute('data-open'));
  return (state, versions) => {
    if (elements.length > 0 && state.view.found === message.id) fold(false); // what a search led to may stand anywhere in it
    setChildren(tools, [...(branch.update(versions, message.id) ? [branch.element] : []), copyButton, editButton]);
    setChildren(element, [heading, prose, ...elements, tools]);
  };
}

/** @param {Context} context @param {Message} message @returns {Turn} */
export function makeTurn(context, message) {
  const isPerson = message.role === 'user';
  const element = h('article', { class: 'turn', 'data-from': isPerson ? 'person' : 'model', 'data-id': message.id, tabindex: -1 });
  /** @type {Draw | undefined} */
  let draw;
  let isSketched = false;
  const sketch = (/** @type {Message} */ { content, reply }) => {
    if (isSketched) return;
    isSketched = true;
    set(element, 'data-state', 'sketch');
    const text = reply ? textOf(reply, 'answer') : content;
    element.replaceChildren(h('h2', { class: 'unseen' }, isPerson ? context.words.you : context.words.model), h('div', { class: 'prose', 'data-kind': 'typed', 'data-folded': isPerson && isLong(text) }, text));
  };
  return {
    element,
    isDrawn: () => draw !== undefined,
    update(state, versions, next, isNear) {
      if (!draw && !isNear) return sketch(next);
      if (!draw) {
        set(element, 'data-state', undefined);
        draw = isPerson ? makePersonTurn(context, next, element) : makeModelTurn(context, next, element);
      }
      return draw(state, versions, next);
    },
  };
}

/** How far the model is that the message waits for. @param {import('../words.js').Words} words @param {State} state */
function progressOf(words, { server: { loading } }) {
  if (loading?.state !== 'loading') return '';
  return ` ${Math.floor(loading.percent)}%${loading.etaMs ? words.comma + words.left(loading.etaMs) : ''}`;
}

/** What is not on the server yet: a message, or that a reply shall be written again or further. In the outbox, on its way, or refused. @param {Context} context @param {Waiting} waiting */
export function makeWaitingTurn(context, waiting) {
  const { words, dispatch } = context;
  const { body } = waiting;
  const isMessage = body.type === 'chat.create' && !body.regenerate;
  const content = body.content ?? '';
  const why = h('span');
  const takeBack = h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button', onclick: () => dispatch({ type: 'waiting_discarded', id: waiting.id }) }, words.takeBack);
  const note = h('p', { class: 'fine' }, why, takeBack);
  const trouble = makeTrouble(context);
  const prose = h('div', { class: 'prose', 'data-kind': 'typed', lang: langOf(content) }, content);
  const bubble = h('article', { class: 'turn', 'data-from': 'person', 'data-waiting': waiting.id }, h('h2', { class: 'unseen' }, words.you), prose, note, ...makeFold(context, prose, content).elements);
  const element = h('div', { class: 'waiting' });
  return {
    element,
    /** @param {State} state @param {Waiting} item */
    update(state, item) {
      const isHeld = item.phase === 'waiting';
      set(bubble, 'data-state', item.phase !== 'sent' && 'waiting');
      const offline = isMessage ? words.notSent : words.notAsked;
      setText(why, isHeld ? (state.connection.phase === 'ready' ? words.waitingForModel + progressOf(words, state) : offline) : '');
      note.hidden = !isHeld;
      const isRefused = item.phase === 'refused';
      if (isRefused) trouble.showRefused(item);
      setChildren(element, [isMessage ? bubble : note, ...(isRefused ? [trouble.element] : [])]);
    },
  };
}
