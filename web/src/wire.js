// The messages of hearth.chat.v1 (server/PROTOCOL.md is the law) and of POST /api/v1/session, as discriminated unions.

/** @typedef {'answer' | 'reasoning'} Channel */
/** @typedef {'stop' | 'length' | 'cancelled' | 'failed' | 'interrupted'} FinishReason */
/** @typedef {{code: string, status?: number, title?: string, detail?: string, param?: string, retryable?: boolean, retry_after_ms?: number, needed?: number, limit?: number}} ErrorBody */

/**
 * @typedef {{temperature?: number, top_p?: number, top_k?: number, min_p?: number, repetition_penalty?: number, presence_penalty?: number,
 *   frequency_penalty?: number, max_tokens?: number, stop?: string | string[], seed?: number, thinking_budget?: number}} Params
 */
/**
 * @typedef {{frame_bytes: number, content_bytes: number, system_bytes: number, title_chars: number, max_tokens: number, stop_strings?: number,
 *   stop_bytes?: number, undo_ms?: number, queued_unwatched_ms?: number}} Limits
 */
/** @typedef {{temperature: number, top_k: number, top_p: number, min_p: number, repetition_penalty: number}} SamplingDefaults */
/** @typedef {{stage: string, ms?: number, tokens?: number, bytes?: number, bytes_all?: number, tensor?: string, dtype?: string}} LoadStage done when it has `ms` */
/** @typedef {{stage?: string, percent?: number, eta_ms?: number, stages?: readonly LoadStage[]}} LoadProgress */
/** @typedef {LoadProgress & {id: string, name?: string, state: 'loading' | 'ready' | 'failed', context_length?: number, max_tokens?: number, decoder?: string, defaults?: SamplingDefaults, thinks?: boolean}} ModelInfo */

/** @typedef {{id: string, title: string, revision: number, head: string | null, created: number, updated: number, live: string[], pinned?: boolean}} WireConversation */
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
 * @property {string} [model]
 * @property {number} [seed]
 * @property {Params} [params]
 * @property {boolean} [edited]
 * @property {string} [reasoning] what it thought before `content`
 */

/** @typedef {{message: string, at: number, token?: number}} Branch begin as another reply did, up to its token `at` */
/**
 * @typedef {object} ChatCreate
 * @property {'chat.create'} type
 * @property {string} id
 * @property {string} [conversation]
 * @property {string | null} [parent]
 * @property {string} [content]
 * @property {string} [system]
 * @property {Params} [params]
 * @property {true} [regenerate]
 * @property {true} [inspect]
 * @property {true} [step]
 * @property {Branch} [branch]
 */
/**
 * @typedef {{type: 'chat.continue', id: string, conversation: string, message: string, params?: Params, parent?: undefined, content?: undefined,
 *   system?: undefined, regenerate?: undefined}} ChatContinue
 */

/**
 * @typedef {{type: 'hello', client: {name: string, version: string}}
 *   | ChatCreate
 *   | ChatContinue
 *   | {type: 'chat.step', id: string, stream: string, tokens?: number, token?: number}
 *   | {type: 'context.measure', id: string, conversation?: string, parent?: string | null, content: string, system?: string, params?: Params}
 *   | {type: 'chat.edit', id: string, conversation: string, message: string, content: string}
 *   | {type: 'chat.answer', id: string, stream: string}
 *   | {type: 'chat.cancel', id: string, stream: string}
 *   | {type: 'stream.attach', id: string, stream: string, have: number}
 *   | {type: 'history.list', id: string, limit: number, cursor?: string}
 *   | {type: 'history.get', id: string, conversation: string, cursor?: string}
 *   | {type: 'history.rename', id: string, conversation: string, title: string}
 *   | {type: 'history.delete', id: string, conversation: string}
 *   | {type: 'history.restore', id: string, conversation?: string}
 *   | {type: 'history.clear', id: string}
 *   | {type: 'history.search', id: string, query: string, limit: number, cursor?: string}
 *   | {type: 'conversation.update', id: string, conversation: string, pinned?: boolean}
 *   | {type: 'conversation.head', id: string, conversation: string, head: string}
 *   | {type: 'ping', t: number}} ClientMessage
 */

/** @typedef {{type: 'ready', session: string, epoch: string, user: User, durable: boolean, server: {version: string}, limits: Limits, models: ModelInfo[]}} Ready */
/**
 * @typedef {{type: 'accepted', re: string, stream: string, conversation: string, user_message: string, assistant_message: string,
 *   parent: string | null, title: string, revision: number, dropped: string[], duplicate: boolean, seed?: number, continued?: boolean, from?: number,
 *   inspect?: boolean, step?: boolean}} Accepted
 */
