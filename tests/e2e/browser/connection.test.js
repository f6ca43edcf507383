// The network comes and goes; nothing is lost and nothing is sent twice.
import assert from 'node:assert/strict';
import test from 'node:test';
import {lastReply, pass, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const start = async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => reply.started();
  const visitor = await visit(browser(), hearth.url);
  t.after(() => visitor.context.close());
  await visitor.page.locator('.chip[data-kind="model"]').waitFor(); // ready came
  return {hearth, ...visitor};
};

/** From now on the page does not try again by itself within any test. */
const neverAgain = (page) => page.evaluate(() => { Math.random = () => 10_000; });

const creations = (hearth) => hearth.received.filter((message) => message.type === 'chat.create');
const shown = (page, text) => page.waitForFunction((wanted) => document.querySelector('.turn[data-from="model"] > .prose')?.textContent?.replace('▌', '').trim() === wanted, text);

test('a blink of the network is no news: the reply goes on, no chip, no banner', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'Hello');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  reply.write('one two');
  await shown(page, 'one two');
  for (const socket of hearth.sockets) socket.terminate();
  reply.write(' three');
  await shown(page, 'one two three');
  const attach = hearth.received.find((message) => message.type === 'stream.attach');
  assert.equal(attach.have, 2);
  assert.equal(await page.locator('.banner, .chip[data-kind="care"]').count(), 0);
});

test('a message written offline is kept, shown as not sent, and goes out once', async (t) => {
  const {page, hearth} = await start(t);
  await neverAgain(page);
  await hearth.goAway();
  await send(page, 'Are you there?');
  const waiting = page.locator('.turn[data-state="waiting"]');
  await waiting.waitFor();
  await page.locator('.log').getByText('Not sent yet. It goes out once, when the connection is back.').waitFor();
  await pass(page, 'chip');
  await page.locator('.chip[data-kind="care"]').waitFor();
  await pass(page, 'banner');
  await page.locator('.banner', {hasText: 'No connection.'}).waitFor();
  hearth.comeBack();
  await page.getByRole('button', {name: 'Try now'}).click();
  await page.locator('.banner', {hasText: 'Back again. Nothing was lost.'}).waitFor();
  await pass(page, 'back');
  await page.locator('.banner').waitFor({state: 'detached'});
  await until(() => creations(hearth).length > 0);
  hearth.replies[0].write('Yes.');
  hearth.replies[0].done();
  await shown(page, 'Yes.');
  assert.equal(creations(hearth).length, 1);
  assert.equal(await page.locator('.turn[data-from="person"]').count(), 1);
});

test('when the answer to a message is lost, it is sent again with the same id and body, and stands once', async (t) => {
  const {page, hearth} = await start(t);
  hearth.losesAnswers = true;
  await send(page, 'Only once');
  await until(() => creations(hearth).length === 2);
  const [first, second] = creations(hearth);
  assert.deepEqual(second, first);
  hearth.replies[0].write('Once.');
  hearth.replies[0].done();
  await shown(page, 'Once.');
  assert.equal(await page.locator('.turn[data-from="person"]').count(), 1);
});

test('an unsent message outlives a reload of the page', async (t) => {
  const {page, hearth} = await start(t);
  hearth.refuse = () => ({code: 'shutting_down', status: 503});
  await send(page, 'Keep me');
  const waiting = page.locator('.turn[data-state="waiting"]', {hasText: 'Keep me'});
  await waiting.waitFor();
  await page.reload();
  await waiting.waitFor();   // in sight, and not behind a welcome
  hearth.refuse = undefined;
  await page.reload();
  await until(() => hearth.replies.length === 1);
  assert.equal(hearth.replies[0].request.content, 'Keep me');
});

test('an unsent message can be taken back, and its words are in the field again', async (t) => {
  const {page, hearth} = await start(t);
  await neverAgain(page);
  await hearth.goAway();
  await send(page, 'On second thought');
  await page.getByRole('button', {name: 'Take it back'}).click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'On second thought');
  await page.locator('.welcome').waitFor();
  await page.locator('#message').fill('Better words');
  await page.locator('#message').press('Enter');
  await page.locator('.turn[data-state="waiting"]', {hasText: 'Better words'}).waitFor();
  hearth.comeBack();
  await pass(page, 'banner');
  await page.getByRole('button', {name: 'Try now'}).click();
  await until(() => hearth.replies.length === 1);
  assert.deepEqual(creations(hearth).map(({content}) => content), ['Better words']);
});

