// How sure the model was: −log₂ p of each token in the model's own distribution, in six steps (design: one colour each).

const bitsPerNat = 1 / Math.LN2;
const steps = [1, 2, 3, 5, 8];

/** Steps of surprise from 0 (sure) to 5. @typedef {0 | 1 | 2 | 3 | 4 | 5} Heat */

/** @param {number} lp natural logarithm of a probability @returns {number} */
export const bitsOf = (lp) => Math.max(0, -lp * bitsPerNat);

/** @param {number} bits @returns {Heat} */
export const heatOf = (bits) => {
  const step = steps.findIndex((least) => bits < least);
  return /** @type {Heat} */ (step === -1 ? steps.length : step);
};

/** From one bit on a token is called uncertain. @param {readonly number[]} lps */
export const uncertainIn = (lps) => lps.filter((lp) => bitsOf(lp) >= steps[0]).length;

const leastHeight = 1.5;
const heightPerBit = 1.75;

/**
 * One bar for each token, or the tallest of n neighbours where there are more than `barsMax`: a path for each heat.
 * @param {readonly number[]} lps @param {{height: number, barsMax: number}} size
 * @returns {{bars: number, perBar: number, paths: string[]}}
 */
export function barsOf(lps, { height, barsMax }) {
  const perBar = Math.max(1, Math.ceil(lps.length / barsMax));
  const bars = Math.ceil(lps.length / perBar);
  const paths = Array(steps.length + 1).fill('');
  const scale = height / 16;
  for (let bar = 0; bar < bars; bar++) {
    const bits = bitsOf(Math.min(...lps.slice(bar * perBar, (bar + 1) * perBar)));
    const tall = Math.min(height, Math.max(leastHeight * Math.min(1, scale), heightPerBit * bits * scale)).toFixed(1);
    paths[heatOf(bits)] += `M${bar} ${height}v-${tall}h.7v${tall}z`;
  }
  return { bars, perBar, paths };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The text that each token completed, from its bytes. A token that is only a part of a character has none.
 * @param {string} text @param {readonly number[]} bytes @returns {string[]}
 */
export function textsOf(text, bytes) {
  const whole = encoder.encode(text);
  let at = 0;
  return bytes.map((length) => decoder.decode(whole.subarray(at, (at += length))));
}

/** A space alone and a line break are made visible. @param {string} text @returns {string} */
export const visible = (text) => text.replace(/^ +| +$/g, (blanks) => '␣'.repeat(blanks.length)).replaceAll('\n', '⏎').replaceAll('\t', '⇥');
