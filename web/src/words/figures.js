// Numbers as people read them, in both languages.

/** @typedef {{needed?: number, limit?: number}} Figures */

/** @param {number} n */
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ','); // whole numbers; Intl's formatter takes longer to make than a page to draw

/** @param {number} ms */
export const seconds = (ms) => Math.max(1, Math.round(ms / 1000));

/** @param {number} ms */
export const spanEn = (ms) => (ms < 90_000 ? `${seconds(ms)} s` : `${Math.round(ms / 60_000)} min`);
/** @param {number} ms */
export const spanZh = (ms) => (ms < 90_000 ? `${seconds(ms)} 秒` : `${Math.round(ms / 60_000)} 分钟`);

/** @param {number} n */
export const ordinal = (n) => {
  const tail = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${tail}`;
};

/** Tokens a second; no more digits than anybody reads. @param {number} n */
export const rateText = (n) => (n < 100 ? n.toFixed(1) : grouped(Math.round(n)));

/** Small numbers in words. @param {number} n */
export const inWords = (n) => ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'][n] ?? grouped(n);

/** @param {number} ms */
export const short = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
/** @param {number} ms */
export const shortZh = (ms) => (ms < 1000 ? `${Math.round(ms)} 毫秒` : `${(ms / 1000).toFixed(1)} 秒`);

/** @param {number} p from 0 to 1 */
export const percent = (p) => `${(p * 100).toFixed(p > 0.9995 || p === 0 ? 0 : p < 0.0005 ? 2 : 1)}%`;

/** So much of the whole, in the whole's unit, which only the whole names. @param {number} some @param {number} all @returns {[string, string]} */
export const bytesOf = (some, all) => {
  const [unit, name] = all < 1e10 ? [1e6, 'MB'] : [1e9, 'GB'];
  const digits = all / unit < 100 ? 1 : 0;
  const text = (/** @type {number} */ n) => (digits ? (n / unit).toFixed(1) : grouped(Math.round(n / unit)));
  return [text(some), `${text(all)} ${name}`];
};

/** @param {number} n */
export const bytes = (n) => (n < 1_000_000 ? `${Math.ceil(n / 1000)} KB` : `${(n / 1_000_000).toFixed(n < 10_000_000 ? 1 : 0)} MB`);
