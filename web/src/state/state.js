// What the page knows. One frozen object; only the reducer makes the next one.

import { noData } from './on_data.js';

/** @typedef {import('../wire.js').Channel} Channel */
/** @typedef {import('../wire.js').ErrorBody} ErrorBody */
/** @typedef {import('../wire.js').FinishReason} FinishReason */
/** @typedef {import('../wire.js').ModelInfo} ModelInfo */
/** @typedef {import('../wire.js').Limits} Limits */
/** @typedef {import('../wire.js').ClientMessage} ClientMessage */
/** @typedef {import('../words.js').Language} Language */

/** @typedef {{readonly channel: Channel, readonly text: string}} Part */

/**
 * One answer, written or being written. `have` counts tokens; text arrives as contiguous ranges [from, to).
 * @typedef {object} Reply
 * @property {'queued' | 'reading' | 'running' | 'paused' | 'done'} phase
 * @property {number} have tokens received: the position to go on from
 * @property {readonly Part[]} parts
 * @property {number} promptTokens what the model reads before it writes; 0 while unknown
 * @property {number} rewrites how often the text was replaced instead of grown
 * @property {boolean} isGap a range is missing; attaching again brings it
 * @property {readonly number[]} lp log-probability of each token from 0 on, empty when unknown; the inspector reads it
 * @property {readonly number[]} bytes UTF-8 bytes that each token completed, as lp
 * @property {{position: number, of?: number, etaMs?: number, aheadTokens?: number} | undefined} queue
 * @property {number} firstAt when the first token came, by this browser's clock; 0 before, and when it was not seen
 * @property {number} firstHave tokens at firstAt, so that the rate counts only what was seen
 * @property {number} lastAt
 * @property {FinishReason | undefined} finish
 * @property {ErrorBody | undefined} error
 * @property {boolean} isStored
 * @property {number} thoughts tokens that came as reasoning
 * @property {number} thoughtMs how long it thought, by this browser's clock; 0 when that was not seen
 * @property {number} rate tokens a second by the server's clock, 0 until it ended
 * @property {import('../wire.js').Usage | undefined} usage
 * @property {import('../wire.js').Timings | undefined} timings
 * @property {Written} written
 * @property {boolean} isEdited
 * @property {readonly string[]} dropped messages the model could not see
 */

/** @typedef {{readonly model?: string, readonly seed?: number, readonly params?: import('../wire.js').Params}} Written with what a reply was made */

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string | null} parent
 * @property {'system' | 'user' | 'assistant'} role
 * @property {string} content of a person's message
 * @property {number} created ms
 * @property {Reply | undefined} reply of an assistant message
 */

/**
 * @typedef {object} Tree the messages of one conversation, linked by parent
 * @property {'loading' | 'yes' | 'failed' | 'gone'} loaded
 * @property {Readonly<Record<string, Message>>} messages
 * @property {string | null} head the leaf that is shown
 * @property {Chat} chat
 */

/**
 * @typedef {{temperature: number, top_p: number, top_k: number, min_p: number, repetition_penalty: number, presence_penalty: number,
 *   frequency_penalty: number, max_tokens: number}} Sampling
 */
/**
 * Instructions, and only what differs from the room's defaults; `thinking`: tokens of thought at most.
 * @typedef {{readonly system: string, readonly sampling: Readonly<Partial<Sampling>>, readonly stop: readonly string[], readonly seed: number | undefined,
 *   readonly thinking: number | undefined}} Chat
 */

/** @typedef {{readonly id: string, readonly title: string, readonly updated: number, readonly head: string | null, readonly pinned: boolean}} Conversation */

/**
 * A message the person sent that the server has not accepted yet. Its id and its unchanged body make sending it again harmless.
 * @typedef {object} Waiting
 * @property {string} id
 * @property {string} conversation
 * @property {import('../wire.js').ChatCreate | import('../wire.js').ChatContinue} body
 * @property {'waiting' | 'sent' | 'refused'} phase
 * @property {ErrorBody | undefined} error
 */

