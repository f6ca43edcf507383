// Work that nobody waits for comes when the page has nothing better to do, and soon at the latest.
const latestMs = 200;

/** @param {() => void} task */
export function whenIdle(task) {
  if ('requestIdleCallback' in globalThis) requestIdleCallback(task, { timeout: latestMs });
  else setTimeout(task, 20); // Safari has none
}