/** @typedef {{type: 'queued', stream: string, position: number, of?: number, ahead_tokens?: number, eta_ms?: number}} Queued */
/** @typedef {{type: 'started', stream: string, model: string, prompt_tokens: number, cached_tokens?: number}} Started */
/** @typedef {{type: 'delta', stream: string, from: number, to: number, text: string, channel?: Channel, lp?: number[], bytes?: number[]}} Delta */
/** @typedef {{type: 'snapshot', stream: string, to: number, parts: {channel: Channel, text: string}[], state: 'queued' | 'running' | 'done' | 'interrupted'}} Snapshot */
/** @typedef {{type: 'done', stream: string, to: number, finish_reason: FinishReason, stored: boolean, usage: Usage, timings: Timings, error?: ErrorBody}} Done */
/** @typedef {{type: 'result', re: string, data: unknown}} Result */
/** @typedef {{type: 'error', re?: string, stream?: string, error: ErrorBody}} WireError */
/** @typedef {LoadProgress & {type: 'model', model: string, state: 'loading' | 'ready' | 'failed', detail?: string, info?: ModelInfo}} ModelEvent */
/** @typedef {{type: 'paused', stream: string, to: number}} Paused */
/** @typedef {{type: 'changed', conversation?: string, what: 'updated' | 'messages' | 'deleted' | 'restored', summary?: WireConversation}} Changed */
/** @typedef {{type: 'room', people: number, running: number, queued: number}} RoomEvent */
/** @typedef {{type: 'reconnect', after_ms: number, reason: 'shutdown' | 'rebalance' | 'max_age'}} Reconnect */
/** @typedef {{type: 'pong', t: number}} Pong */
/** @typedef {Accepted | Queued | Started | Delta | Snapshot | Paused | Done} StreamEvent what the reducer makes of a reply */
/** @typedef {Ready | StreamEvent | Result | WireError | ModelEvent | Changed | RoomEvent | Reconnect | Pong} ServerMessage */

/** @typedef {{text: string, match?: boolean}} SnippetPart */
/** @typedef {{conversation: {id: string, title: string, updated: number}, message?: string, role?: string, created?: number, snippet: SnippetPart[]}} Hit */
/** @typedef {{hits: Hit[], next?: string}} SearchPage */
/**
 * @typedef {{fits: boolean, content_tokens: number, context_length: number, prompt_tokens?: number, system_tokens?: number, max_tokens?: number, dropped?: string[],
 *   dropped_tokens?: number, costs?: {message: string, tokens: number}[], needed?: number, limit?: number}} Measure
 */

/**
 * One token of a reply as GET /api/v1/inspect/{message} tells it; candidates only when they are kept.
 * @typedef {object} TracedToken
 * @property {number} index
 * @property {number} id
 * @property {string} text
 * @property {string} [hex]
 * @property {number} bytes
 * @property {boolean} [special]
 * @property {number} lp
 * @property {number} rank
 * @property {number} u
 * @property {number} [entropy]
 * @property {number[]} [left]
 * @property {Candidate[]} [candidates]
 * @property {number} [num_candidates]
 * @property {(number | null)[] | null} [tail]
 */
/** @typedef {{id: number, text: string, hex?: string, bytes: number, special?: boolean, logit: number, score: number, p: number[]}} Candidate */
/** @typedef {{do_sample: boolean, temperature: number, top_k: number, top_p: number, min_p: number, repetition_penalty: number, presence_penalty: number, frequency_penalty: number}} TracedSampling */
/**
 * @typedef {object} TracePage
 * @property {string} message
 * @property {string} state
 * @property {number} to
 * @property {number} traced
 * @property {boolean} inspect
 * @property {number} [seed]
 * @property {number} prompt_tokens
 * @property {number} [cached_tokens]
 * @property {TracedSampling} sampling
 * @property {string[]} stages
 * @property {number[]} [tail_betas]
 * @property {{message: string, at: number}} [branch]
 * @property {number} from
 * @property {number} [next]
 * @property {TracedToken[]} tokens
 */
/** @typedef {{id: number, text: string, hex?: string, special?: boolean}} PromptToken */
/** @typedef {{message: string, source: 'kept' | 'rebuilt', prompt_tokens: number, cached_tokens?: number, dropped: string[], from: number, next?: number, text: string, tokens: PromptToken[]}} PromptPage */
/** @typedef {{name: string, parameters: number, kind?: string, detail?: string, dtype?: string, copies?: number, children?: ModelNode[]}} ModelNode */
/**
 * @typedef {{model: string, decoder: string, spec: Record<string, unknown> & {architecture?: string, vocab_size?: number}, parameters: number, weight_bytes: number,
 *   dtypes: Record<string, number>, kv_bytes_per_token: Record<string, number>, files?: string[], tree: ModelNode}} ModelSheet
 */
/** @typedef {{name: string, dtype: string, shape: number[], bytes: number}} TensorEntry */
/** @typedef {TensorEntry & {row: number, column: number, values: (number | null)[][], statistics: {min: number, max: number, mean: number, standard_deviation: number, num_not_finite: number}}} TensorWindow */

/** @typedef {{id: string, name: string, kind?: 'guest' | 'local'}} User */
/** @typedef {{conversations: WireConversation[], next?: string}} HistoryPage */
/** @typedef {{conversation: WireConversation & {system: string, params: Params}, messages: WireMessage[], next?: string}} ConversationPage */

/** @typedef {{user: User, durable: boolean, recovery: boolean, conversations: number, messages: number, bytes: number, quota_bytes: number}} Account of GET /api/v1/session */
/**
 * What became of one conversation of a file.
 * @typedef {{index: number, title?: string, status: 'imported' | 'extended' | 'known' | 'refused', conversation?: string, messages?: number, error?: ErrorBody,
 *   left_out?: Record<string, number>}} Imported
 */
/** @typedef {{format: string, imported: number, extended: number, known: number, refused: number, conversations: Imported[]}} ImportAnswer of POST /api/v1/import */

export const subprotocol = 'hearth.chat.v1';
