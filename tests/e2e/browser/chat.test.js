// The page on a real server with the demo model: send, stream, stop, reload, history, two people, a phone, night, and plain http on a name of its own.
import assert from 'node:assert/strict';
import test from 'node:test';
import {startServer} from '../support/server.js';
import {lastReply, neverEnding, phone, replies, send, useBrowser, visit} from './support/browser.js';

const browser = useBrowser(['--host-resolver-rules=MAP hearth.test 127.0.0.1']);

/** Long enough to be seen growing; seeded by nothing, so tests read its shape and not its words. */
const long = 'Tell me a long story.';

const modelMs = 180_000;   // the real model on a machine many times slower
const finished = async (page, count = 1) => page.locator('.turn[data-from="model"] .tools .meta').nth(count - 1).waitFor({timeout: modelMs});

test('send, read, reload: the reply and the history are there', async (t) => {
  const {url} = await startServer(t);
  const {page, context, assertClean} = await visit(browser(), url);
  t.after(() => context.close());
  await page.locator('.welcome').waitFor();
  await send(page, long);
  await finished(page);
  const text = await lastReply(page);
  assert.ok(text && text.trim().length > 0);
  const title = await page.locator('.topbar h1').textContent();
  assert.match(long, new RegExp(`^${title?.replace(/[….]+$/, '').slice(0, 10)}`));
  const [shown, tokens] = [await lastReply(page), await page.locator('.tools .meta').textContent()];

  await page.reload();
  await finished(page);
  assert.equal(await lastReply(page), shown);
  assert.equal(await page.locator('.tools .meta').textContent(), tokens);
  assert.equal(await page.locator('.rail li').count(), 1);
  assertClean();
});

test('a reply grows, a reload in the middle goes on with it, and Stop ends it', async (t) => {
  const {url} = await startServer(t, {args: ['--dtype', 'fp32']});   // the slow reference decoder
  const {page, context, assertClean} = await visit(browser(), url);
  t.after(() => context.close());
  await neverEnding(page);
  await page.reload();
  await send(page, long);
  const grown = (length) => page.waitForFunction((least) => (document.querySelector('.turn[data-from="model"] > .prose')?.textContent?.length ?? 0) > least, length);
  for (const length of [10, 40, 80]) await grown(length);
  await page.locator('.turn[aria-busy="true"]').waitFor();
  await page.reload();
  await grown(120);
  await page.locator('.send[data-kind="stop"]').click();
  await finished(page);
  await page.locator('.trouble', {hasText: 'Stopped.'}).waitFor();
  const kept = await lastReply(page);
  await page.reload();
  await finished(page);
  assert.equal(await lastReply(page), kept);
  assertClean();
});

test('two people do not see each other’s conversations', async (t) => {
  const {url} = await startServer(t);
  const [ada, bob] = await Promise.all([visit(browser(), url), visit(browser(), url)]);
  t.after(() => Promise.all([ada.context.close(), bob.context.close()]));
  await Promise.all([send(ada.page, 'My name is Ada.'), send(bob.page, 'My name is Bob.')]);
  await Promise.all([finished(ada.page), finished(bob.page)]);
  await Promise.all([ada.page.reload(), bob.page.reload()]);
  await Promise.all([finished(ada.page), finished(bob.page)]);
  assert.deepEqual(await ada.page.locator('.rail li a').allTextContents(), ['My name is Ada.']);
  assert.deepEqual(await bob.page.locator('.rail li a').allTextContents(), ['My name is Bob.']);
  await bob.page.goto(ada.page.url());
  await bob.page.reload();
  await bob.page.getByText('This conversation is not here any more.').waitFor();
  ada.assertClean();
});

test('a second turn remembers the first; another version stands beside it', async (t) => {
  const {url} = await startServer(t);
  const {page, context, assertClean} = await visit(browser(), url);
  t.after(() => context.close());
  await send(page, 'Hello!');
  await finished(page);
  await send(page, 'Count from 3 to 9.');
  await finished(page, 2);
  assert.equal(await replies(page).count(), 2);
  await page.getByRole('button', {name: 'Write it again'}).last().click();
  await page.locator('.branch data', {hasText: '2/2'}).waitFor({timeout: modelMs});
  await page.reload();
  await page.locator('.branch data', {hasText: '2/2'}).waitFor();
  assertClean();
});

test('rename, delete and clear reach the server', async (t) => {
  const {url} = await startServer(t);
  const {page, context, assertClean} = await visit(browser(), url);
  t.after(() => context.close());
  const row = page.locator('.rail li');
  await send(page, 'Hello!');
  await finished(page);
  await row.hover();
  await row.getByRole('button', {name: /Rename, pin/}).click();
  await row.getByRole('button', {name: 'Rename', exact: true}).click();
  await page.getByLabel('New title').fill('问候 <b>');
  await page.getByLabel('New title').press('Enter');
  await page.locator('.topbar h1', {hasText: '问候 <b>'}).waitFor();
  await page.reload();
  await page.locator('.topbar h1', {hasText: '问候 <b>'}).waitFor();
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByRole('button', {name: 'Delete all conversations'}).click();
  await page.reload();
  await page.getByText('What you ask will be listed here.').waitFor();
  assertClean();
});

test('on a phone, by night, in Chinese', async (t) => {
  const {url} = await startServer(t);
  const {page, context, assertClean} = await visit(browser(), url, {...phone, colorScheme: 'dark', locale: 'zh-CN'});
  t.after(() => context.close());
  await page.getByPlaceholder('给模型发消息').fill('你好，我叫林晓。');
  await page.locator('.send').click();
  await finished(page);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.equal(await page.locator('.turn[data-from="person"] .prose').getAttribute('lang'), 'zh-Hans');
  assertClean();
});

test('everything works on plain http on a name: no secure context, and copying still copies', async (t) => {
  const {port} = await startServer(t, {args: ['--allow-host', 'hearth.test']});
  const {page, context, assertClean} = await visit(browser(), `http://hearth.test:${port}`);
  t.after(() => context.close());
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await send(page, 'Hello!');
  await finished(page);
  await page.getByRole('button', {name: 'Copy', exact: true}).last().click();
  await page.locator('.toast', {hasText: 'Copied'}).waitFor();
  await page.locator('#message').focus();
  await page.keyboard.press('Control+v');
  await page.waitForFunction(() => document.querySelector('#message')?.value !== '');
  const pasted = await page.locator('#message').inputValue();   // Markdown as the model wrote it; the page shows it rendered
  const words = (/** @type {string | null} */ text) => text?.match(/\p{L}+/gu) ?? [];
  assert.ok(words(pasted).length > 0);
  assert.deepEqual(words(pasted).slice(0, 3), words(await lastReply(page)).slice(0, 3));
  assertClean();
});
