// Every word the page says, in both languages: tables in words/, one for each part of the page.
// Short sentences; first what happened, then what is safe, then what to do. No exclamation marks, no blame.
import * as chat from './words/chat.js';
import * as data from './words/data.js';
import * as inspector from './words/inspector.js';
import * as notices from './words/notices.js';
import * as room from './words/room.js';
import * as settings from './words/settings.js';

/** @typedef {'en' | 'zh'} Language */
/** @typedef {typeof en} Words */

const en = { ...chat.en, ...data.en, ...inspector.en, ...notices.en, ...room.en, ...settings.en };
/** @type {Words} */
const zh = { ...chat.zh, ...data.zh, ...inspector.zh, ...notices.zh, ...room.zh, ...settings.zh };

/** @param {Language} language @returns {Words} */
export const wordsIn = (language) => (language === 'zh' ? zh : en);

/** The first of the browser's languages that the page speaks. @param {readonly string[]} preferred @returns {Language} */
export const languageOf = (preferred) => {
  const first = preferred.find((tag) => /^(zh|en)\b/i.test(tag));
  return first && /^zh/i.test(first) ? 'zh' : 'en';
};

// Mostly Han signs: mark it so that the browser does not draw them in their Japanese forms.
/** @param {string} text @returns {'zh-Hans' | undefined} */
export const langOf = (text) => ((text.match(/\p{Script=Han}/gu)?.length ?? 0) * 3 > text.length ? 'zh-Hans' : undefined);

/** A stable error code in words, or undefined when the server's own sentence must do. @param {Words} words @param {import('./words/figures.js').Figures & {code: string}} error */
export const errorInWords = (words, error) => /** @type {Record<string, (error: import('./words/figures.js').Figures) => string>} */ (words.errors)[error.code]?.(error);
