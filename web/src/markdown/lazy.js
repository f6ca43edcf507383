// Parts that most visits do not need come when they are first needed: the highlighter and KaTeX with its style sheet.

import { whenIdle } from '../base/idle.js';

/** @template T @param {() => Promise<T>} load @returns {{now: () => T | undefined, then: (use: (part: T) => void) => void}} */
function lazily(load) {
  /** @type {Promise<T> | undefined} */
  let coming;
  /** @type {T | undefined} */
  let part;
  return {
    now: () => part,
    // A part that does not come (the server was updated meanwhile) leaves plain text, and is asked for again with the next use.
    then: (use) => {
      if (part) return use(part);
      coming ??= load();
      coming.then((loaded) => use((part = loaded)), () => (coming = undefined));
      return undefined;
    },
  };
}

/** Colours may come a moment after the words. */
export const highlighter = lazily(() => new Promise((resolve) => whenIdle(() => resolve(undefined))).then(() => import('./highlighter.js')));
/** With its style sheet: a formula without it is another one. */
export const math = lazily(async () => {
  const part = await import('./math.js');
  await part.styled;
  return part;
});
