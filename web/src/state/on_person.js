// What the person did. Each returns the next state, or undefined when the action is none of these.
import { plainChat, withPreset } from './chat.js';
import { fresh, isProvisional, provisional } from './state.js';
import { chatOf, currentTree, defaultsOf, leafBelow, paramsOf } from './select.js';

/** @typedef {import('./actions.js').PersonAction} PersonAction */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Conversation} Conversation */
/** @typedef {import('./state.js').Sampling} Sampling */
/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Waiting} Waiting */

/** @param {State} state @param {PersonAction} action @returns {State | undefined} */
export function onPerson(state, action) {
  switch (action.type) {
    case 'message_sent':
      return send(state, action);
    case 'reply_asked_again':
      return askAgain(state, action);
    case 'reply_continued':
      return goOn(state, action);
    case 'branch_asked':
      return branch(state, action);
    case 'steps_asked':
      return steps(state, action);
    case 'waiting_retried':
      return { ...state, outbox: state.outbox.map((item) => (item.id === action.id ? { ...item, phase: 'waiting', error: undefined } : item)) };
    case 'waiting_discarded':
      return discard(state, action.id);
    case 'edit_started':
      return edit(state, action.message);
    case 'edit_left':
      return { ...state, editing: undefined, drafts: { ...state.drafts, [state.current]: '' } };
    case 'version_chosen':
      return choose(state, action.message);
    case 'draft_changed':
      return { ...state, drafts: { ...state.drafts, [action.conversation]: action.text } };
    case 'conversation_opened':
      return open(state, action.id, action.found);
    case 'conversation_pinned':
      return pin(state, action.id, action.pinned);
    case 'search_changed':
      return { ...state, search: action.query.trim() ? { ...state.search, query: action.query } : { query: action.query, phase: 'none', hits: [], found: '' } };
    case 'preset_chosen':
      return changeChat(state, withPreset(chatOf(state), action.preset));
    case 'stop_changed':
      return changeChat(state, { ...chatOf(state), stop: action.stop });
    case 'seed_changed':
      return changeChat(state, { ...chatOf(state), seed: action.seed });
    case 'thinking_changed':
      return changeChat(state, { ...chatOf(state), thinking: action.budget });
    case 'conversation_renamed':
      return rename(state, action.id, action.title);
    case 'conversation_deleted':
      return remove(state, state.conversations.list.filter(({ id }) => id === action.id), false);
    case 'history_cleared':
      return remove({ ...state, view: { ...state.view, isSettingsOpen: false } }, state.conversations.list, true);
    case 'deletion_undone':
      return undo(state);
    case 'display_changed':
      return { ...state, settings: { ...state.settings, ...action.display } };
    case 'instructions_changed':
      return changeChat(state, { ...chatOf(state), system: action.text });
    case 'sampling_changed':
      return changeSampling(state, action.name, action.value);
    case 'defaults_restored':
      return changeChat(state, plainChat);
    case 'stop_pressed':
    case 'answer_wanted':
    case 'step_asked':
    case 'conversation_exported':
    case 'everything_exported':
    case 'files_imported':
    case 'more_conversations_wanted':
      return state; // effects only: the server's answer changes the state
    default:
      return onView(state, action);
  }
}

/** What is open and what is said, which no server hears of. @param {State} state @param {PersonAction} action @returns {State | undefined} */
function onView(state, action) {
  const view = (/** @type {Partial<State['view']>} */ change) => ({ ...state, view: { ...state.view, ...change } });
  switch (action.type) {
    case 'menu_toggled':
      return view({ menu: state.view.menu === action.id ? null : action.id });
    case 'rewrite_started':
      return view({ rewriting: action.message, menu: null });
    case 'rewrite_left':
    case 'reply_rewritten':
      return view({ rewriting: null });
    case 'rename_started':
      return view({ renaming: action.id, menu: null });
    case 'rename_left':
      return view({ renaming: null });
    case 'help_toggled':
      return view({ isHelpOpen: action.isOpen, menu: null });
    case 'context_toggled':
      return view({ isContextOpen: action.isOpen, menu: null });
    case 'found_shown':
      return view({ found: null });
    case 'settings_opened':
      return view({ isSettingsOpen: true, isContextOpen: false, menu: null });
    case 'rail_toggled':
      return view({ isRailOpen: action.isOpen, menu: null });
    case 'toast_shown':
      return view({ toast: action.toast });
    case 'toast_left':
      return view({ toast: undefined });
    case 'notice_dismissed':
      return { ...state, connection: { ...state.connection, notice: 'none' } };
    case 'join_asked':
      return { ...state, session: { ...state.session, phase: 'joining', problem: undefined } };
    default:
      return undefined;
  }
}

