// The inspector: each token with what it was chosen from, other settings without the model, the prompt, steps, and the model's inside.
import assert from 'node:assert/strict';
import test from 'node:test';
import {phone, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';
import {australia, modelSheet, promptOf, tensorOf, traceOf} from './support/traces.js';

const browser = useBrowser();

/** A page with one finished, inspected reply. */
const answered = async (t, options = {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => {
    const trace = traceOf(reply.stream, australia.texts, australia.shapes);
    reply.started();
    reply.say({type: 'delta', from: 0, to: australia.texts.length, text: australia.text, lp: trace.tokens.map(({lp}) => lp), bytes: trace.tokens.map(({bytes}) => bytes)});
    Object.assign(reply, {text: australia.text, to: australia.texts.length});
    Object.assign(reply.message, {content: australia.text, to: reply.to});
    reply.done();
  };
  hearth.route = (path) => {
    const [, message, part] = /^\/api\/v1\/inspect\/([0-9a-f]{32})(\/prompt)?$/.exec(path) ?? [];
    if (message && message !== hearth.replies[0].stream) return undefined;
    if (part) return promptOf(message);
    if (message) return traceOf(message, australia.texts, australia.shapes);
    if (path === '/api/v1/model') return {body: modelSheet};
    const [, tensor] = /^\/api\/v1\/model\/tensors\/(.+)$/.exec(path) ?? [];
    return tensor ? tensorOf(decodeURIComponent(tensor)) : undefined;
  };
  const visitor = await visit(browser(), hearth.url, options);
  t.after(() => visitor.context.close());
  const {page} = visitor;
  await page.locator('#message').fill('What is the capital of Australia?');
  await page.locator('.send').click();
  await page.locator('.tools [data-does="inspect"]').click();
  await page.locator('.inspector').waitFor();
  return {hearth, ...visitor};
};
const token = (page, text) => page.locator('.tokens li', {hasText: text}).first();

test('each token is coloured by its surprise; choosing one shows the candidates stage by stage', async (t) => {
  const {page, assertClean} = await answered(t);
  await page.locator('.stages').waitFor();
  assert.equal(await page.locator('.tokens li').count(), australia.texts.length);
  assert.equal(await token(page, ' Canberra').getAttribute('data-heat'), '2');
  await token(page, ' Canberra').click();
  await page.locator('.token-card strong', {hasText: '2nd choice of the model, drawn at 25.9%'}).waitFor();
  const head = await page.locator('.stages thead th').allTextContents();
  assert.deepEqual(head, ['Candidate', 'Model', 'Temp.0.7', 'Top-p0.9', 'Chance']);
  const rows = page.locator('.stages tbody tr');
  assert.equal(await rows.nth(1).getAttribute('aria-selected'), 'true');
  assert.equal(await rows.nth(1).locator('th').textContent(), '␣Canberra');
  assert.ok(await page.locator('.stages td[data-cut]').count() > 0);
  const facts = await page.locator('.token-card .kv').textContent();
  assert.match(facts ?? '', /1005.*20 43 61 6e 62 65 72 72 61.*0\.7000/);
  assertClean();
});

test('arrows walk through the tokens and candidates, and b branches with the chosen one', async (t) => {
  const {page, hearth} = await answered(t);
  await page.locator('.stages').waitFor();
  await page.locator('.tokens').focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight');
  await page.locator('.token-card[aria-label="Token 6 of 42"]').waitFor();
  await page.getByRole('region', {name: 'Candidates, stage by stage'}).focus();
  await page.locator('.stages tbody tr:nth-child(1)[data-chosen]').waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.locator('.stages tbody tr:nth-child(3)[data-chosen]').waitFor();
  const chosen = await page.locator('.stages tbody tr:nth-child(3) th').textContent();
  await page.getByRole('button', {name: `Branch here with ${chosen}`}).waitFor();
  await page.keyboard.press('b');
  await until(() => hearth.replies.length === 2);
  const {branch, inspect, regenerate, parent} = hearth.replies[1].request;
  const {candidates} = traceOf('', australia.texts, australia.shapes).tokens[5];
  assert.deepEqual(branch, {message: hearth.replies[0].stream, at: 5, token: candidates[2].id});
  assert.deepEqual([inspect, regenerate, parent], [true, true, hearth.replies[0].message.parent]);
});

// Two steps and a branch within one frame went one step, and branched with what was chosen before.
test('keys that come faster than frames each act on what the one before did', async (t) => {
  const {page, hearth} = await answered(t);
  await page.locator('.stages').waitFor();
  await token(page, ' Canberra').click();
  await page.locator('.token-card[aria-label="Token 6 of 42"]').waitFor();
  await page.getByRole('region', {name: 'Candidates, stage by stage'}).evaluate((region) => {
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'b']) region.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
  });
  await until(() => hearth.replies.length === 2);
  assert.equal(hearth.replies[1].request.branch.token, traceOf('', australia.texts, australia.shapes).tokens[5].candidates[2].id);
});

