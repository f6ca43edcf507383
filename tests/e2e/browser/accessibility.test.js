// axe on every state of the page, by day, by night and on a phone; what screen readers hear.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import test from 'node:test';
import {pass, phone, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';
import {ownData} from './support/own_data.js';
import {australia, modelSheet, promptOf, tensorOf, traceOf} from './support/traces.js';

const browser = useBrowser();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong, as readable lines. */
const faultsOf = async (page) => {
  const results = await page.evaluate(() => window['axe'].run(document, {resultTypes: ['violations']}));
  return results.violations.flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary}`));
};

const answer = '# Heading\n\nWords with `code`, a [link](https://example.org) and\n\n- a list\n\n> a quote\n\n|a|b|\n|-|-:|\n|1|2|\n\n```python\nx = "1"  # note\n```\n';

const views = {day: {colorScheme: 'light'}, night: {colorScheme: 'dark'}, phone};
for (const [name, options] of Object.entries(views)) {
  test(`axe finds nothing: ${name}`, async (t) => {
    const hearth = await FakeHearth.start(t);
    const visitor = await visit(browser(), hearth.url, {...options, bypassCSP: true, reducedMotion: 'reduce'});
    t.after(() => visitor.context.close());
    const {page} = visitor;
    await page.addScriptTag({content: axe});
    const check = async (/** @type {string} */ state) => assert.deepEqual(await faultsOf(page), [], state);
    await page.locator('.welcome').waitFor();
    await check('empty');

    await page.locator('#message').fill('A question');
    await page.locator('.send').click();
    await until(() => hearth.replies.length === 1);
    const [reply] = hearth.replies;
    reply.queued(3, 4, {eta_ms: 40_000, ahead_tokens: 1240});
    await page.locator('.queue').waitFor();
    await check('queued');
    reply.started();
    reply.write(answer);
    await page.locator('figure.code').waitFor();
    await check('writing');
    await page.locator('.meter > button').click();
    await page.locator('.legend', {hasText: 'Written so far'}).waitFor();
    await check('the meter while it is written');
    await page.keyboard.press('Escape');
    await page.locator('.popover').waitFor({state: 'detached'});
    reply.done('failed', {error: {code: 'engine_failed', status: 500, detail: 'The engine failed.'}});
    await page.locator('.trouble').waitFor();
    await check('failed');

    hearth.answer = (again) => {
      again.say({type: 'delta', from: 0, to: australia.texts.length, text: australia.text, lp: australia.texts.map((_, i) => -i / 4), bytes: australia.texts.map((text) => Buffer.byteLength(text))});
      again.to = australia.texts.length;
      again.done();
    };
    hearth.route = (path) => {
      const [, message, part] = /^\/api\/v1\/inspect\/([0-9a-f]{32})(\/prompt)?$/.exec(path) ?? [];
      if (part) return promptOf(message);
      if (message) return traceOf(message, australia.texts, australia.shapes);
      return path === '/api/v1/model' ? {body: modelSheet} : path.includes('/tensors/') ? tensorOf('model.embed_tokens.weight') : undefined;
    };
    hearth.measure = () => ({fits: true, prompt_tokens: 1600, content_tokens: 1500, context_length: 2048, max_tokens: 448, dropped: [reply.message.parent, reply.stream], dropped_tokens: 486,
      costs: [{message: reply.message.parent, tokens: 486}]});
    await page.locator('.trouble').getByRole('button', {name: 'Try again'}).click();
    await page.locator('.embers').waitFor();
    await page.locator('#message').fill('More');
    await page.locator('.forget').waitFor();
    await check('forgotten');
    await page.locator('.meter > button').click();
    await page.locator('.popover').waitFor();
    await check('context');
    await page.keyboard.press('Escape');
    await page.getByRole('button', {name: 'Continue, save, details'}).click();
    await page.locator('.menu').waitFor();
    await check('menu of a reply');
    await page.getByRole('button', {name: 'Change the text'}).click();
    await page.locator('.rewrite').waitFor();
    await check('the text of a reply as a field');
    await page.keyboard.press('Escape');
    await page.locator('.rewrite').waitFor({state: 'detached'});
    await page.locator('.tools [data-does="inspect"]').click();
    await page.locator('.stages').waitFor();
    await check('tokens');
    for (const [tab, sign] of [['Prompt', '.prompt'], ['Step by step', '.bars'], ['Model', '.tree']]) {
      await page.locator('.tabs').getByRole('link', {name: tab}).click();
      await page.locator(`.inspector ${sign}`).first().waitFor();
      await check(tab);
    }
    await page.locator('.tree .leaf').first().click();
    await page.locator('.values rect').first().waitFor();
    await check('tensor');
    await page.keyboard.press('Escape');
    await page.locator('.inspector').waitFor({state: 'detached'});
    await page.locator('.log').focus();
    await page.keyboard.press('?');
    await page.locator('.sheet[open]').waitFor();
    await check('help');
    await page.keyboard.press('Escape');

    await page.locator('.topbar [data-for="settings"]').click();
    await page.locator('.sheet[open]').waitFor();
    await page.locator('.more summary').click();
    await check('settings');
    await page.keyboard.press('Escape');
    await page.locator('.sheet[aria-labelledby="settings-title"]').waitFor({state: 'hidden'});
    if (options === phone) {
      hearth.find = () => [{conversation: {id: '1'.repeat(32), title: 'A question', updated: 1}, message: '2'.repeat(32), role: 'user', created: 1, snippet: [{text: 'a '}, {text: 'find', match: true}]}];
      await page.locator('.topbar [data-for="rail"]').click();
      await page.locator('.rail').waitFor();
      await check('drawer');
      await page.locator('.search input').fill('find');
      await page.locator('mark').waitFor();
      await check('search');
      await page.locator('.search input').fill('');
      await page.keyboard.press('Escape');
    }
    await hearth.goAway();
    await pass(page, 'banner');
    await page.locator('.banner').waitFor();
    await check('offline');
  });
}

for (const [name, options] of Object.entries(views)) {
  test(`axe finds nothing in what is yours: ${name}`, async (t) => {
    const hearth = await FakeHearth.start(t);
    ownData(hearth);
    const {page, context} = await visit(browser(), hearth.url, {...options, bypassCSP: true, reducedMotion: 'reduce'});
    t.after(() => context.close());
    await page.addScriptTag({content: axe});
    await page.locator('.chip[data-kind="quiet"]').waitFor();
    hearth.tellAll({type: 'room', people: 12, running: 3, queued: 4});
    await page.locator('.topbar [data-for="settings"]').click();
    await page.getByRole('button', {name: 'Make a phrase'}).click();
    await page.locator('.phrase').waitFor();
    await page.getByText('I have a recovery phrase').click();
    await page.getByLabel('Your eight words').fill('wrong');
    await page.getByLabel('Your eight words').press('Enter');
    await page.getByText('No conversations belong to these words.').waitFor();
    await page.getByRole('button', {name: 'Delete everything', exact: true}).click();
    await page.getByText('This cannot be undone').waitFor();
    assert.deepEqual(await faultsOf(page), []);
  });
}

test('axe finds nothing at the door', async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.joinCode = 'AAAA';
  const {page, context} = await visit(browser(), hearth.url, {bypassCSP: true});
  t.after(() => context.close());
  await page.addScriptTag({content: axe});
  await page.getByLabel('Room code').waitFor();
  assert.deepEqual(await faultsOf(page), []);
});