/** @param {State} state @param {{id: string, content: string}} message @returns {State} */
function send(state, { id, content }) {
  if (state.outbox.some((item) => item.conversation === state.current)) return state;
  const tree = currentTree(state);
  const isNew = tree === undefined;
  const conversation = isNew ? provisional(id) : state.current;
  const edited = state.editing ? tree?.messages[state.editing] : undefined;
  /** @type {Waiting['body']} */
  const body = { type: 'chat.create', id, content, system: chatOf(state).system.trim(), params: paramsOf(state), ...keeping(state) };
  if (!isNew) {
    body.conversation = state.current;
    body.parent = edited ? edited.parent : tree.head;
  }
  return {
    ...state,
    current: conversation,
    editing: undefined,
    drafts: { ...state.drafts, [state.current]: '' },
    outbox: [...state.outbox, { id, conversation, body, phase: 'waiting', error: undefined }],
  };
}

/** @param {State} state @param {{id: string, message: string, params?: import('../wire.js').Params}} action a reply whose question is to be answered anew @returns {State} */
function askAgain(state, { id, message, params = paramsOf(state) }) {
  const user = currentTree(state)?.messages[message]?.parent;
  if (!user || state.outbox.some((item) => item.conversation === state.current)) return state;
  return put(state, { type: 'chat.create', id, conversation: state.current, parent: user, regenerate: true, params, ...keeping(state) });
}

/** Candidates are kept when the person asked for them, and while the inspector is open. @param {State} state @returns {{inspect?: true}} */
const keeping = (state) => (state.inspector.isOpen || state.settings.keepsCandidates ? { inspect: true } : {});

/** One of each conversation at a time is on its way. @param {State} state @param {Waiting['body']} body @returns {State} */
function put(state, body) {
  if (state.outbox.some((item) => item.conversation === state.current)) return state;
  return { ...state, view: { ...state.view, menu: null }, outbox: [...state.outbox, { id: body.id, conversation: state.current, body, phase: 'waiting', error: undefined }] };
}

/** The limit that cut the reply would cut it again: what goes on has the settings of now. @param {State} state @param {{id: string, message: string}} action @returns {State} */
const goOn = (state, { id, message }) => put(state, { type: 'chat.continue', id, conversation: state.current, message, params: paramsOf(state) });

/** @param {State} state @param {Extract<PersonAction, {type: 'branch_asked'}>} action @returns {State} */
function branch(state, { id, branch: from, seed, params, isStepped = false }) {
  const parent = currentTree(state)?.messages[from.message]?.parent;
  if (!parent) return state;
  const next = put(state, { type: 'chat.create', id, conversation: state.current, parent, regenerate: true, inspect: true, branch: from, ...(isStepped && { step: true }), params: { ...(params ?? paramsOf(state)), ...(seed === undefined ? {} : { seed }) } });
  return { ...next, inspector: { ...next.inspector, message: null, token: from.at, candidate: -1, whatIf: {} } };
}

/** @param {State} state @param {{id: string, message: string}} action @returns {State} */
function steps(state, { id, message }) {
  const parent = currentTree(state)?.messages[message]?.parent;
  if (!parent) return state;
  const next = put(state, { type: 'chat.create', id, conversation: state.current, parent, regenerate: true, inspect: true, step: true, params: paramsOf(state) });
  return { ...next, inspector: { ...next.inspector, message: null, token: 0 } };
}

