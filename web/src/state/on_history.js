// Conversations and their messages as the server keeps them, joined with what this page already follows.
import { chatFromWire, plainChat } from './chat.js';
import { isLive, replyFromHistory } from './reply.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Message} Message */
/** @typedef {import('./state.js').Tree} Tree */
/** @typedef {import('../wire.js').HistoryPage} HistoryPage */
/** @typedef {import('../wire.js').ConversationPage} ConversationPage */
/** @typedef {import('../wire.js').WireMessage} WireMessage */

/** @type {Tree} */
const unread = { loaded: 'loading', messages: {}, head: null, chat: plainChat };

/** What the person deleted, whether or not the server knows it yet. @param {State} state */
function hiddenIn({ deletion, leaving }) {
  const all = deletion ? [...leaving, deletion] : leaving;
  return { hidden: new Set(all.flatMap(({ conversations }) => conversations.map(({ id }) => id))), isAllHidden: all.some(({ isAll }) => isAll) };
}

/** The same object when there is nothing new: what depends on it (the meter asks the server) has not changed. @param {State['streams']} streams @param {string[][]} more pairs of a stream and its conversation @returns {State['streams']} */
function withStreams(streams, more) {
  const unknown = more.filter(([stream]) => !(stream in streams));
  return unknown.length ? { ...streams, ...Object.fromEntries(unknown) } : streams;
}

/** @param {State} state @param {HistoryPage} page @param {boolean} isFirst @returns {State} */
export function listConversations(state, page, isFirst) {
  const { hidden, isAllHidden } = hiddenIn(state);
  const listed = page.conversations
    .filter(({ id }) => !isAllHidden && !hidden.has(id))
    .map(summaryOf);
  const known = new Set(listed.map(({ id }) => id));
  const before = isFirst ? [] : state.conversations.list.filter(({ id }) => !known.has(id));
  const streams = withStreams(state.streams, page.conversations.flatMap(({ id, live }) => live.map((stream) => [stream, id])));
  return { ...state, streams, conversations: { list: [...before, ...listed], next: isAllHidden ? undefined : page.next, isLoaded: true } };
}

/** @param {State} state @param {string} id @returns {State} */
export const askHistory = (state, id) => (state.trees[id]?.loaded === 'yes' ? state : { ...state, trees: { ...state.trees, [id]: { ...(state.trees[id] ?? unread), loaded: 'loading' } } });

/** @param {State} state @param {{conversation: string, page: ConversationPage, isFirst: boolean}} action @returns {State} */
export function readHistory(state, { conversation: id, page, isFirst }) {
  const before = state.trees[id] ?? unread;
  const { conversation } = page;
  const messages = { ...before.messages };
  for (const message of page.messages) messages[message.id] = join(messages[message.id], message);
  const streams = withStreams(state.streams, page.messages.filter((message) => isLive(messages[message.id].reply)).map((message) => [message.id, id]));
  const isFollowed = isFirst && before.loaded === 'yes' && before.head !== null && messages[before.head] !== undefined && !isBehind(messages, before.head);
  /** @type {Tree} */
  const tree = {
    loaded: page.next ? before.loaded : 'yes',
    messages,
    head: isFollowed ? before.head : conversation.head,
    chat: chatFromWire(conversation.system, conversation.params),
  };
  return { ...state, streams, trees: { ...state.trees, [id]: tree }, conversations: withConversation(state, conversation) };
}

/** An old conversation that was opened by its address is listed too. @param {State} state @param {import('../wire.js').WireConversation} wire @returns {State['conversations']} */
function withConversation(state, wire) {
  const { conversations } = state;
  const { id } = wire;
  const { hidden, isAllHidden } = hiddenIn(state);
  if (isAllHidden || hidden.has(id) || conversations.list.some((conversation) => conversation.id === id)) return conversations;
  return { ...conversations, list: [...conversations.list, summaryOf(wire)].sort((a, b) => b.updated - a.updated) };
}

// A leaf that got children elsewhere is no leaf any more.
/** @param {Record<string, Message>} messages @param {string} head */
const isBehind = (messages, head) => Object.values(messages).some(({ parent }) => parent === head);

/** @param {State} state @param {string} id @param {boolean} isGone @returns {State} */
export function failHistory(state, id, isGone) {
  const tree = state.trees[id];
  if (tree?.loaded === 'yes' && !isGone) return state;
  return { ...state, trees: { ...state.trees, [id]: { ...unread, loaded: isGone ? 'gone' : 'failed' } } };
}

/** Text that this page already has, with its tokens, is worth more than the same text from the store. @param {Message | undefined} held @param {WireMessage} message @returns {Message} */
function join(held, message) {
  const { id, parent, role, content, created } = message;
  if (role !== 'assistant') return { id, parent, role, content, created, reply: undefined };
  const stored = replyFromHistory(message);
  const ours = held?.reply;
  const isOurs = ours !== undefined && ours.have >= stored.have && (isLive(ours) ? isLive(stored) : !stored.isEdited);
  const rewrites = (ours?.rewrites ?? 0) + 1;
  return { id, parent, role, content: '', created, reply: isOurs ? ours : { ...stored, rewrites } };
}

/** @param {import('../wire.js').WireConversation} conversation @returns {import('./state.js').Conversation} */
export const summaryOf = ({ id, title, updated, head, pinned = false }) => ({ id, title, updated, head, pinned });

/** Another tab or device changed a conversation. @param {State} state @param {import('../wire.js').Changed} event @returns {State} */
export function changeConversation(state, { conversation: id, what, summary }) {
  if (!id) return state; // all of them: the list is asked for anew
  const { list } = state.conversations;
  if (what === 'deleted') {
    const { [id]: _, ...trees } = state.trees;
    return { ...state, trees: { ...trees, [id]: { ...unread, loaded: 'gone' } }, conversations: { ...state.conversations, list: list.filter((each) => each.id !== id) } };
  }
  const { hidden, isAllHidden } = hiddenIn(state);
  if (!summary || isAllHidden || hidden.has(id)) return state;
  const streams = withStreams(state.streams, summary.live.map((stream) => [stream, id]));
  const next = [...list.filter((each) => each.id !== id), summaryOf(summary)].sort((a, b) => b.updated - a.updated);
  return { ...state, streams, conversations: { ...state.conversations, list: next } };
}
