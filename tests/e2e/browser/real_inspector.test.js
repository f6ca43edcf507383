// The inspector and the conversation's tools on a real server with the demo model: what the fakes promise, the server keeps.
import assert from 'node:assert/strict';
import test from 'node:test';
import {startServer} from '../support/server.js';
import {lastReply, neverEnding, replies, send, useBrowser, visit} from './support/browser.js';

const browser = useBrowser();
const modelMs = 180_000;   // the real model on a machine many times slower
const finished = async (page, count = 1) => page.locator('.turn[data-from="model"] .tools .meta').nth(count - 1).waitFor({timeout: modelMs});

const asked = async (t, {args = [], hash = '#/inspect/tokens', question = 'What is a token?'} = {}) => {
  const {url} = await startServer(t, {args});
  const visitor = await visit(browser(), url, {hash});
  t.after(() => visitor.context.close());
  const {page} = visitor;
  await page.locator('.welcome').waitFor();
  await send(page, question);
  await finished(page);
  return visitor;
};

test('candidates of a real reply, stage by stage; another choice makes another version; a reload keeps both', async (t) => {
  const {page, assertClean} = await asked(t);
  await page.locator('.stages tbody tr').first().waitFor();
  const count = await page.locator('.tokens li').count();
  assert.equal(await page.locator('.inspector h2 small').textContent(), `${count} tokens, version 1`);
  const chances = await page.locator('.stages tbody td:last-child').allTextContents();
  const sum = chances.map(Number).filter(Number.isFinite).reduce((a, b) => a + b, 0);
  assert.ok(sum > 50 && sum < 100.5, `${chances}`);
  await page.locator('.tokens li').nth(2).click();
  await page.getByRole('button', {name: /^Branch here with/}).click();
  await page.locator('.branch data', {hasText: '2/2'}).first().waitFor({timeout: modelMs});
  await finished(page);
  const second = await lastReply(page);
  await page.reload();
  await finished(page);
  assert.equal(await lastReply(page), second);
  await page.locator('.embers').waitFor();
  assertClean();
});

test('the same settings never part, and temperature 0 is judged from what is stored', async (t) => {
  const {page} = await asked(t);
  const what = page.locator('.what-if .answer');
  await what.waitFor();
  await page.locator('.what-if').getByLabel('Temperature, exact').fill('0.71');
  await page.locator('.what-if').getByLabel('Temperature, exact').press('Tab');
  await page.locator('.what-if').getByLabel('Temperature, exact').fill('0');
  await page.locator('.what-if').getByLabel('Temperature, exact').press('Tab');
  await page.waitForFunction(() => /same text|Same text/.test(document.querySelector('.what-if .answer')?.textContent ?? ''));
});

test('the prompt, the model and a tensor are the real ones', async (t) => {
  const {page, assertClean} = await asked(t);
  await page.locator('.tabs').getByRole('link', {name: 'Prompt'}).click();
  await page.locator('.prompt', {hasText: 'What is a token?'}).waitFor();
  assert.ok(await page.locator('.prompt b').count() >= 3, 'special tokens are visible');
  await page.locator('.tabs').getByRole('link', {name: 'Model'}).click();
  await page.locator('.inspector small', {hasText: 'parameters'}).waitFor();
  await page.locator('.tree .leaf', {hasText: 'embed_tokens'}).first().click();
  await page.locator('.values rect').first().waitFor();
  await page.locator('.inspector', {hasText: 'deviation'}).waitFor();
  assertClean();
});

test('one token at a time on the real model', async (t) => {
  const {page} = await asked(t, {hash: '#/inspect/step'});
  await page.getByRole('button', {name: 'Write one token at a time'}).click();
  await page.locator('.live-line', {hasText: 'Waiting for the next step'}).waitFor();
  await page.getByRole('button', {name: 'Next token'}).click();
  await page.locator('.live-line', {hasText: '1 token'}).waitFor();
  await page.getByRole('button', {name: 'Next token'}).click();
  await page.locator('.live-line', {hasText: '2 tokens'}).waitFor();
  await page.getByRole('button', {name: 'Run', exact: true}).click();
  await finished(page);
});

test('meter, search, pin and continue on the real server', async (t) => {
  const {page} = await asked(t, {hash: ''});
  await page.locator('.meter data').waitFor();
  await page.locator('.search input').fill('token');
  await page.locator('.rail mark').first().waitFor();
  await page.getByRole('button', {name: 'End the search'}).click();
  await page.locator('.rail li:not([data-kind="result"])').hover(); // the list is back
  await page.getByRole('button', {name: /Rename, pin/}).click();
  await page.getByRole('button', {name: 'Pin', exact: true}).click();
  await page.getByRole('heading', {name: 'Pinned'}).waitFor();
  await neverEnding(page, 5);
  await page.reload();
  await finished(page);
  await send(page, 'Tell me a long story.');
  await finished(page, 2);
  const cut = await lastReply(page);
  await page.locator('.trouble').last().getByRole('button', {name: 'Continue'}).click();
  await page.waitForFunction((length) => ([...document.querySelectorAll('.turn[data-from="model"] > .prose')].at(-1)?.textContent?.length ?? 0) > length, cut?.length ?? 0);
  await finished(page, 2);
  assert.equal(await replies(page).count(), 2);
});
