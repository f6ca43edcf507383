// One reply from token ranges. Ranges are contiguous and half-open; merged ones carry the outer range (server/PROTOCOL.md, positions).

/** @typedef {import('./state.js').Reply} Reply */
/** @typedef {import('./state.js').Part} Part */
/** @typedef {import('../wire.js').Channel} Channel */
/** @typedef {import('../wire.js').Delta} Delta */
/** @typedef {import('../wire.js').Done} Done */
/** @typedef {import('../wire.js').WireMessage} WireMessage */

/** @type {Reply} */
export const newReply = Object.freeze({
  phase: /** @type {const} */ ('reading'),
  have: 0,
  parts: Object.freeze([]),
  promptTokens: 0,
  rewrites: 0,
  isGap: false,
  lp: Object.freeze([]),
  bytes: Object.freeze([]),
  queue: undefined,
  firstAt: 0,
  firstHave: 0,
  lastAt: 0,
  finish: undefined,
  error: undefined,
  isStored: true,
  thoughts: 0,
  thoughtMs: 0,
  rate: 0,
  usage: undefined,
  timings: undefined,
  written: Object.freeze({}),
  isEdited: false,
  dropped: Object.freeze([]),
});

/**
 * A range the page has is dropped; one that does not begin where the page stands marks a gap, and nothing is taken until it is filled.
 * @param {Reply} reply @param {Pick<Delta, 'from' | 'to' | 'text' | 'channel' | 'lp' | 'bytes'>} delta @param {number} now @returns {Reply}
 */
export function appendRange(reply, delta, now) {
  if (reply.phase === 'done' || delta.to <= reply.have) return reply;
  if (delta.from !== reply.have) return reply.isGap ? reply : { ...reply, isGap: true };
  const isFirst = reply.firstAt === 0;
  const isThought = delta.channel === 'reasoning';
  const wasThinking = reply.thoughts > 0 && reply.thoughtMs === 0 && reply.firstAt > 0;
  return {
    ...reply,
    phase: 'running',
    queue: undefined,
    isGap: false,
    have: delta.to,
    parts: appendPart(reply.parts, delta.channel ?? 'answer', delta.text),
    lp: appendPerToken(reply.lp, delta.lp, delta),
    bytes: appendPerToken(reply.bytes, delta.bytes, delta),
    firstAt: isFirst ? now : reply.firstAt,
    firstHave: isFirst ? delta.to : reply.firstHave,
    lastAt: now,
    thoughts: reply.thoughts + (isThought ? delta.to - delta.from : 0),
    thoughtMs: !isThought && wasThinking && delta.text !== '' ? now - reply.firstAt : reply.thoughtMs,
  };
}

/** Replaces everything held. @param {Reply} reply @param {number} to @param {readonly Part[]} parts @returns {Reply} */
export const replaceText = (reply, to, parts) => ({
  ...reply,
  phase: reply.phase === 'done' ? 'done' : 'running',
  queue: undefined,
  have: to,
  parts: parts.filter((part) => part.text !== ''),
  rewrites: reply.rewrites + 1,
  isGap: false,
  lp: [],
  bytes: [],
  firstAt: 0,
  firstHave: 0,
  thoughts: 0,
  thoughtMs: 0,
});

/** Writing goes on at token `from`: what is held stays if it ends there, else the server tells it anew. @param {Reply} reply @param {number} from @returns {Reply} */
export const goOn = (reply, from) => ({
  ...reply,
  ...(from === reply.have ? {} : { have: 0, parts: [], lp: [], bytes: [], rewrites: reply.rewrites + 1, isGap: true }),
  phase: 'reading',
  firstAt: 0,
  finish: undefined,
  error: undefined,
  rate: 0,
  usage: undefined,
  timings: undefined,
});

/** The end; while tokens are missing it is not believed, and they are asked for. @param {Reply} reply @param {Done} done @returns {Reply} */
export function finish(reply, done) {
  if (reply.have < done.to) return { ...reply, isGap: true };
  return {
    ...reply,
    phase: 'done',
    queue: undefined,
    isGap: false,
    finish: done.finish_reason,
    error: done.error,
    isStored: done.stored,
    rate: rateBy(done.usage, done.timings),
    usage: done.usage,
    timings: done.timings,
  };
}

/** @param {WireMessage} message @returns {readonly Part[]} */
const partsOf = ({ reasoning = '', content }) => /** @type {Part[]} */ ([{ channel: 'reasoning', text: reasoning }, { channel: 'answer', text: content }]).filter(({ text }) => text !== '');

/** @param {WireMessage} message @returns {Reply} */
export const replyFromHistory = (message) => ({
  ...newReply,
  phase: message.status === 'queued' ? 'queued' : message.status === 'streaming' ? 'running' : 'done',
  have: message.to ?? 0,
  parts: partsOf(message),
  finish: message.status === 'interrupted' ? 'interrupted' : message.finish_reason,
  error: message.error,
  rate: rateBy(message.usage, message.timings),
  usage: message.usage,
  promptTokens: message.usage?.prompt_tokens ?? 0,
  timings: message.timings,
  written: { model: message.model, seed: message.seed, params: message.params },
  isEdited: message.edited ?? false,
  dropped: message.dropped ?? [],
});

/** The time runs from the first token, so that one is not in it. @param {import('../wire.js').Usage | undefined} usage @param {import('../wire.js').Timings | undefined} timings */
const rateBy = (usage, timings) => (usage && timings && timings.decode_ms > 0 && usage.completion_tokens > 1 ? ((usage.completion_tokens - 1) * 1000) / timings.decode_ms : 0);

/** Only a list without holes is of use. @param {readonly number[]} held @param {readonly number[] | undefined} more @param {{from: number, to: number}} range */
const appendPerToken = (held, more, { from, to }) => (more?.length === to - from && held.length === from ? [...held, ...more] : held);

/** @param {readonly Part[]} parts @param {Channel} channel @param {string} text @returns {readonly Part[]} */
function appendPart(parts, channel, text) {
  if (text === '') return parts;
  const last = parts[parts.length - 1];
  if (last?.channel !== channel) return [...parts, { channel, text }];
  return [...parts.slice(0, -1), { channel, text: last.text + text }];
}

/** All text of one channel. The line breaks around thoughts belong to neither. @param {Reply} reply @param {Channel} channel */
export const textOf = (reply, channel) => {
  const parts = reply.parts.filter((part) => part.channel === channel);
  const text = parts.length === 1 ? parts[0].text : parts.map((part) => part.text).join('');
  return parts.length < reply.parts.length ? text.replace(/^\s+/, '') : text;
};

/** Tokens a second: while it is written what this page sees arrive, afterwards the server's figure; 0 where there is none. @param {Reply} reply */
export const rateOf = (reply) => {
  if (reply.phase === 'done') return reply.rate;
  const seconds = (reply.lastAt - reply.firstAt) / 1000;
  return reply.firstAt && seconds > 0.2 ? (reply.have - reply.firstHave) / seconds : 0;
};

/** @param {Reply | undefined} reply @returns {boolean} */
export const isLive = (reply) => reply !== undefined && reply.phase !== 'done';