/**
 * @typedef {object} Settings kept in this browser
 * @property {'auto' | 'day' | 'night'} theme
 * @property {Language} language
 * @property {'normal' | 'large'} size
 * @property {boolean} hasEmbers the line under each reply
 * @property {boolean} hasLetterKeys shortcuts of one letter
 * @property {boolean} isReadAloud whole sentences for screen readers as they come
 * @property {boolean} keepsCandidates ask for them with every message
 * @property {Chat} chat for new conversations
 */

/** @typedef {{kind: 'deleted' | 'all_deleted' | 'copied' | 'copy_failed' | 'rename_failed' | 'rewrite_failed' | 'export_failed' | 'file_refused' | 'erased' | 'forgotten'}} Toast */

/**
 * @typedef {object} Connection
 * @property {'connecting' | 'ready' | 'lost' | 'ended'} phase
 * @property {boolean} wasReady
 * @property {number} lostAt
 * @property {number} retryAt
 * @property {boolean} isRestart the server said that it goes and comes back
 * @property {'none' | 'chip' | 'banner' | 'back'} notice a blink in the Wi-Fi is not news
 * @property {number} code why it ended
 */

/** @typedef {{state: 'loading' | 'ready' | 'failed', stage: string, percent: number, etaMs: number | undefined, stages: readonly import('../wire.js').LoadStage[]}} Loading */

/**
 * @typedef {object} Deletion taken out of the list at once, told to the server when Undo is over
 * @property {readonly Conversation[]} conversations
 * @property {boolean} isAll everything the person has, listed or not
 */

/** @typedef {import('../wire.js').Hit} Hit */
/** @typedef {{readonly query: string, readonly phase: 'none' | 'asking' | 'done' | 'failed', readonly hits: readonly Hit[], readonly found: string}} Search `found`: the query that the hits are for */

/**
 * What became of the files that were imported.
 * @typedef {{readonly imported: number, readonly extended: number, readonly known: number, readonly leftOut: number, readonly refused: readonly {title: string, error: ErrorBody}[],
 *   readonly problem: undefined | 'unread' | 'tooLarge' | 'nothing' | 'busy' | 'lost'}} ImportReport
 */
/**
 * What the settings show of the person's data.
 * @typedef {object} Data
 * @property {import('../wire.js').Account | undefined} account
 * @property {{readonly phase: 'none' | 'asking' | 'shown' | 'failed', readonly words: string}} phrase one that was just made
 * @property {{readonly isOpen: boolean, readonly phase: 'none' | 'asking' | 'wrong' | 'often' | 'lost'}} entry of a phrase that the person has
 * @property {{readonly kind: 'none' | 'leave' | 'erase', readonly phase: 'asked' | 'sending' | 'failed'}} end
 * @property {{readonly phase: 'none' | 'sending' | 'done', readonly at: number, readonly of: number, readonly report: ImportReport}} import
 */

/** @typedef {'tokens' | 'prompt' | 'step' | 'model'} InspectorTab */
/** @typedef {{readonly temperature?: number, readonly top_p?: number, readonly top_k?: number, readonly min_p?: number}} WhatIf */
/**
 * @typedef {object} Inspector
 * @property {boolean} isOpen
 * @property {InspectorTab} tab
 * @property {string | null} message the reply that is looked at; null: the newest one
 * @property {number} token
 * @property {number} candidate which row is chosen, -1: none
 * @property {WhatIf} whatIf only what was moved
 * @property {string | null} tensor
 */
/** @typedef {{readonly phase: 'asking' | 'there' | 'failed', readonly sheet?: import('../wire.js').TracePage, readonly tokens: readonly import('../wire.js').TracedToken[]}} Trace */
/** @typedef {{readonly phase: 'asking' | 'there' | 'failed', readonly page?: import('../wire.js').PromptPage}} PromptSeen */
/** @typedef {{readonly phase: 'none' | 'asking' | 'there' | 'failed', readonly sheet?: import('../wire.js').ModelSheet}} ModelSeen */
/** @typedef {{readonly phase: 'asking' | 'there' | 'failed', readonly name: string, readonly window?: import('../wire.js').TensorWindow}} TensorSeen */