test('what is asked of a reply offline is shown as not asked for yet, can be taken back, and goes out once', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'Hello');
  await until(() => hearth.replies.length === 1);
  hearth.replies[0].write('One.');
  hearth.replies[0].done('length');
  await page.locator('.tools .meta').waitFor();
  await neverAgain(page);
  await hearth.goAway();
  const note = page.locator('.log').getByText('Not asked for yet. It goes out once, when the connection is back.');
  await page.getByRole('button', {name: 'Continue', exact: true}).click();
  await note.waitFor();
  assert.equal(await page.locator('.turn[data-from="person"]').count(), 1, 'no empty message stands there');
  await page.getByRole('button', {name: 'Take it back'}).click();
  await note.waitFor({state: 'detached'});
  await page.getByRole('button', {name: 'Write it again'}).click();
  await note.waitFor();
  await page.locator('[role="status"]', {hasText: 'Not asked for yet.'}).waitFor({state: 'attached'});
  hearth.comeBack();
  await pass(page, 'banner');
  await page.getByRole('button', {name: 'Try now'}).click();
  await until(() => hearth.replies.length === 2);
  hearth.replies[1].write('Two.');
  hearth.replies[1].done();
  await page.locator('.branch data', {hasText: '2/2'}).waitFor();
  await note.waitFor({state: 'detached'});
  assert.deepEqual(hearth.received.filter(({type}) => /^chat\./.test(type)).map(({type, regenerate}) => [type, regenerate]), [['chat.create', undefined], ['chat.create', true]]);
});

test('a reload while a reply is written goes on with it', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'A long one');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  reply.write('one two');
  await shown(page, 'one two');
  await page.reload();
  await shown(page, 'one two');
  reply.write(' three four');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await lastReply(page), 'one two three four');
  assert.equal(await page.locator('.turn').count(), 2);
});

test('a restart that was announced is told as one', async (t) => {
  const {page, hearth} = await start(t);
  hearth.tellAll({type: 'reconnect', after_ms: 100, reason: 'shutdown'});
  await hearth.goAway(1012);
  await pass(page, 'banner');
  await page.locator('.banner', {hasText: 'The server is restarting. Running replies are saved.'}).waitFor();
  hearth.comeBack();
  await page.locator('.banner', {hasText: 'Back again.'}).waitFor();
});

test('a reply that the restart stopped keeps its text and offers another try', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'A long one');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  reply.write('half of it');
  await shown(page, 'half of it');
  await hearth.goAway();
  reply.done('interrupted');
  hearth.comeBack();
  await page.locator('.trouble', {hasText: 'The reply was interrupted'}).waitFor();
  assert.equal((await lastReply(page)).trim(), 'half of it');
  await page.locator('.trouble').getByRole('button', {name: 'Try again'}).click();
  await until(() => hearth.replies.length === 2);
});

test('an identity that the server forgot is asked for again', async (t) => {
  const {page, hearth} = await start(t);
  const reloaded = page.waitForEvent('load');
  hearth.users.clear();
  for (const socket of hearth.sockets) socket.close(4401);
  await reloaded;
  await page.locator('.chip[data-kind="model"]').waitFor();
  assert.equal(hearth.users.size, 1);
});

test('a server that was updated has the page load itself anew, once, and what was typed is still there', async (t) => {
  const {page, hearth} = await start(t);
  await page.locator('#message').fill('half a thought');
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.startsWith('hearth.draft.')));
  const reloaded = page.waitForEvent('load');
  hearth.version = '0.2.0';
  for (const socket of hearth.sockets) socket.terminate();
  await reloaded;
  await page.locator('.chip[data-kind="model"]').waitFor();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'half a thought');
  assert.equal(hearth.received.filter((message) => message.type === 'hello').length, 3);
});

test('a server that is away while the session is asked for is waited for', async (t) => {
  const {page, hearth} = await start(t);
  await page.addInitScript(() => { Math.random = () => 10_000; });   // the page does not try again by itself
  await page.route('**/api/v1/session', (route) => route.abort());
  await page.reload();
  await pass(page, 'banner');
  await page.locator('.banner', {hasText: 'No connection.'}).waitFor();
  await page.unroute('**/api/v1/session');
  await page.getByRole('button', {name: 'Try now'}).click();
  await page.locator('.chip[data-kind="model"]').waitFor();
  assert.equal(hearth.users.size, 1);
});

test('two tabs follow the same reply', async (t) => {
  const {page, context, hearth} = await start(t);
  await send(page, 'Both');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  reply.write('one');
  await shown(page, 'one');
  const second = await context.newPage();
  await second.goto(page.url());
  await shown(second, 'one');
  reply.write(' two');
  reply.done();
  await Promise.all([shown(page, 'one two'), shown(second, 'one two')]);
});

test('a room with a code shows the door, takes the code of the link, and says when a code is wrong', async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.joinCode = 'K7M4QX';
  const {page, context, assertClean} = await visit(browser(), hearth.url, {hash: '#code=K7M-4QZ'});
  t.after(() => context.close());
  const code = page.getByLabel('Room code');
  await code.waitFor();
  assert.equal(await code.inputValue(), 'K7M-4QZ');
  await page.getByLabel('Your name').fill('Mei');
  await page.getByRole('button', {name: 'Join the room'}).click();
  await page.getByText('No room has this code.').waitFor();
  await code.fill('K7M-4QX');
  await page.getByRole('button', {name: 'Join the room'}).click();
  await page.getByRole('heading', {name: 'Hello Mei. What shall we ask?'}).waitFor();
  assertClean();
});
