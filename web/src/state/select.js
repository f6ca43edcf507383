// What views and effects read out of the state: derived, never stored.

import { paramsFromChat } from './chat.js';
import { isLive } from './reply.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Message} Message */
/** @typedef {import('./state.js').Tree} Tree */
/** @typedef {import('./state.js').Waiting} Waiting */
/** @typedef {import('./state.js').Sampling} Sampling */

/** @type {Sampling} */
const fallbackSampling = { temperature: 1, top_p: 1, top_k: 50, min_p: 0, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0, max_tokens: 1024 };

/** The room's settings. @param {State} state @returns {Sampling} */
export function defaultsOf({ server }) {
  const { temperature, top_p, top_k, min_p, repetition_penalty } = { ...fallbackSampling, ...server.model?.defaults };
  const max_tokens = server.model?.max_tokens ?? Math.min(fallbackSampling.max_tokens, server.limits.max_tokens);
  return { ...fallbackSampling, temperature, top_p, top_k, min_p, repetition_penalty, max_tokens };
}

/** Instructions and changed settings of what is shown. @param {State} state @returns {import('./state.js').Chat} */
export const chatOf = (state) => currentTree(state)?.chat ?? state.settings.chat;

/** What the next message will use. @param {State} state @returns {Sampling} */
export const samplingOf = (state) => ({ ...defaultsOf(state), ...chatOf(state).sampling });

/** What goes with the next message: only what differs, so that the room's defaults stay the room's. @param {State} state @returns {import('../wire.js').Params} */
export const paramsOf = (state) => paramsFromChat(chatOf(state), state.server.limits.max_tokens);

/** What this server serves; a part of the page that needs the rest is not shown. @param {State} state @param {string} feature a message or a route */
export const offers = (state, feature) => !state.missing.includes(feature);

/** @type {WeakMap<Tree, Message[]>} trees never change, so neither do their paths */
const paths = new WeakMap();

/** The messages from the first to the shown leaf. @param {Tree | undefined} tree @returns {Message[]} */
export function pathOf(tree) {
  if (!tree) return [];
  const known = paths.get(tree);
  if (known) return known;
  /** @type {Message[]} */
  const path = [];
  const seen = new Set();
  for (let id = tree.head; id !== null && !seen.has(id); ) {
    const message = tree.messages[id];
    if (!message) break;
    seen.add(id);
    path.push(message);
    id = message.parent;
  }
  paths.set(tree, path.reverse());
  return path;
}

/** @typedef {ReadonlyMap<string, readonly string[]>} Versions ids with the same parent, oldest first, by each of their ids */

/** One pass for the whole tree: messages are many, and few have versions. @param {Tree} tree @returns {Versions} */
export function versionsIn(tree) {
  /** @type {Map<string, Message[]>} */
  const groups = new Map();
  for (const message of Object.values(tree.messages)) {
    const key = `${message.role} ${message.parent}`;
    const group = groups.get(key);
    if (group) group.push(message);
    else groups.set(key, [message]);
  }
  /** @type {Map<string, readonly string[]>} */
  const versions = new Map();
  for (const group of groups.values()) {
    const ids = group.sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
    for (const id of ids) versions.set(id, ids);
  }
  return versions;
}

/** The newest leaf below a message. @param {Tree} tree @param {string} id @returns {string} */
export function leafBelow(tree, id) {
  for (;;) {
    const children = Object.values(tree.messages).filter((message) => message.parent === id);
    if (children.length === 0) return id;
    id = children.reduce((a, b) => (b.created > a.created || (b.created === a.created && b.id > a.id) ? b : a)).id;
  }
}

/** @param {State} state @returns {Tree | undefined} */
export const currentTree = (state) => state.trees[state.current];

/** Sent by the person and not taken by the server yet. @param {State} state @returns {Waiting[]} */
export const waitingHere = (state) => state.outbox.filter((item) => item.conversation === state.current);

/** The reply on the shown path that is being written or waits, if any. @param {State} state @returns {Message | undefined} */
export const liveHere = (state) => pathOf(currentTree(state)).findLast((message) => isLive(message.reply));

/** @param {State} state */
export const isModelReady = (state) => state.server.loading === undefined || state.server.loading.state === 'ready';

/** Bytes of the message in UTF-8, which is what the server counts. @param {string} text */
export const bytesOf = (text) => new TextEncoder().encode(text).length;

/** @param {import('../wire.js').ModelInfo | undefined} model */
export const nameOf = (model) => model?.name || model?.id || '';

/** The messages that the newest shown reply was written without. @param {Message[]} path @returns {ReadonlySet<string>} */
export const forgottenOn = (path) => new Set(path.findLast((message) => message.reply)?.reply?.dropped);

/** The reply that the inspector looks at: the chosen one, else the newest on the shown path. @param {State} state @returns {Message | undefined} */
export function inspectedIn(state) {
  const path = pathOf(currentTree(state));
  return path.find(({ id, reply }) => reply && id === state.inspector.message) ?? path.findLast(({ reply }) => reply);
}

/** The messages that the next reply would not see, as counted by the server for the present draft. @param {State} state @returns {readonly string[]} */
export const toBeForgotten = (state) => (state.measured?.conversation === state.current ? (state.measured.measure.dropped ?? []) : []);