/**
 * @typedef {object} State
 * @property {Settings} settings
 * @property {{phase: 'starting' | 'code' | 'joining' | 'open', user: {id: string, name: string}, problem: ErrorBody | undefined, isUnreachable: boolean}} session
 * @property {Connection} connection
 * @property {{model: ModelInfo | undefined, loading: Loading | undefined, limits: Limits, isDurable: boolean, epoch: string}} server
 * @property {{readonly people: number, readonly running: number, readonly queued: number} | undefined} room how full it is, once there is a second person
 * @property {{list: readonly Conversation[], next: string | undefined, isLoaded: boolean}} conversations
 * @property {string} current the conversation that is shown; `fresh` is one without a message
 * @property {Readonly<Record<string, Tree>>} trees
 * @property {Readonly<Record<string, string>>} streams conversation of each reply that is being written
 * @property {readonly Waiting[]} outbox at most one for each conversation
 * @property {Readonly<Record<string, string>>} drafts text in the composer, for each conversation
 * @property {string | undefined} editing the message whose new version is being written
 * @property {Readonly<Record<string, true>>} unread conversations with a reply that ended while another one was shown
 * @property {{readonly conversation: string, readonly draft: string, readonly measure: import('../wire.js').Measure} | undefined} measured what the next message would cost
 * @property {Search} search
 * @property {Inspector} inspector
 * @property {Readonly<Record<string, Trace>>} traces by reply
 * @property {Readonly<Record<string, PromptSeen>>} prompts by reply
 * @property {ModelSeen} modelSeen
 * @property {TensorSeen | undefined} tensorSeen
 * @property {Data} data
 * @property {readonly string[]} missing messages and routes that this server does not serve: what needs them is not offered
 * @property {{readonly isSeen: boolean, readonly news: 'none' | 'done'}} page
 * @property {Deletion | undefined} deletion can be undone
 * @property {readonly Deletion[]} leaving cannot be undone any more, and the server has not said that they are gone
 * @property {{isRailOpen: boolean, isSettingsOpen: boolean, isHelpOpen: boolean, isContextOpen: boolean, menu: string | null, renaming: string | null, rewriting: string | null, found: string | null, toast: Toast | undefined}} view
 * @property {number} now ms; moves while a countdown is shown
 */

export const fresh = 'new';

/** A conversation that the server has not named yet. @param {string} id of its first message */
export const provisional = (id) => `${fresh}:${id}`;
/** @param {string} conversation */
export const isProvisional = (conversation) => conversation === fresh || conversation.startsWith(`${fresh}:`);

/** @param {Settings} settings @param {boolean} isWide whether the rail stands beside the chat @returns {State} */
export const initialState = (settings, isWide) => ({
  settings,
  session: { phase: 'starting', user: { id: '', name: '' }, problem: undefined, isUnreachable: false },
  connection: { phase: 'connecting', wasReady: false, lostAt: 0, retryAt: 0, isRestart: false, notice: 'none', code: 0 },
  server: {
    model: undefined,
    loading: undefined,
    limits: { frame_bytes: 65_536, content_bytes: 524_288, system_bytes: 16_384, title_chars: 200, max_tokens: 4096 },
    isDurable: true,
    epoch: '',
  },
  room: undefined,
  conversations: { list: [], next: undefined, isLoaded: false },
  current: fresh,
  trees: {},
  streams: {},
  outbox: [],
  drafts: {},
  editing: undefined,
  unread: {},
  measured: undefined,
  search: { query: '', phase: 'none', hits: [], found: '' },
  inspector: { isOpen: false, tab: 'tokens', message: null, token: 0, candidate: -1, whatIf: {}, tensor: null },
  traces: {},
  prompts: {},
  modelSeen: { phase: 'none' },
  tensorSeen: undefined,
  data: noData,
  missing: [],
  page: { isSeen: true, news: 'none' },
  deletion: undefined,
  leaving: [],
  view: { isRailOpen: isWide, isSettingsOpen: false, isHelpOpen: false, isContextOpen: false, menu: null, renaming: null, rewriting: null, found: null, toast: undefined },
  now: 0,
});
