// A day with the page on a real server with the demo model: changed minds, two tabs, a queue, a server that dies, settings, files, a full context.
import assert from 'node:assert/strict';
import test from 'node:test';
import {ChatClient} from '../support/chat_client.js';
import {startServer, temporaryFolder} from '../support/server.js';
import {lastReply, neverEnding, pass, replies, send, useBrowser, visit} from './support/browser.js';

const browser = useBrowser();
const modelMs = 180_000;   // the real model on a machine many times slower
const slow = ['--dtype', 'fp32', '--threads', '1'];   // so slow that a long reply is still being written when a page has looked at it
const long = 'Tell me a long story.';   // with neverEnding the one question whose greedy reply goes round in circles; others end by themselves

const finished = (page, count = 1) => page.locator('.turn[data-from="model"] .tools .meta').nth(count - 1).waitFor({timeout: modelMs});
const grown = (page, length) => page.waitForFunction((least) => ([...document.querySelectorAll('.turn[data-from="model"] > .prose')].at(-1)?.textContent?.length ?? 0) > least, length, {timeout: modelMs});
const stop = (page) => page.locator('.send[data-kind="stop"]').click();
const start = async (t, options = {}) => {
  const server = await startServer(t, options);
  const visitor = await visit(browser(), server.url);
  t.after(() => visitor.context.close());
  await visitor.page.locator('.chip[data-kind="model"]').waitFor();
  return {server, ...visitor};
};
/** The page's own identity, for another client. */
const sameIdentity = async ({context, server}) => ChatClient.connect(server.url, {cookie: (await context.cookies()).map(({name, value}) => `${name}=${value}`).join('; ')});
const menuOf = async (page, name) => {
  await page.locator('.rail li').hover();
  await page.getByRole('button', {name: /Rename, pin/}).click();
  await page.locator('.rail .menu').getByRole('button', {name, exact: true}).click();
};

test('a message is changed, both versions stay, and the chosen one is there after a reload', async (t) => {
  const {page, assertClean} = await start(t);
  await send(page, 'Hello!');
  await finished(page);
  const question = page.locator('.turn[data-from="person"]');
  await question.hover();
  await question.getByRole('button', {name: 'Edit and send as a new version'}).click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'Hello!');
  await send(page, 'Count from 3 to 9.');
  await question.locator('.branch data', {hasText: '2/2'}).waitFor();
  await finished(page);
  await question.getByRole('button', {name: 'Previous version'}).click();
  await question.locator('.prose', {hasText: 'Hello!'}).waitFor();
  const first = await lastReply(page);
  await page.reload();
  await question.locator('.branch data', {hasText: '1/2'}).waitFor();
  await finished(page);
  assert.equal(await lastReply(page), first);
  assertClean();
});

test('a deletion can be undone, and is one when its time has passed', async (t) => {
  const {page, ...rest} = await start(t);
  await send(page, 'Hello!');
  await finished(page);
  await menuOf(page, 'Delete');
  await page.locator('.welcome').waitFor();
  await page.getByRole('button', {name: 'Undo'}).click();
  await page.locator('.rail li a', {hasText: 'Hello!'}).click();
  await finished(page);
  await menuOf(page, 'Delete');
  await page.locator('.welcome').waitFor();
  await page.mouse.move(700, 300);
  const client = await sameIdentity(rest);
  await pass(page, 'toast');
  await client.event(({type, what}) => type === 'changed' && what === 'deleted');
  await client.close();
  await page.reload();
  await page.getByText('What you ask will be listed here.').waitFor();
});

test('two tabs follow the same reply, and either can stop it', async (t) => {
  const {page, context} = await start(t, {args: slow});
  await neverEnding(page);
  await page.reload();
  await send(page, 'Hello!');
  await finished(page);
  const second = await context.newPage();
  await second.goto(page.url());
  await finished(second);
  await send(page, long);
  await second.locator('.turn').nth(3).waitFor();
  await grown(second, 20);
  await stop(second);
  await Promise.all([finished(page, 2), finished(second, 2)]);
  await page.locator('.trouble', {hasText: 'Stopped.'}).waitFor();
  assert.equal(await lastReply(second), await lastReply(page));
});

test('two conversations are written at once, and each keeps its text and its draft', async (t) => {
  const {page} = await start(t, {args: slow});
  await neverEnding(page);
  await page.reload();
  await send(page, long);
  await grown(page, 10);
  await page.locator('#message').fill('for the first');
  await page.keyboard.press('Control+Shift+O');
  await page.locator('.welcome').waitFor();
  await send(page, long);
  await page.locator('.rail li[data-state="live"]').nth(1).waitFor();
  await grown(page, 10);
  await stop(page);
  await finished(page);
  await page.locator('.rail li a').nth(1).click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'for the first');
  await grown(page, 60);
  await stop(page);
  await finished(page);
});

