// Addresses within the page: #/c/<conversation>, #/ for a conversation without a message, and …/inspect/<tab>/<message> with the inspector open.
import { fresh, isProvisional } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').InspectorTab} InspectorTab */
/** @typedef {{conversation: string, tab: InspectorTab | undefined, message: string | null}} Route */

/** @param {string} hash @returns {Route} */
export function routeOf(hash) {
  const found = /^#\/(?:c\/([0-9a-f]{32}))?(?:\/?inspect\/(tokens|prompt|step|model)(?:\/([0-9a-f]{32}))?)?$/.exec(hash);
  return { conversation: found?.[1] ?? fresh, tab: /** @type {InspectorTab | undefined} */ (found?.[2]), message: found?.[3] ?? null };
}

/** @param {string} conversation */
export const hashOf = (conversation) => (isProvisional(conversation) ? '#/' : `#/c/${conversation}`);

/** @param {string} conversation @param {InspectorTab} tab @param {string | null} message */
export const inspectHash = (conversation, tab, message) => `${hashOf(conversation).replace(/\/$/, '')}/inspect/${tab}${message ? `/${message}` : ''}`;

/** @param {State} state */
export const hashFor = ({ current, inspector }) => (inspector.isOpen ? inspectHash(current, inspector.tab, inspector.message) : hashOf(current));
