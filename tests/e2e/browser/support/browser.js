// Debian's chromium, headless, and what the tests ask of a page.
import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import {after, before} from 'node:test';
import {chromium} from 'playwright-core';

const executablePath = process.env.HEARTH_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

/** The longest single wait: for a machine many times slower. A test that passes waits only as long as it must. */
export const waitMs = 60_000;

// A slow machine on any machine: HEARTH_SLOW_FRAMES=250 lets every frame of the page come that many ms late. Whoever reads a state
// without having waited for it then fails always, not once in fifty runs. (HEARTH_SLOW_ANSWERS, in fake_hearth.js, delays the server.)
const slowFramesMs = Number(process.env.HEARTH_SLOW_FRAMES ?? 0);
const delayFrames = (/** @type {number} */ ms) => {
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => frame(() => setTimeout(() => frame(draw), ms));
};

// What goes by itself goes when the test says so: how long a word stands there must not depend on the machine. The page names these timers.
const holdNotices = () => {
  const [start, stop] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
  /** @type {Map<number, [string, () => void]>} */
  const held = new Map();
  let next = -1;
  window.setTimeout = (act, ms, ...rest) => {
    if (typeof rest[0] !== 'string') return start(act, ms, ...rest);
    held.set(next, [rest[0], act]);
    return next--;
  };
  window.clearTimeout = (id) => void (held.delete(id) || stop(id));
  window['pass'] = (/** @type {string} */ notice) => {
    const due = [...held].filter(([, [name]]) => name === notice);
    for (const [id, [, act]] of due) if (held.delete(id)) act();
    return due.length > 0;
  };
};

/** Lets the time of such a notice pass, as soon as the page waits for it. @param {import('playwright-core').Page} page @param {'chip' | 'banner' | 'back' | 'toast'} notice */
export const pass = (page, notice) => page.waitForFunction((name) => window['pass'](name), notice);

/** One browser for all tests of a file. @param {string[]} [flags] @returns {() => import('playwright-core').Browser} */
export const useBrowser = (flags = []) => {
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    browser = await chromium.launch({executablePath, timeout: 3 * waitMs, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', ...flags]});
  });
  after(() => browser.close());
  return () => browser;
};

/**
 * A person with a browser profile of their own. Fails the test when the page throws, breaks the policy, or asks any other machine for anything.
 * @param {import('playwright-core').Browser} browser @param {string} url @param {import('playwright-core').BrowserContextOptions & {hash?: string}} [options]
 */
export const visit = async (browser, url, {hash = '', ...options} = {}) => {
  const context = await browser.newContext({locale: 'en-US', viewport: {width: 1440, height: 900}, ...options});
  if (slowFramesMs) await context.addInitScript(delayFrames, slowFramesMs);
  await context.addInitScript(holdNotices);
  context.setDefaultTimeout(waitMs);
  const page = await context.newPage();
  const faults = [];
  const {host} = new URL(url);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => { if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text()); });
  page.on('request', (request) => { if (!request.url().startsWith('data:') && new URL(request.url()).host !== host) faults.push(`asked ${request.url()}`); });
  page.on('dialog', (dialog) => { faults.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  await page.goto(`${url}/${hash}`);
  return {context, page, faults, assertClean: () => assert.deepEqual(faults, [])};
};

export const phone = {viewport: {width: 390, height: 844}, hasTouch: true, isMobile: true};

/** Types a message and sends it with Enter. @param {import('playwright-core').Page} page @param {string} text */
export const send = async (page, text) => {
  await page.locator('#message').fill(text);
  await page.locator('#message').press('Enter');
};

/**
 * From the next load on, replies run to their limit: what was written is made likelier, so the end never is.
 * @param {import('playwright-core').Page} page @param {number} [limit] tokens
 */
export const neverEnding = (page, limit = 2000) => page.addInitScript((most) => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function(data) {
    const message = JSON.parse(String(data));
    const isWriting = message.type === 'chat.create' || message.type === 'chat.continue';
    if (isWriting) message.params = {...message.params, temperature: 0, frequency_penalty: -2, presence_penalty: -2, max_tokens: most};
    send.call(this, JSON.stringify(message));
  };
}, limit);

/** @param {import('playwright-core').Page} page */
export const replies = (page) => page.locator('.turn[data-from="model"]');

/** The text of the last reply without cursor and buttons. @param {import('playwright-core').Page} page @returns {Promise<string>} */
export const lastReply = (page) => replies(page).last().locator('.prose').last().evaluate((prose) => {
  const copy = prose.cloneNode(true);
  for (const part of copy.querySelectorAll('.cursor, button')) part.remove();
  return copy.textContent;
});

/** Waits until a condition about the page's server holds. @param {() => boolean} holds */
export const until = async (holds) => {
  const deadline = Date.now() + waitMs;
  while (!holds()) {
    assert.ok(Date.now() < deadline, `still not: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