/** The words of a refused message go back to where they were written. @param {State} state @param {string} id @returns {State} */
function discard(state, id) {
  const item = state.outbox.find((waiting) => waiting.id === id);
  if (!item) return state;
  const outbox = state.outbox.filter((waiting) => waiting !== item);
  const home = isProvisional(item.conversation) ? fresh : item.conversation;
  const { [item.conversation]: begun, ...drafts } = state.drafts;
  const draft = [item.body.content, home === item.conversation ? '' : drafts[home], begun].filter(Boolean).join('\n\n'); // before what was begun meanwhile
  return { ...state, outbox, current: state.current === item.conversation ? home : state.current, drafts: { ...drafts, [home]: draft } };
}

/** @param {State} state @param {string} id @returns {State} */
function edit(state, id) {
  const message = currentTree(state)?.messages[id];
  return message ? { ...state, editing: id, drafts: { ...state.drafts, [state.current]: message.content } } : state;
}

/** @param {State} state @param {string} id @returns {State} */
function choose(state, id) {
  const tree = currentTree(state);
  if (!tree) return state;
  return { ...state, trees: { ...state.trees, [state.current]: { ...tree, head: leafBelow(tree, id) } } };
}

/** @param {State} state @param {string} id @param {string} [found] the message that a search led to @returns {State} */
function open(state, id, found) {
  const { [id]: _, ...unread } = state.unread;
  const isOther = id !== state.current;
  return {
    ...state,
    current: id,
    unread,
    editing: isOther ? undefined : state.editing,
    measured: isOther ? undefined : state.measured,
    inspector: isOther ? { ...state.inspector, message: null, token: 0, candidate: -1, whatIf: {} } : state.inspector,
    view: { ...state.view, menu: null, renaming: null, rewriting: isOther ? null : state.view.rewriting, isContextOpen: false, found: found ?? null },
  };
}

/** @param {State} state @param {string} id @param {boolean} pinned @returns {State} */
export function pin(state, id, pinned) {
  const list = state.conversations.list.map((conversation) => (conversation.id === id ? { ...conversation, pinned } : conversation));
  return { ...state, conversations: { ...state.conversations, list }, view: { ...state.view, menu: null } };
}

/** @param {State} state @param {string} id @param {string} title @returns {State} */
function rename(state, id, title) {
  const list = state.conversations.list.map((conversation) => (conversation.id === id && title ? { ...conversation, title } : conversation));
  return { ...state, conversations: { ...state.conversations, list }, view: { ...state.view, renaming: null } };
}

/** @param {State} state @param {readonly Conversation[]} conversations @param {boolean} isAll @returns {State} */
function remove(state, conversations, isAll) {
  if (conversations.length === 0) return state;
  const gone = new Set(conversations.map(({ id }) => id));
  return {
    ...state,
    current: gone.has(state.current) || isAll ? fresh : state.current,
    editing: undefined,
    conversations: { ...state.conversations, list: state.conversations.list.filter(({ id }) => !gone.has(id)), next: isAll ? undefined : state.conversations.next },
    leaving: state.deletion ? [...state.leaving, state.deletion] : state.leaving,
    deletion: { conversations, isAll },
    view: { ...state.view, menu: null, toast: { kind: isAll ? 'all_deleted' : 'deleted' } },
  };
}

/** @param {State} state @returns {State} */
function undo(state) {
  if (!state.deletion) return state;
  const list = [...state.conversations.list, ...state.deletion.conversations].sort((a, b) => b.updated - a.updated);
  return { ...state, deletion: undefined, conversations: { ...state.conversations, list }, view: { ...state.view, toast: undefined } };
}

/** A slider that is back at the room's value is not changed any more. @param {State} state @param {keyof Sampling} name @param {number} value @returns {State} */
function changeSampling(state, name, value) {
  const { [name]: _, ...sampling } = chatOf(state).sampling;
  return changeChat(state, { ...chatOf(state), sampling: value === defaultsOf(state)[name] ? sampling : { ...sampling, [name]: value } });
}

/** In a conversation the change is its own; before the first message it is for this and later new ones. @param {State} state @param {Chat} chat @returns {State} */
function changeChat(state, chat) {
  const tree = currentTree(state);
  if (tree) return { ...state, trees: { ...state.trees, [state.current]: { ...tree, chat } } };
  return { ...state, settings: { ...state.settings, chat } };
}

