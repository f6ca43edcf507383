// Full jitter: each delay is drawn between 0 and a bound that doubles from 250 ms to 30 s, so a room does not come back as one herd.
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

export const firstDelayMs = 250;
export const longestDelayMs = 30_000;
export const healthyAfterMs = 60_000;

/** @param {number} attempt 0 for the first retry @param {() => number} random in [0, 1) @returns {number} */
export const backoffMs = (attempt, random = Math.random) => Math.round(random() * Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 30)));
