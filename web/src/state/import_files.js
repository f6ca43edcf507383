// Files of conversations, cut into parcels that the server takes. Pure.

const parcelMax = 16 * 1024 * 1024;
const conversationsMax = 1000;
const spare = 4096; // what stands around the conversations

/** @typedef {{parcels: readonly string[], problem: undefined | 'unread' | 'tooLarge' | 'nothing'}} Parcels */

/** The list of conversations in a parsed file, and how such a file is put together again. @param {any} whole @returns {{list: unknown[], wrap: (list: unknown[]) => unknown} | undefined} */
function listIn(whole) {
  if (Array.isArray(whole)) return { list: whole, wrap: (list) => list };
  if (Array.isArray(whole?.conversations)) return { list: whole.conversations, wrap: (list) => ({ ...whole, conversations: list }) };
  return undefined;
}

/** @param {string} text of one file @param {{bytes?: number, conversations?: number}} [limits] @returns {Parcels} */
export function parcelsOf(text, { bytes = parcelMax, conversations = conversationsMax } = {}) {
  /** @type {unknown} */
  let whole;
  try {
    whole = JSON.parse(text);
  } catch {
    return { parcels: [], problem: 'unread' };
  }
  if (whole === null || typeof whole !== 'object') return { parcels: [], problem: 'unread' };
  const found = listIn(whole);
  const encoder = new TextEncoder();
  const size = (/** @type {string} */ json) => encoder.encode(json).length;
  if (!found) return size(text) <= bytes ? { parcels: [text], problem: undefined } : { parcels: [], problem: 'tooLarge' };
  if (found.list.length === 0) return { parcels: [], problem: 'nothing' };
  if (found.list.length <= conversations && size(text) <= bytes) return { parcels: [text], problem: undefined };
  /** @type {string[]} */
  const parcels = [];
  /** @type {unknown[]} */
  let batch = [];
  let batchSize = spare;
  let isTooLarge = false;
  const close = () => batch.length > 0 && parcels.push(JSON.stringify(found.wrap(batch)));
  for (const one of found.list) {
    const oneSize = size(JSON.stringify(one)) + 1;
    if (oneSize + spare > bytes) {
      isTooLarge = true;
      continue;
    }
    if (batch.length === conversations || batchSize + oneSize > bytes) {
      close();
      batch = [];
      batchSize = spare;
    }
    batch.push(one);
    batchSize += oneSize;
  }
  close();
  return { parcels, problem: isTooLarge ? 'tooLarge' : undefined };
}