// One at a time, and eight long ones before it: whoever looks finds it waiting.
test('a place in line is shown, moves, and can be left', async (t) => {
  const {page, ...rest} = await start(t, {args: [...slow, '--limits-running-per-user', '1', '--limits-queued-per-user', '20']});
  const client = await sameIdentity(rest);
  const streams = [];
  for (let i = 0; i < 8; i++) streams.push((await client.create(long, {params: {temperature: 0, frequency_penalty: -2, max_tokens: 1900}})).stream);
  await send(page, 'Am I next?');
  const card = page.locator('.queue');
  await card.getByRole('heading', {name: /^You are (\d+(st|nd|rd|th) in line|next)$/}).waitFor();
  const place = await card.getByRole('heading').first().textContent();
  for (const stream of streams.slice(1, 4)) await client.request({type: 'chat.cancel', stream}).catch(() => {});
  await page.waitForFunction((before) => document.querySelector('.queue h3')?.textContent !== before, place);
  await page.getByRole('button', {name: 'Leave the queue'}).click();
  await page.locator('.trouble', {hasText: 'Stopped.'}).waitFor();
  await client.close();
});

test('the server dies in the middle: what was written stays, and goes on when it is back', async (t) => {
  const dataDir = temporaryFolder(t);
  const {page, server} = await start(t, {args: slow, dataDir});
  await neverEnding(page);
  await page.reload();
  await send(page, long);
  await grown(page, 600);   // a part of it is on the disk
  await server.stop('SIGKILL');
  await pass(page, 'banner');
  await page.locator('.banner', {hasText: 'No connection.'}).waitFor();
  await startServer(t, {args: slow, dataDir, port: server.port});
  await page.locator('.banner', {hasText: 'Back again. Nothing was lost.'}).waitFor();
  await page.locator('.trouble', {hasText: 'The reply was interrupted'}).waitFor();
  const kept = await lastReply(page);
  assert.ok(kept.length > 0);
  await page.locator('.trouble').getByRole('button', {name: 'Continue'}).click();
  await grown(page, kept.length + 20);
  await stop(page);
  await finished(page);
  assert.ok((await lastReply(page)).startsWith(kept.trim().slice(0, -20)), 'it goes on from there');
});

test('a message written while the server is away goes out once', async (t) => {
  const dataDir = temporaryFolder(t);
  const {page, server} = await start(t, {dataDir});
  await send(page, 'Hello!');
  await finished(page);
  await server.stop('SIGTERM');
  await send(page, 'Count from 3 to 9.');
  await page.locator('.log').getByText('Not sent yet. It goes out once, when the connection is back.').waitFor();
  await startServer(t, {dataDir, port: server.port});
  await finished(page, 2);
  await page.reload();
  await finished(page, 2);
  assert.deepEqual(await page.locator('.turn[data-from="person"] .prose').allTextContents(), ['Hello!', 'Count from 3 to 9.']);
});

