// What the server says beside text: a queue, a model that loads or fails, refusals, ends that are not the usual one.
import assert from 'node:assert/strict';
import test from 'node:test';
import {send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const start = async (t, prepare = (/** @type {FakeHearth} */ _hearth) => {}) => {
  const hearth = await FakeHearth.start(t);
  prepare(hearth);
  const visitor = await visit(browser(), hearth.url);
  t.after(() => visitor.context.close());
  return {hearth, ...visitor};
};

test('a place in line is a card with a number, moves in place, and becomes the reply', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'Wait for me');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  reply.queued(3, 5, {eta_ms: 40_000, ahead_tokens: 1240});
  const card = page.locator('.queue');
  await card.getByRole('heading', {name: 'You are 3rd in line'}).waitFor();
  await card.getByText('about 40 s').waitFor();
  await card.getByText('1,240 tokens are ahead of you.').waitFor();
  await page.locator('.topbar .chip', {hasText: '3rd'}).waitFor();
  await page.locator('.rail li data', {hasText: '3rd'}).waitFor();
  reply.queued(1, 3);
  await card.getByRole('heading', {name: 'You are next'}).waitFor();
  reply.started();
  await card.waitFor({state: 'detached'});
  reply.write('Here.');
  reply.done();
  await page.locator('.tools .meta').waitFor();
});

test('the queue can be left', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'Never mind');
  await until(() => hearth.replies.length === 1);
  hearth.replies[0].queued(2, 2);
  await page.getByRole('button', {name: 'Leave the queue'}).click();
  await until(() => hearth.received.some((message) => message.type === 'chat.cancel'));
  await page.locator('.trouble', {hasText: 'Stopped.'}).waitFor();
});

test('while the model loads there is a percentage, one can write, and the message goes out when it is ready', async (t) => {
  const ready = {};
  const {page, hearth} = await start(t, (fake) => {
    Object.assign(ready, fake.model);
    fake.model = {id: 'demo', name: 'Hearth demo', state: 'loading'};
  });
  await page.getByRole('heading', {name: 'Loading Hearth demo'}).waitFor();
  hearth.tellAll({type: 'model', model: 'demo', state: 'loading', stage: 'weights', percent: 41.5, eta_ms: 9000, stages: [
    {stage: 'config', ms: 98}, {stage: 'tokenizer', ms: 1812, tokens: 151669},
    {stage: 'weights', bytes: 739e6, bytes_all: 1192e6, tensor: 'model.layers.17.mlp.gate_proj', dtype: 'bf16'}]});
  await page.locator('.load data', {hasText: '41%'}).waitFor();
  const stages = () => page.locator('.load li').evaluateAll((rows) => rows.map((row) => `${row.dataset.state}: ${row.innerText.replace(/\s+/g, ' ').trim()}`));
  assert.deepEqual(await stages(), [
    'done: Read the folder 98 ms', 'done: Tokenizer and chat template 151,669 tokens 1.8 s',
    'now: Weights model.layers.17.mlp.gate_proj, as bf16 739 of 1,192 MB', 'later: Set aside memory for conversations', 'later: Measure its speed']);
  await page.getByText('about 9 s left').waitFor();
  await page.getByText('You can write now. It is sent when the model is ready.').waitFor();
  await send(page, 'Early bird');
  await page.getByText('Not sent yet. It goes out when the model is ready. 41%, about 9 s left').waitFor();
  assert.equal(hearth.replies.length, 0);
  hearth.tellAll({type: 'model', model: 'demo', state: 'ready', info: ready});
  await until(() => hearth.replies.length === 1);
  assert.equal(hearth.replies[0].request.content, 'Early bird');
});

test('a model that cannot be loaded is told calmly, without the reason', async (t) => {
  const {page} = await start(t, (fake) => { fake.model = {id: 'demo', state: 'failed'}; });
  await page.getByText('Whoever runs this machine finds the reason in its log. This page goes on by itself when it is fixed.').waitFor();
});

test('a refused message stays, says why, and can be tried again or taken back', async (t) => {
  const {page, hearth} = await start(t, (fake) => { fake.refuse = () => ({code: 'busy', status: 429, title: 'Busy', detail: 'Too many replies wait.'}); });
  await send(page, 'Push');
  const card = page.locator('.trouble');
  await card.getByRole('heading', {name: 'The room is full right now.'}).waitFor();
  await card.getByRole('button', {name: 'Take it back'}).click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'Push');
  await page.locator('#message').press('Enter');
  await card.waitFor();
  hearth.refuse = undefined;
  await card.getByRole('button', {name: 'Try again'}).click();
  await until(() => hearth.replies.length === 1);
});

