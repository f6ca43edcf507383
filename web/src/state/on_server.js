// What the server said.
import { chatFromWire, plainChat } from './chat.js';
import { appendRange, finish, goOn, isLive, newReply, replaceText } from './reply.js';
import { askHistory, changeConversation, failHistory, listConversations, readHistory } from './on_history.js';
import { pin } from './on_person.js';

/** @typedef {import('./actions.js').ServerAction} ServerAction */
/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Reply} Reply */
/** @typedef {import('./state.js').Message} Message */
/** @typedef {import('./state.js').Tree} Tree */
/** @typedef {import('../wire.js').Accepted} Accepted */
/** @typedef {import('../wire.js').ModelEvent} ModelEvent */
/** @typedef {import('../wire.js').Ready} Ready */
/** @typedef {import('../wire.js').StreamEvent} StreamEvent */

/** @param {State} state @param {ServerAction} action @returns {State | undefined} */
export function onServer(state, action) {
  switch (action.type) {
    case 'ready_received':
      return becomeReady(state, action.ready);
    case 'restart_announced':
      return { ...state, connection: { ...state.connection, isRestart: true } };
    case 'room_counted':
      return { ...state, room: { people: action.event.people, running: action.event.running, queued: action.event.queued } };
    case 'model_moved':
      return moveModel(state, action.event);
    case 'stream_moved':
      return action.event.type === 'accepted' ? accept(state, action.event, action.at) : moveStream(state, action.event, action.at);
    case 'waiting_submitted':
      return { ...state, outbox: state.outbox.map((item) => (item.id === action.id ? { ...item, phase: 'sent' } : item)) };
    case 'waiting_refused':
      return refuse(state, action.id, action.error);
    case 'attach_failed':
      return changeReply(state, action.stream, (reply) => (isLive(reply) ? { ...reply, phase: 'done', finish: 'interrupted' } : reply));
    case 'conversations_listed':
      return listConversations(state, action.page, action.isFirst);
    case 'history_asked':
      return askHistory(state, action.conversation);
    case 'history_read':
      return readHistory(state, action);
    case 'history_failed':
      return failHistory(state, action.conversation, action.isGone);
    case 'pin_failed':
      return pin(state, action.id, action.pinned);
    case 'feature_missing':
      return state.missing.includes(action.feature) ? state : { ...state, missing: [...state.missing, action.feature] };
    case 'conversation_changed':
      return changeConversation(state, action.event);
    case 'context_measured':
      return { ...state, measured: action.measure && { conversation: action.conversation, draft: action.draft, measure: action.measure } };
    case 'search_asked':
      return { ...state, search: { ...state.search, phase: 'asking' } };
    case 'search_answered':
      if (state.search.query.trim() !== action.query) return state; // a newer one is on its way
      return { ...state, search: { ...state.search, phase: action.page ? 'done' : 'failed', hits: action.page?.hits ?? [], found: action.query } };
    case 'rename_failed':
      return giveTitle(state, action.id, action.title);
    default:
      return undefined;
  }
}

/** @param {State} state @param {Ready} ready @returns {State} */
function becomeReady(state, ready) {
  const model = ready.models[0];
  const { connection, server } = state;
  const wasNews = connection.notice !== 'none' && connection.notice !== 'back';
  const isKept = ready.durable || !server.epoch || ready.epoch === server.epoch; // a restart of a server that writes nothing down loses everything
  return {
    ...state,
    session: { ...state.session, phase: 'open', user: { id: ready.user.id, name: ready.user.name } },
    connection: { ...connection, phase: 'ready', wasReady: true, lostAt: 0, isRestart: false, notice: wasNews && connection.wasReady && isKept ? 'back' : 'none' },
    server: {
      ...server,
      model,
      limits: { ...server.limits, ...ready.limits },
      isDurable: ready.durable,
      epoch: ready.epoch,
      loading: model && loadingFrom(model),
    },
  };
}

/** How far a model is, as `ready` and `model` tell it alike. @param {import('../wire.js').LoadProgress & {state: 'loading' | 'ready' | 'failed'}} told @returns {import('./state.js').Loading | undefined} */
const loadingFrom = ({ state, stage = '', percent = 0, eta_ms, stages = [] }) => (state === 'ready' ? undefined : { state, stage, percent, etaMs: eta_ms, stages });

/** @param {State} state @param {ModelEvent} event @returns {State} */
function moveModel(state, event) {
  const { server } = state;
  if (server.model && event.model !== server.model.id) return state;
  const model = event.info ?? (server.model && { ...server.model, state: event.state });
  return { ...state, server: { ...server, model, loading: loadingFrom(event) } };
}

