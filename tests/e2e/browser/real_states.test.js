// What the page shows only while a server does something, on a real one: thoughts and their end, a dot for what ended elsewhere, a model that cannot be loaded.
import assert from 'node:assert/strict';
import test from 'node:test';
import {ChatClient} from '../support/chat_client.js';
import {holdLoading, startServer, temporaryFolder} from '../support/server.js';
import {thinker} from '../support/thinker.js';
import {lastReply, neverEnding, send, useBrowser, visit} from './support/browser.js';

const browser = useBrowser();
const modelMs = 180_000;

const start = async (t, args) => {
  const server = await startServer(t, {args});
  const visitor = await visit(browser(), server.url);
  t.after(() => visitor.context.close());
  return {server, ...visitor};
};
const finished = (page) => page.locator('.turn[data-from="model"] .tools .meta').last().waitFor({timeout: modelMs});
const thoughts = (page) => page.locator('details.reasoning > .prose').evaluate((prose) => prose.textContent);

// It would think for tens of thousands of tokens; the button stands there as long.
test('who does not want to wait has the answer now, and both parts are there after a reload', async (t) => {
  const {page, assertClean} = await start(t, ['--model', thinker(t, {context: 40_000}), '--threads', '1', '--limits-max-tokens', '30000', '--kv-memory', '256M']);
  await neverEnding(page, 30_000);
  await page.reload();
  await page.locator('.chip[data-kind="model"]').waitFor();
  await send(page, 'Why?');
  await page.locator('.live-line strong', {hasText: 'Thinking'}).waitFor({timeout: modelMs});
  await page.locator('details.reasoning[open]').waitFor();
  await page.getByRole('button', {name: 'Answer now'}).click();
  await page.locator('.live-line strong', {hasText: 'Writing'}).waitFor({timeout: modelMs});
  await page.locator('details.reasoning:not([open])').waitFor();
  await page.locator('.send[data-kind="stop"]').click();
  await finished(page);
  const [thought, answer] = [await thoughts(page), await lastReply(page)];
  assert.ok(thought && answer, 'both were written');
  assert.ok(!`${thought}${answer}`.includes('think>'), 'the marks are no text');
  await page.reload();
  await finished(page);
  assert.deepEqual([await thoughts(page), await lastReply(page)], [thought, answer]);
  assertClean();
});

test('a budget of the settings ends the thoughts', async (t) => {
  const {page} = await start(t, ['--model', thinker(t), '--threads', '1']);
  await neverEnding(page, 64);
  await page.reload();
  await page.locator('.chip[data-kind="model"]').waitFor();
  await page.locator('.topbar [data-for="settings"]').click();
  const number = page.getByLabel('Longest thoughts, exact');
  await number.fill('16');
  await number.press('Tab');
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.sheet[open]').waitFor({state: 'detached'});
  await send(page, 'Why?');
  await finished(page);
  const tokens = Number(/(\d+) tokens/.exec(await page.locator('details.reasoning summary').textContent() ?? '')?.[1]);
  assert.ok(tokens >= 16 && tokens <= 20, `${tokens}: the budget, and what closes the thoughts`);
  assert.ok((await lastReply(page)).length > 0);
});

test('what ended while another conversation was shown has a dot until it is looked at', async (t) => {
  const {page, context, server} = await start(t, ['--dtype', 'fp32', '--threads', '1']);
  await neverEnding(page);
  await page.reload();
  await page.locator('.chip[data-kind="model"]').waitFor();
  await send(page, 'Tell me a long story.');
  await page.locator('.live-line strong', {hasText: 'Writing'}).waitFor({timeout: modelMs});
  await page.keyboard.press('Control+Shift+O');
  await page.locator('.welcome').waitFor();
  const row = page.locator('.rail li', {hasText: 'Tell me a long story.'});
  await page.locator('.rail li[data-state="live"]').waitFor();
  const cookie = (await context.cookies()).map(({name, value}) => `${name}=${value}`).join('; ');
  const client = await ChatClient.connect(server.url, {cookie});   // the same person's phone
  const {data} = await client.request({type: 'history.list'});
  const [stream] = data.conversations[0].live;
  await client.request({type: 'stream.attach', stream, have: 0});
  client.send({type: 'chat.cancel', id: 'stop', stream});
  await client.finished(stream);
  await client.close();
  await page.locator('.rail li[data-state="unread"]').waitFor();
  await row.locator('a').click();
  await finished(page);
  await page.waitForFunction(() => document.querySelector('.rail li') && !document.querySelector('.rail li[data-state]'));
});

test('a message written while the model loads goes out when it is ready; meanwhile each stage is shown as it is', async (t) => {
  const dataDir = temporaryFolder(t);
  const release = holdLoading(dataDir);
  const {url} = await startServer(t, {dataDir, untilReady: false});
  const {page, context, assertClean} = await visit(browser(), url);
  t.after(() => context.close());
  const stages = page.locator('.load li');
  await stages.nth(2).and(page.locator('[data-state="now"]')).waitFor();
  const rows = await stages.evaluateAll((all) => all.map((row) => `${row.dataset.state}: ${row.innerText.replace(/\s+/g, ' ').trim()}`));
  assert.match(rows[0], /^done: Read the folder \d+ ms$/);
  assert.match(rows[1], /^done: Tokenizer and chat template [\d,]+ tokens [\d.]+ m?s$/);
  assert.match(rows[2], /^now: Weights as bf16 0\.0 of \d+\.\d MB$/);
  assert.deepEqual(rows.slice(3), ['later: Set aside memory for conversations', 'later: Measure its speed']);
  await send(page, 'Hello!');
  await page.getByText('Not sent yet. It goes out when the model is ready. 0%').waitFor();
  await release();
  await finished(page);
  assert.ok((await lastReply(page)).length > 0);
  assertClean();
});