test('other settings show where the text would have parted, without asking anything', async (t) => {
  const {page, hearth} = await answered(t);
  const asked = [];
  await page.locator('.what-if').waitFor();
  page.on('request', (request) => asked.push(request.url()));
  await page.locator('.what-if .answer', {hasText: 'These are the settings this reply was written with.'}).waitFor();
  await page.locator('.what-if').getByLabel('Temperature', {exact: true}).fill('0');
  await page.locator('.what-if .answer', {hasText: 'Same text for 5 tokens. Then ␣'}).waitFor();
  assert.equal(await page.locator('.tokens li[data-split="first"]').textContent(), ' Canberra');
  assert.equal(await page.locator('.tokens li[data-after]').count(), australia.texts.length - 6);
  assert.deepEqual(asked, []);
  await page.getByRole('button', {name: 'Write it that way'}).click();
  await until(() => hearth.replies.length === 2);
  assert.equal(hearth.replies[1].request.branch.at, 5);
  assert.equal(hearth.replies[1].request.params.temperature, 0);
});

test('the prompt is shown as the model saw it, with what was reused', async (t) => {
  const {page, assertClean} = await answered(t);
  await page.locator('.tabs').getByRole('link', {name: 'Prompt'}).click();
  await page.locator('.prompt .edge', {hasText: '11 tokens above were reused from memory, 12 below were computed'}).waitFor();
  assert.deepEqual(await page.locator('.prompt b').allTextContents(), ['<|im_start|>', '<|im_end|>', '<|im_start|>', '<|im_end|>', '<|im_start|>']);
  assert.match(await page.locator('.ids').nth(1).textContent() ?? '', /详细介绍113511下16872/);
  await page.getByRole('button', {name: 'Copy the ids'}).click();
  await page.locator('.toast', {hasText: 'Copied'}).waitFor();
  assertClean();
});

test('step by step: one token, run, and another choice', async (t) => {
  const {page, hearth} = await answered(t);
  await page.locator('.tabs').getByRole('link', {name: 'Step by step'}).click();
  await page.locator('.pipeline .bars').first().waitFor();
  const steps = [];
  hearth.answer = (reply) => { reply.started(); reply.say({type: 'paused', to: 0}); };
  hearth.step = (reply, message) => {
    steps.push(message.tokens);
    reply.write(` word${steps.length}`);
    if (message.tokens === 1) reply.say({type: 'paused', to: reply.to});
    else reply.done();
  };
  await page.getByRole('button', {name: 'Write one token at a time'}).click();
  await until(() => hearth.replies.length === 2);
  assert.equal(hearth.replies[1].request.step, true);
  await page.locator('.live-line', {hasText: 'Waiting for the next step'}).waitFor();
  await page.getByRole('button', {name: 'Next token'}).click();
  await page.locator('.turn[data-from="model"] .prose', {hasText: 'word1'}).waitFor();
  await page.locator('.live-line', {hasText: 'Waiting for the next step'}).waitFor();
  await page.locator('.inspector h2').focus();
  await page.keyboard.press('.');
  await page.locator('.turn[data-from="model"] .prose', {hasText: 'word2'}).waitFor();
  await page.getByRole('button', {name: 'Run', exact: true}).click();
  await page.locator('.turn[data-from="model"] .tools .meta').waitFor();
  assert.deepEqual(steps, [1, 1, 4096]);
});

