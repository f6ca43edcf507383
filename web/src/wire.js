// The messages of hearth.chat.v1 (server/PROTOCOL.md is the law) and of POST /api/v1/session, as discriminated unions.

/** @typedef {'answer' | 'reasoning'} Channel */
/** @typedef {'stop' | 'length' | 'cancelled' | 'failed' | 'interrupted'} FinishReason */
/** @typedef {{code: string, status?: number, title?: string, detail?: string, param?: string, retryable?: boolean, retry_after_ms?: number, needed?: number, limit?: number}} ErrorBody */

/** @typedef {{temperature?: number, top_p?: number, top_k?: number, repetition_penalty?: number, max_tokens?: number}} Params */
/** @typedef {{frame_bytes: number, content_bytes: number, system_bytes: number, title_chars: number, max_tokens: number}} Limits */
/** @typedef {{temperature: number, top_k: number, top_p: number, min_p: number, repetition_penalty: number}} SamplingDefaults */
/** @typedef {{id: string, name?: string, state: 'loading' | 'ready' | 'failed', context_length?: number, max_tokens?: number, decoder?: string, defaults?: SamplingDefaults}} ModelInfo */

/** @typedef {{id: string, title: string, revision: number, head: string | null, created: number, updated: number, live: string[]}} WireConversation */
/** @typedef {{prompt_tokens: number, completion_tokens: number, cached_tokens?: number}} Usage */
/** @typedef {{queue_ms: number, prefill_ms: number, decode_ms: number}} Timings */
/**
 * @typedef {object} WireMessage
 * @property {string} id
 * @property {string | null} parent
 * @property {'user' | 'assistant' | 'system'} role
 * @property {string} content
 * @property {number} created
 * @property {'queued' | 'streaming' | 'done' | 'interrupted'} status
 * @property {number} [to]
 * @property {string[]} [dropped]
 * @property {FinishReason} [finish_reason]
 * @property {ErrorBody} [error]
 * @property {Usage} [usage]
 * @property {Timings} [timings]
 */

/**
 * @typedef {{type: 'hello', client: {name: string, version: string}}
 *   | {type: 'chat.create', id: string, conversation?: string, parent?: string | null, content?: string, system?: string, params?: Params, regenerate?: true}
 *   | {type: 'chat.cancel', id: string, stream: string}
 *   | {type: 'stream.attach', id: string, stream: string, have: number}
 *   | {type: 'history.list', id: string, limit: number, cursor?: string}
 *   | {type: 'history.get', id: string, conversation: string, cursor?: string}
 *   | {type: 'history.rename', id: string, conversation: string, title: string}
 *   | {type: 'history.delete', id: string, conversation: string}
 *   | {type: 'history.clear', id: string}
 *   | {type: 'ping', t: number}} ClientMessage
 */

/** @typedef {{type: 'ready', session: string, epoch: string, user: User, durable: boolean, server: {version: string}, limits: Limits, models: ModelInfo[]}} Ready */
/**
 * @typedef {{type: 'accepted', re: string, stream: string, conversation: string, user_message: string, assistant_message: string,
 *   parent: string | null, title: string, revision: number, dropped: string[], duplicate: boolean}} Accepted
 */
/** @typedef {{type: 'queued', stream: string, position: number, of?: number, ahead_tokens?: number, eta_ms?: number}} Queued */
/** @typedef {{type: 'started', stream: string, model: string, prompt_tokens: number, cached_tokens?: number}} Started */
/** @typedef {{type: 'delta', stream: string, from: number, to: number, text: string, channel?: Channel, lp?: number[], bytes?: number[]}} Delta */
/** @typedef {{type: 'snapshot', stream: string, to: number, parts: {channel: Channel, text: string}[], state: 'queued' | 'running' | 'done' | 'interrupted'}} Snapshot */
/** @typedef {{type: 'done', stream: string, to: number, finish_reason: FinishReason, stored: boolean, usage: Usage, timings: Timings, error?: ErrorBody}} Done */
/** @typedef {{type: 'result', re: string, data: unknown}} Result */
/** @typedef {{type: 'error', re?: string, stream?: string, error: ErrorBody}} WireError */
/** @typedef {{type: 'model', model: string, state: 'loading' | 'ready' | 'failed', stage?: string, percent?: number, eta_ms?: number, detail?: string, info?: ModelInfo}} ModelEvent */
/** @typedef {{type: 'reconnect', after_ms: number, reason: 'shutdown' | 'rebalance' | 'max_age'}} Reconnect */
/** @typedef {{type: 'pong', t: number}} Pong */
/** @typedef {Accepted | Queued | Started | Delta | Snapshot | Done} StreamEvent what the reducer makes of a reply */
/** @typedef {Ready | StreamEvent | Result | WireError | ModelEvent | Reconnect | Pong} ServerMessage */

/** @typedef {{id: string, name: string, kind?: 'guest' | 'local'}} User */
/** @typedef {{conversations: WireConversation[], next?: string}} HistoryPage */
/** @typedef {{conversation: WireConversation & {system: string, params: Params}, messages: WireMessage[], next?: string}} ConversationPage */

export const subprotocol = 'hearth.chat.v1';