/** Both messages are on disk: what waited becomes a part of the conversation. @param {State} state @param {Accepted} event @param {number} at @returns {State} */
function accept(state, event, at) {
  const item = state.outbox.find(({ id }) => id === event.re);
  if (!item) return state;
  const id = event.conversation;
  const { body } = item;
  const chat = body.type === 'chat.create' ? chatFromWire(body.system, body.params) : plainChat;
  /** @type {Tree} */
  const before = state.trees[id] ?? { loaded: body.conversation ? 'loading' : 'yes', messages: {}, head: null, chat }; // what came before it is still to be read
  const messages = { ...before.messages };
  const answered = messages[event.stream];
  if (event.continued && answered?.reply) {
    if (!isLive(answered.reply)) messages[event.stream] = { ...answered, reply: goOn(answered.reply, event.from ?? 0) };
  } else {
    if (!body.regenerate) messages[event.user_message] ??= { id: event.user_message, parent: event.parent, role: 'user', content: body.content ?? '', created: at, reply: undefined };
    const reply = { ...newReply, dropped: event.dropped, written: { model: state.server.model?.id, seed: event.seed, params: body.params } };
    messages[event.stream] ??= { id: event.stream, parent: event.user_message, role: 'assistant', content: '', created: at, reply };
  }
  const old = state.conversations.list.find((conversation) => conversation.id === id);
  const conversation = { id, title: old?.title ?? event.title, updated: at, head: event.stream, pinned: old?.pinned ?? false };
  const { [item.conversation]: draft = '', ...drafts } = state.drafts;
  return {
    ...state,
    current: state.current === item.conversation ? id : state.current,
    outbox: state.outbox.filter((waiting) => waiting !== item),
    drafts: draft ? { ...drafts, [id]: draft } : drafts,
    trees: { ...state.trees, [id]: { ...before, messages, head: event.stream } },
    streams: isLive(messages[event.stream].reply) ? { ...state.streams, [event.stream]: id } : state.streams,
    conversations: { ...state.conversations, list: [conversation, ...state.conversations.list.filter((other) => other.id !== id)] },
  };
}

/** @param {State} state @param {Exclude<StreamEvent, Accepted>} event @param {number} at @returns {State} */
function moveStream(state, event, at) {
  const next = changeReply(state, event.stream, (reply) => moveReply(reply, event, at));
  if (event.type !== 'done') return next;
  const id = next.streams[event.stream];
  const reply = next.trees[next.streams[event.stream]]?.messages[event.stream]?.reply;
  if (isLive(reply)) return next; // tokens are missing; the stream goes on
  const { [event.stream]: _, ...streams } = next.streams;
  const isElsewhere = id !== undefined && id !== next.current;
  return {
    ...next,
    streams,
    unread: isElsewhere ? { ...next.unread, [id]: true } : next.unread,
    page: next.page.isSeen ? next.page : { ...next.page, news: 'done' },
  };
}

/** @param {Reply} reply @param {Exclude<StreamEvent, Accepted>} event @param {number} at @returns {Reply} */
function moveReply(reply, event, at) {
  if (event.type === 'delta') return appendRange(reply, event, at);
  if (event.type === 'snapshot') return replaceText(reply, event.to, event.parts);
  if (event.type === 'done') return finish(reply, event);
  if (event.type === 'paused') return isLive(reply) ? { ...reply, phase: 'paused', queue: undefined, isGap: reply.have < event.to } : reply;
  if (!isLive(reply)) return reply;
  if (event.type === 'started') {
    const goesOn = reply.phase === 'running' || reply.phase === 'paused';
    return { ...reply, promptTokens: event.prompt_tokens, queue: undefined, phase: goesOn ? 'running' : 'reading' };
  }
  if (reply.phase === 'running') return reply;
  return { ...reply, phase: 'queued', queue: { position: event.position, of: event.of, etaMs: event.eta_ms, aheadTokens: event.ahead_tokens } };
}

/** @param {State} state @param {string} stream @param {(reply: Reply) => Reply} change @returns {State} */
function changeReply(state, stream, change) {
  const id = state.streams[stream];
  const tree = state.trees[id];
  const message = tree?.messages[stream];
  if (!message?.reply) return state;
  const reply = change(message.reply);
  if (reply === message.reply) return state;
  return { ...state, trees: { ...state.trees, [id]: { ...tree, messages: { ...tree.messages, [stream]: { ...message, reply } } } } };
}

// A server that is going away, or a model that is coming, will take the message later; it keeps its place in the outbox.
const laterCodes = new Set(['shutting_down', 'model_loading']);

/** @param {State} state @param {string} id @param {import('../wire.js').ErrorBody} error @returns {State} */
function refuse(state, id, error) {
  const isLater = laterCodes.has(error.code);
  return { ...state, outbox: state.outbox.map((item) => (item.id === id ? { ...item, phase: isLater ? 'waiting' : 'refused', error: isLater ? undefined : error } : item)) };
}

/** @param {State} state @param {string} id @param {string} title @returns {State} */
function giveTitle(state, id, title) {
  const list = state.conversations.list.map((conversation) => (conversation.id === id ? { ...conversation, title } : conversation));
  return { ...state, conversations: { ...state.conversations, list } };
}
