// The context meter: counted before sending, with what would be left out; presets, stop strings and seeds beside it.
import assert from 'node:assert/strict';
import test from 'node:test';
import {send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const start = async (t, prepare = (/** @type {FakeHearth} */ _hearth) => {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => { reply.write('Yes.'); reply.done(); };
  prepare(hearth);
  const visitor = await visit(browser(), hearth.url);
  t.after(() => visitor.context.close());
  await visitor.page.locator('.chip[data-kind="model"]').waitFor();
  return {hearth, ...visitor};
};

test('the meter counts what is typed with the server’s numbers, and opens into its parts', async (t) => {
  const {page, hearth, assertClean} = await start(t);
  await page.locator('.meter data', {hasText: '20'}).waitFor();
  await page.locator('#message').fill('x'.repeat(100));
  await page.locator('.meter data', {hasText: '120'}).waitFor();
  const asked = hearth.received.filter(({type}) => type === 'context.measure').at(-1);
  assert.equal(asked.content.length, 100);
  await page.locator('.meter > button').click();
  await page.getByRole('heading', {name: '120 of 2,048 tokens'}).waitFor();
  assert.deepEqual(await page.locator('.legend li').allTextContents(), ['Instructions8', 'Template12', 'This message100', 'Room for the reply512']);
  await page.keyboard.press('Escape');
  await page.locator('.popover').waitFor({state: 'detached'});
  assertClean();
});

test('typing asks once, not for every letter', async (t) => {
  const {page, hearth} = await start(t);
  await page.locator('.meter data', {hasText: '20'}).waitFor();
  const before = hearth.received.filter(({type}) => type === 'context.measure').length;
  await page.locator('#message').evaluate((area) => {
    for (const letter of 'eleven more') {   // faster than any clock
      area.value += letter;
      area.dispatchEvent(new Event('input', {bubbles: true}));
    }
  });
  await page.locator('.meter data', {hasText: '31'}).waitFor();
  assert.equal(hearth.received.filter(({type}) => type === 'context.measure').length - before, 1);
});

test('what would be left out is said in the composer, marked in the conversation, and can be avoided', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'The first');
  await page.locator('.tools .meta').waitFor();
  const [{message}] = hearth.replies;
  hearth.measure = ({content}) => ({fits: true, prompt_tokens: 1600, content_tokens: 1500, context_length: 2048, max_tokens: 448, dropped: content ? [message.parent, message.id] : [], dropped_tokens: content ? 486 : 0,
    costs: content ? [{message: message.parent, tokens: 486}] : []});
  await page.locator('#message').fill('a long one');
  await page.locator('.note', {hasText: 'Too long for the model: the oldest exchange (486 tokens) will be left out.'}).waitFor();
  await page.locator('.forget', {hasText: 'The model will not see what is above this line'}).waitFor();
  assert.equal(await page.locator('.turn.forgotten').count(), 2);
  await page.locator('.meter > button').click();
  await page.locator('.drop-list').waitFor();
  assert.deepEqual(await page.locator('.drop-list li').allTextContents(), ['1The first−486']);
  await page.getByRole('button', {name: 'Start fresh with this'}).click();
  await page.locator('.welcome').waitFor();
  assert.equal(await page.locator('#message').inputValue(), 'a long one');
});

test('what is said of a draft goes with it', async (t) => {
  const {page, hearth} = await start(t);
  await send(page, 'The first');
  await page.locator('.tools .meta').waitFor();
  const [{message}] = hearth.replies;
  hearth.measure = () => ({fits: true, prompt_tokens: 1600, content_tokens: 1500, context_length: 2048, max_tokens: 448, dropped: [message.parent, message.id], dropped_tokens: 486});
  hearth.answer = () => {};
  await page.locator('#message').fill('a long one');
  const note = page.locator('.composer .note', {hasText: 'will be left out'});
  await note.waitFor();
  await page.locator('#message').press('Enter');
  await until(() => hearth.replies.length === 2);
  await note.waitFor({state: 'detached'});
});

test('while a reply is written the meter grows with it, also when the page comes in the middle', async (t) => {
  const {page, hearth} = await start(t, (fake) => { fake.answer = () => {}; });
  await send(page, 'Go on');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  reply.started(300);
  reply.write('one two three');
  await page.locator('.meter data', {hasText: '303'}).waitFor();
  await page.locator('.meter > button').click();
  await page.getByRole('heading', {name: '303 of 2,048 tokens'}).waitFor();
  assert.deepEqual(await page.locator('.legend li').allTextContents(), ['Read before the reply300', 'Written so far3', 'Room for the reply509']);
  reply.write(' four');
  await page.locator('.legend li', {hasText: 'Written so far4'}).waitFor();
  await page.reload();
  await page.locator('.live-line').waitFor();
  await until(() => reply.watchers.size > 0);
  reply.started(300);
  await page.locator('.meter data', {hasText: '304'}).waitFor();
  reply.done();
  await page.locator('.meter data', {hasText: /^20$/}).waitFor();
});

test('a message that cannot fit is told before it is sent', async (t) => {
  const {page} = await start(t, (hearth) => { hearth.measure = () => ({fits: false, content_tokens: 6310, context_length: 4096, needed: 6310, limit: 4058}); });
  await page.locator('.meter data', {hasText: '6,310'}).waitFor();
  assert.equal(await page.locator('.composer .note').count(), 0, 'of a message that nobody has begun nothing is said');
  await page.locator('#message').fill('far too long');
  await page.locator('.note', {hasText: 'This message alone has 6,310 tokens; the model can read 4,058.'}).waitFor();
});

test('a server that does not measure has no meter', async (t) => {
  const {page, hearth} = await start(t, (fake) => fake.lacks.add('context.measure'));
  const measured = () => hearth.received.filter(({type}) => type === 'context.measure').length;
  await page.locator('#message').fill('hello');
  await until(() => measured() > 0);
  await send(page, 'hello again');
  await page.locator('.tools .meta').waitFor();   // what was answered before it has been heard, too
  const asked = measured();
  assert.equal(await page.locator('.meter').isVisible(), false);
  await page.locator('#message').fill('and again');
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 700); }));   // twice as long as the page waits before it measures
  await send(page, 'and again');
  await page.locator('.tools .meta').nth(1).waitFor();
  assert.equal(measured(), asked);
});

test('presets, stop strings and a seed go with the message', async (t) => {
  const {page, hearth} = await start(t);
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByRole('radio', {name: 'Precise'}).check();
  await page.waitForFunction(() => document.querySelector('#slider-temperature')?.value === '0.2');
  await page.locator('.more summary').click();
  await page.getByLabel('Stop at').fill('###\nEnd');
  await page.getByLabel('Seed', {exact: false}).first().fill('42');
  await page.getByLabel('Min-p, exact').fill('0.1');
  await page.getByLabel('Min-p, exact').press('Tab');
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.sheet[open]').waitFor({state: 'detached'});
  await send(page, 'Hello');
  await until(() => hearth.replies.length === 1);
  assert.deepEqual(hearth.replies[0].request.params, {temperature: 0.2, top_p: 0.8, min_p: 0.1, stop: ['###', 'End'], seed: 42});
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByRole('radio', {name: 'Balanced'}).check();
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.sheet[open]').waitFor({state: 'detached'});
  await send(page, 'Again');
  await until(() => hearth.replies.length === 2);
  assert.deepEqual(hearth.replies[1].request.params, {min_p: 0.1, stop: ['###', 'End'], seed: 42});
});