test('step by step: another choice for a token of a finished reply goes on from it, one token at a time', async (t) => {
  const {page, hearth} = await answered(t);
  await page.locator('.inspector .tokens [role="option"]').nth(5).click();
  await page.locator('.tabs').getByRole('link', {name: 'Step by step'}).click();
  const other = page.locator('.pipeline').getByRole('button', {name: /^Take .+ instead$/}).first();
  await other.waitFor();
  hearth.answer = (reply) => { reply.started(); reply.say({type: 'paused', to: 0}); };
  await other.click();
  await until(() => hearth.replies.length === 2);
  const {branch, step, inspect} = hearth.replies[1].request;
  assert.deepEqual([branch.message, branch.at, step, inspect], [hearth.replies[0].stream, 5, true, true]);
  assert.notEqual(branch.token, 1005);   // the one that was written
});

test('the model’s modules open level by level and a tensor shows its values', async (t) => {
  const {page, assertClean} = await answered(t);
  await page.locator('.tabs').getByRole('link', {name: 'Model'}).click();
  await page.locator('.inspector', {hasText: '4,936,576 parameters, 19.7 MB F32'}).waitFor();
  await page.locator('.tree summary', {hasText: 'layers'}).click();
  await page.locator('.tree summary', {hasText: '0-7'}).click();
  await page.locator('.tree summary', {hasText: 'self_attn'}).click();
  await page.locator('.tree .leaf', {hasText: 'q_proj'}).click();
  await page.locator('.inspector h3', {hasText: 'model.layers.0.self_attn.q_proj.weight'}).waitFor();
  assert.equal(await page.locator('.values > svg rect').count(), 480);
  assertClean();
});

test('a link opens the same view, Back closes it, and Esc too', async (t) => {
  const {page} = await answered(t);
  await page.locator('.tabs').getByRole('link', {name: 'Prompt'}).click();
  await page.reload();
  await page.locator('.prompt').waitFor();
  await page.goBack();
  await page.locator('.stages').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.inspector').waitFor({state: 'detached'});
  await page.keyboard.press('i');
  await page.locator('.inspector').waitFor();
});

test('an answer that fails for a moment is asked for again', async (t) => {
  const {page, hearth} = await answered(t);
  await page.locator('.stages').waitFor();
  const {route} = hearth;
  let failures = 2;
  hearth.route = (path, search, body) => (failures-- > 0 ? {status: 503, body: {code: 'busy', status: 503}} : route(path, search, body));
  await page.reload();
  await page.locator('.stages').waitFor();
});

test('without kept candidates the page says so and offers to write the reply again with them', async (t) => {
  const {page, hearth} = await answered(t);
  hearth.route = (path) => path.startsWith('/api/v1/inspect/') ? {...traceOf(path.slice(16), australia.texts), inspect: false,
    tokens: traceOf(path.slice(16), australia.texts).tokens.map(({index, id, text, bytes, lp, rank, u}) => ({index, id, text, bytes, lp, rank, u}))} : undefined;
  await page.reload();
  await page.getByRole('button', {name: 'Write it again and keep them'}).click();
  await until(() => hearth.replies.length === 2);
  assert.equal(hearth.replies[1].request.inspect, true);
  assert.equal(hearth.replies[1].request.params.seed, 1, 'with the same seed');
});

test('on a phone the inspector is a sheet over the chat, and nothing scrolls sideways', async (t) => {
  const {page} = await answered(t, phone);
  await page.locator('.stages').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.equal(await page.locator('.inspector .body').evaluate((body) => body.scrollWidth - body.clientWidth), 0);
});

test('nothing is asked for while the inspector is closed and the tokens came with the text', async (t) => {
  const {page} = await answered(t);
  await page.locator('.stages').waitFor();   // what was asked while it was open has come
  await page.keyboard.press('Escape');
  await page.locator('.inspector').waitFor({state: 'detached'});
  const asked = [];
  page.on('request', (request) => request.url().includes('/api/') && asked.push(request.url()));
  await send(page, 'Again');
  await page.locator('.embers').nth(1).waitFor();
  assert.deepEqual(asked, []);
});