test('a seed repeats a reply, a stop string and a limit cut it', async (t) => {
  const {page} = await start(t);
  const settings = async (fields) => {
    await page.locator('.topbar [data-for="settings"]').click();
    await page.locator('.sheet[open]').waitFor();
    await page.locator('.more:has(textarea)').evaluate((more) => { more.open = true; });
    for (const [label, value] of Object.entries(fields)) {
      await page.locator('.sheet').getByLabel(label).first().fill(value);
      await page.locator('.sheet').getByLabel(label).first().blur();
    }
    await page.getByRole('button', {name: 'Done'}).click();
    await page.locator('.sheet[open]').waitFor({state: 'detached'});
  };
  const again = async (version) => {
    await page.getByRole('button', {name: 'Write it again'}).click();
    await page.locator('.branch data', {hasText: `${version}/${version}`}).waitFor();
    await finished(page);
    return lastReply(page);
  };
  await settings({Seed: '11', 'Temperature, exact': '1.3', 'Instructions to the model': 'You are a storyteller.'});
  await send(page, long);
  await finished(page);
  const whole = await lastReply(page);
  assert.equal(await again(2), whole);
  const words = (await page.locator('.turn[data-from="model"] > .prose > *').first().textContent())?.match(/\p{L}{3,}/gu) ?? [];
  const word = words.at(-1) ?? '';
  assert.ok(words.length > 2, whole);
  await settings({'Stop at': word});
  const cut = await again(3);
  assert.ok(!cut.includes(word) && cut.length > 0, cut);
  assert.ok(whole.startsWith(cut.replace(/[*_`\s]+$/, '')), `${cut} is no beginning of ${whole}`);
  await settings({'Stop at': '', 'Longest reply, exact': '3'});
  await again(4);
  await page.locator('.trouble', {hasText: 'Stopped at 3 tokens, the limit you set'}).waitFor();
});

test('a text file goes into the message with its tokens', async (t) => {
  const {page} = await start(t);
  const tokens = async () => Number((await page.locator('.meter data').first().textContent())?.replace(/\D/g, ''));
  await page.locator('.meter data').waitFor();
  const before = await tokens();
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.locator('.composer > footer > .icon-button').click()]);
  await chooser.setFiles([{name: 'poem.md', mimeType: 'text/markdown', buffer: Buffer.from('A line of a poem.\n'.repeat(20))}]);
  await page.waitForFunction((least) => Number(document.querySelector('.meter data')?.textContent?.replace(/\D/g, '')) > least, before + 60);
  await page.locator('.send').click();
  await finished(page);
  await page.reload();
  await page.locator('.turn[data-from="person"] .prose', {hasText: 'poem.md'}).waitFor();
});

test('the text of an answer is changed, stays so on another page, and the model writes on from it', async (t) => {
  const {page, context, assertClean} = await start(t);
  await send(page, 'Hello!');
  await finished(page);
  const other = await context.newPage();
  await other.goto(page.url());
  await finished(other);
  const tools = page.locator('.turn[data-from="model"] .tools');
  await tools.getByRole('button', {name: 'Continue, save, details'}).click();
  await tools.getByRole('button', {name: 'Change the text'}).click();
  const field = page.getByLabel('Text of this reply');
  await field.fill('A token is');
  await field.press('Control+Enter');
  await tools.locator('.meta', {hasText: 'changed by you'}).waitFor();
  assert.equal(await lastReply(page), 'A token is');
  await other.locator('.tools .meta', {hasText: 'changed by you'}).waitFor();
  assert.equal(await lastReply(other), 'A token is');
  await page.reload();
  await tools.locator('.meta', {hasText: 'changed by you'}).waitFor();
  await tools.getByRole('button', {name: 'Continue, save, details'}).click();
  await tools.getByRole('button', {name: 'Write on from here'}).click();
  await grown(page, 'A token is'.length);
  await finished(page);
  assert.match(await lastReply(page), /^A token is./);
  assertClean();
});

test('the meter grows with the reply, token by token', async (t) => {
  const {page} = await start(t, {args: slow});
  await neverEnding(page);
  await page.reload();
  await page.locator('.chip[data-kind="model"]').waitFor();
  await send(page, long);
  const figures = (/** @type {number} */ least) => page.waitForFunction((most) => {
    const number = (/** @type {string} */ selector) => Number((document.querySelector(selector)?.textContent?.match(/[\d,]+/)?.[0] ?? '').replace(',', ''));
    const [written, used] = [number('.live-line span'), number('.meter data')];
    return written > most && {written, used};
  }, least, {timeout: modelMs}).then((handle) => handle.jsonValue());
  const first = await figures(2);
  const second = await figures(first.written);
  assert.ok(first.used > first.written);
  assert.equal(second.used - second.written, first.used - first.written, 'what was read stays the same');
  await stop(page);
  await finished(page);
});

test('what does not fit is said before it is sent, and marked after it', async (t) => {
  const {page} = await start(t, {args: ['--context-length', '256']});
  await send(page, `${'one two three four five '.repeat(8)}. Hello!`);
  await finished(page);
  await page.locator('#message').fill(`${'six seven eight nine ten '.repeat(18)}. And now?`);
  await page.locator('.note', {hasText: 'will be left out'}).waitFor();
  await page.locator('.forget', {hasText: 'The model will not see what is above this line'}).waitFor();
  await page.locator('.meter > button').click();
  const cost = /−(\d+)$/.exec(await page.locator('.drop-list li').textContent() ?? '')?.[1];
  await page.getByRole('heading', {name: `${cost} tokens will be left out`, exact: true}).waitFor();
  await page.locator('.meter > button').click();
  await page.locator('#message').press('Enter');
  await finished(page, 2);
  await page.reload();
  await page.locator('.forget', {hasText: 'The model did not see what is above this line'}).waitFor();
  assert.equal(await replies(page).count(), 2);
});
