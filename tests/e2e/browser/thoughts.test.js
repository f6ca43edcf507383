// Models that think before they answer: thoughts apart from the answer, "answer now", a budget; and how full the room is.
import assert from 'node:assert/strict';
import test from 'node:test';
import {lastReply, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const start = async (t, {thinks = true} = {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.model = {...hearth.model, ...(thinks && {thinks})};
  const visitor = await visit(browser(), hearth.url);
  t.after(() => visitor.context.close());
  return {hearth, ...visitor};
};
const closeSettings = async (page) => {
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.sheet[open]').waitFor({state: 'detached'});   // until then it keeps the focus
};
const begin = async (page, hearth) => {
  await send(page, 'Why?');
  await until(() => hearth.replies.length === 1);
  hearth.replies[0].started();
  return hearth.replies[0];
};

test('while it thinks the answer can be had now, once', async (t) => {
  const {page, hearth} = await start(t);
  const reply = await begin(page, hearth);
  hearth.answerNow = (of) => of.write('\n\nBecause.');
  reply.write('\nHm, let me see', {channel: 'reasoning'});
  await page.locator('.live-line strong', {hasText: 'Thinking'}).waitFor();
  await page.locator('details.reasoning[open]', {hasText: 'Hm, let me see'}).waitFor();
  await page.getByRole('button', {name: 'Answer now'}).click();
  await until(() => hearth.received.some(({type, stream}) => type === 'chat.answer' && stream === reply.stream));
  await page.locator('.live-line strong', {hasText: 'Writing'}).waitFor();
  assert.equal(await page.locator('.live-line button').count(), 0);
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await lastReply(page), 'Because.');
  assert.equal(await page.locator('details.reasoning').getAttribute('open'), null);
  assert.equal(hearth.received.filter(({type}) => type === 'chat.answer').length, 1);
});

test('a reply that answers already has nothing to be hurried', async (t) => {
  const {page, hearth} = await start(t);
  const reply = await begin(page, hearth);
  reply.write('Because');
  await page.locator('.live-line strong', {hasText: 'Writing'}).waitFor();
  assert.equal(await page.getByRole('button', {name: 'Answer now'}).count(), 0);
});

test('thoughts and answer are the same after a reload', async (t) => {
  const {page, hearth} = await start(t);
  const reply = await begin(page, hearth);
  reply.write('One thought.', {channel: 'reasoning'});
  reply.write('\n\nAn answer.');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  await page.reload();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await lastReply(page), 'An answer.');
  await page.locator('details.reasoning summary').click();
  await page.locator('details.reasoning[open]', {hasText: 'One thought.'}).waitFor();
});

test('the budget goes with the next message, and none is no budget', async (t) => {
  const {page, hearth} = await start(t);
  hearth.answer = (reply) => { reply.write('Yes.'); reply.done(); };
  await page.locator('.chip[data-kind="model"]').waitFor();
  await page.locator('.topbar [data-for="settings"]').click();
  const number = page.getByLabel('Longest thoughts, exact');
  await page.getByText('No limit: the model thinks until it is done.').waitFor();
  await number.fill('64');
  await number.press('Tab');
  await page.getByText('After 64 tokens of thought the model has to answer.').waitFor();
  await closeSettings(page);
  await send(page, 'First');
  await until(() => hearth.replies.length === 1);
  assert.equal(hearth.replies[0].request.params.thinking_budget, 64);
  await page.locator('.tools .meta').waitFor();
  await page.locator('.topbar [data-for="settings"]').click();
  await number.fill('4096');
  await number.press('Tab');
  await page.getByText('No limit: the model thinks until it is done.').waitFor();
  await closeSettings(page);
  await send(page, 'Second');
  await until(() => hearth.replies.length === 2);
  assert.ok(!('thinking_budget' in hearth.replies[1].request.params));
});

test('a model that does not think has no budget to set', async (t) => {
  const {page} = await start(t, {thinks: false});
  await page.locator('.chip[data-kind="model"]').waitFor();
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByLabel('Longest reply, exact').waitFor();
  assert.ok(await page.getByLabel('Longest thoughts, exact').isHidden());
});

test('the room shows a dot for each person, how many wait, and who shares the model', async (t) => {
  const {page, hearth} = await start(t, {thinks: false});
  const reply = await begin(page, hearth);
  reply.write('Slowly');
  assert.equal(await page.locator('.room-pulse').count(), 0);
  hearth.tellAll({type: 'room', people: 33, running: 3, queued: 2});
  const pulse = page.locator('.room-pulse');
  await pulse.getByText('33 here, 2 waiting').waitFor();
  assert.deepEqual(await pulse.locator('circle').evaluateAll((all) => ['live', 'wait', 'idle'].map((is) => all.filter((each) => each.getAttribute('data-is') === is).length)), [3, 2, 19]);
  await pulse.locator('text', {hasText: '+9'}).waitFor();
  await page.locator('.live-line', {hasText: '3 people share the model right now'}).waitFor();
  hearth.tellAll({type: 'room', people: 2, running: 1, queued: 0});
  await pulse.getByText('2 here, nobody waiting').waitFor();
  await page.waitForFunction(() => !document.querySelector('.live-line')?.textContent.includes('share the model'));
});