test('axe finds nothing while the model loads', async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.model = {id: 'demo', name: 'Hearth demo', state: 'loading', stage: 'weights', percent: 41.5, eta_ms: 9000, stages: [
    {stage: 'config', ms: 98}, {stage: 'tokenizer', ms: 812, tokens: 8192}, {stage: 'weights', bytes: 4e6, bytes_all: 9e6, tensor: 'model.embed_tokens', dtype: 'bf16'}]};
  const {page, context} = await visit(browser(), hearth.url, {bypassCSP: true, reducedMotion: 'reduce'});
  t.after(() => context.close());
  await page.addScriptTag({content: axe});
  await page.locator('.load li[data-state="now"]').waitFor();
  assert.deepEqual(await faultsOf(page), []);
});

test('screen readers hear: sent, writing once, finished; never the text as it comes', async (t) => {
  const hearth = await FakeHearth.start(t);
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.locator('.welcome').waitFor();
  await page.evaluate(() => {
    const line = /** @type {Element} */ (document.querySelector('[role="status"].unseen'));
    window['said'] = [];
    new MutationObserver(() => window['said'].push(line.textContent)).observe(line, {childList: true, characterData: true, subtree: true});
  });
  await send(page, 'Hello');
  await until(() => hearth.replies.length === 1);
  const [reply] = hearth.replies;
  for (const word of ['one', ' two', ' three']) {
    reply.write(word);
    await page.getByText(word.trim()).first().waitFor();
  }
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.deepEqual(await page.evaluate(() => window['said']), ['Sent', 'Writing', 'Reply finished, 3 tokens']);
  assert.equal(await page.locator('[role="log"]').getAttribute('aria-live'), 'off');
});

test('the first Tab is the way to the message', async (t) => {
  const hearth = await FakeHearth.start(t);
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.locator('.welcome').waitFor();
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.activeElement?.className === 'skip');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.id === 'message');
});
