// What this browser remembers: settings and drafts for good, unsent messages for the life of the tab. Storage may be full or forbidden; then nothing is remembered.
import { chatFromWire } from '../state/chat.js';
import { languageOf } from '../words.js';

/** @typedef {import('../base/store.js').Store} Store */
/** @typedef {import('../state/state.js').Settings} Settings */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Waiting} Waiting */

const settingsKey = 'hearth.settings';
const outboxKey = 'hearth.outbox';
const wordKey = 'hearth.word';
const draftPrefix = 'hearth.draft.';

/** @param {Storage} storage @param {string} key @returns {any} */
function readJson(storage, key) {
  try {
    return JSON.parse(storage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

/** @param {Storage} storage @param {string} key @param {string} value empty: forgotten */
function write(storage, key, value) {
  try {
    if (value) storage.setItem(key, value);
    else storage.removeItem(key);
  } catch {
    // Full or forbidden: the page works on without memory.
  }
}

/** @template {string} T @param {unknown} value @param {readonly T[]} known @param {T} otherwise @returns {T} */
const oneOf = (value, known, otherwise) => known.find((name) => name === value) ?? otherwise;

/** @returns {Settings} */
export function rememberedSettings() {
  const kept = readJson(localStorage, settingsKey) ?? {};
  return {
    theme: oneOf(kept.theme, ['auto', 'day', 'night'], 'auto'),
    language: oneOf(kept.language, ['en', 'zh'], languageOf(navigator.languages)),
    size: oneOf(kept.size, ['normal', 'large'], 'normal'),
    hasEmbers: kept.hasEmbers !== false,
    hasLetterKeys: kept.hasLetterKeys !== false,
    isReadAloud: kept.isReadAloud === true,
    keepsCandidates: kept.keepsCandidates === true,
    chat: chatFromWire(typeof kept.chat?.system === 'string' ? kept.chat.system : '', { ...kept.chat?.sampling, stop: kept.chat?.stop, seed: kept.chat?.seed, thinking_budget: kept.chat?.thinking }),
  };
}

/** @returns {Pick<State, 'outbox' | 'drafts'>} */
export function rememberedWriting() {
  /** @type {Waiting[]} */
  const outbox = readJson(sessionStorage, outboxKey) ?? [];
  /** @type {Record<string, string>} */
  const drafts = {};
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(draftPrefix)) drafts[key.slice(draftPrefix.length)] = localStorage.getItem(key) ?? '';
  }
  return { outbox: outbox.map((item) => (item.phase === 'sent' ? { ...item, phase: 'waiting' } : item)), drafts };
}

/** Whatever this page kept here, also the instructions in its settings; of the settings only how it looks stays. */
export function forgetEverything() {
  for (const storage of [localStorage, sessionStorage]) {
    for (const key of Object.keys(storage)) if (key.startsWith('hearth.') && key !== settingsKey) write(storage, key, '');
  }
  const { theme, language, size } = readJson(localStorage, settingsKey) ?? {};
  write(localStorage, settingsKey, JSON.stringify({ theme, language, size }));
}

/** A word for the page that comes after this one. @param {'erased' | 'forgotten'} word */
export const leaveWord = (word) => write(sessionStorage, wordKey, JSON.stringify(word));

/** @returns {'erased' | 'forgotten' | undefined} */
export function takeWord() {
  const word = readJson(sessionStorage, wordKey);
  write(sessionStorage, wordKey, '');
  return word === 'erased' || word === 'forgotten' ? word : undefined;
}

/** @param {Store} store */
export function keepRemembering(store) {
  store.addEffect((_action, after, before) => {
    if (after.settings !== before.settings) write(localStorage, settingsKey, JSON.stringify(after.settings));
    if (after.outbox !== before.outbox) write(sessionStorage, outboxKey, after.outbox.length ? JSON.stringify(after.outbox) : '');
    if (after.drafts !== before.drafts) {
      for (const id of new Set([...Object.keys(before.drafts), ...Object.keys(after.drafts)])) {
        if (after.drafts[id] !== before.drafts[id]) write(localStorage, draftPrefix + id, after.drafts[id] ?? '');
      }
    }
  });
}