test('a message that cannot fit is offered to be changed, and what was begun meanwhile stays', async (t) => {
  const {page} = await start(t, (fake) => { fake.refuse = () => ({code: 'context_length_exceeded', status: 400, needed: 3000, limit: 2048}); });
  await send(page, 'Much too long');
  const card = page.locator('.trouble');
  await card.getByRole('heading', {name: 'This message alone has 3,000 tokens; the model can read 2,048.'}).waitFor();
  await page.locator('#message').fill('And then');
  assert.deepEqual(await card.getByRole('button').allTextContents(), ['Change the message']);
  await card.getByRole('button').click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'Much too long\n\nAnd then');
});

test('an unknown refusal is told in the server’s own sentence', async (t) => {
  const {page} = await start(t, (fake) => { fake.refuse = () => ({code: 'template_raised', status: 400, title: 'Refused', detail: 'Roles must alternate.'}); });
  await send(page, 'Hm');
  await page.getByRole('heading', {name: 'Roles must alternate.'}).waitFor();
});

const ends = [
  ['length', {}, 'Stopped at 2 tokens, the limit here'],
  ['failed', {error: {code: 'out_of_memory', status: 500}}, 'Out of memory while writing this reply.'],
  ['interrupted', {}, 'The reply was interrupted'],
  ['stop', {stored: false}, 'This reply could not be saved yet.'],
];
for (const [reason, more, words] of ends) {
  test(`an end by ${reason}${more.stored === false ? ', not stored' : ''} is told under the text that was kept`, async (t) => {
    const {page, hearth} = await start(t);
    await send(page, 'Go');
    await until(() => hearth.replies.length === 1);
    hearth.replies[0].write('Kept words');
    hearth.replies[0].done(reason, more);
    await page.locator('.trouble h3', {hasText: words}).waitFor();
    assert.equal(await page.locator('.turn[data-from="model"] > .prose').textContent(), 'Kept words');
  });
}

test('whose limit cut a reply is said: yours, or that of what the model can read', async (t) => {
  const {page, hearth} = await start(t);
  await page.locator('.chip[data-kind="model"]').waitFor();
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByLabel('Longest reply, exact').fill('2');
  await page.getByLabel('Longest reply, exact').press('Tab');
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.sheet[open]').waitFor({state: 'detached'});
  await send(page, 'Go');
  await until(() => hearth.replies.length === 1);
  hearth.replies[0].write('Two words');
  hearth.replies[0].done('length');
  await page.locator('.trouble h3', {hasText: 'Stopped at 2 tokens, the limit you set'}).waitFor();
  await send(page, 'More');
  await until(() => hearth.replies.length === 2);
  hearth.replies[1].write('One');
  hearth.replies[1].done('length', {usage: {prompt_tokens: 2047, completion_tokens: 1, cached_tokens: 0}});
  const card = page.locator('.trouble', {hasText: 'the model can read no more than this conversation'});
  await card.waitFor();
  assert.equal(await card.getByRole('button').count(), 0, 'to go on is impossible');
});

test('the line in the conversation shows where the model’s sight ended', async (t) => {
  const {page, hearth} = await start(t);
  for (const [at, text] of ['one', 'two'].entries()) {
    await send(page, text);
    await until(() => hearth.replies.at(-1)?.request.content === text);
    hearth.replies.at(-1).write(`re: ${text}`);
    hearth.replies.at(-1).done();
    await page.locator('.tools .meta').nth(at).waitFor();   // before it has ended nothing else can be sent
  }
  const seen = hearth.replies[0];
  hearth.drops = [seen.message.parent, seen.stream];
  await send(page, 'three');
  await until(() => hearth.replies.length === 3);
  hearth.replies[2].write('late');
  await page.locator('.forget').waitFor();
  assert.deepEqual(await page.locator('.log > *').evaluateAll((all) => all.map((each) => each.className.replace('turn', '').trim() || each.getAttribute('data-from'))),
    ['forgotten', 'forgotten', 'forget', 'person', 'model', 'person', 'model']);
});

test('a message over the limit cannot be sent and says so', async (t) => {
  const {page, hearth} = await start(t, (fake) => { fake.limits.content_bytes = 1000; });
  await page.locator('.chip[data-kind="model"]').waitFor();
  await page.locator('#message').fill('字'.repeat(334));
  await page.getByText('This message is longer than 1,000 bytes, the limit here.').waitFor();
  await page.locator('#message').press('Enter');
  assert.ok(await page.locator('.send').isDisabled());
  await page.locator('#message').fill('字'.repeat(333));
  await page.locator('#message').press('Enter');
  await until(() => hearth.replies.length === 1);
});
