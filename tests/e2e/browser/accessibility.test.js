// axe on every state of the page, by day, by night and on a phone; what screen readers hear.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import test from 'node:test';
import {phone, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

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
    reply.done('failed', {error: {code: 'engine_failed', status: 500, detail: 'The engine failed.'}});
    await page.locator('.trouble').waitFor();
    await check('failed');

    await page.locator('.topbar [data-for="settings"]').click();
    await page.locator('.sheet[open]').waitFor();
    await check('settings');
    await page.keyboard.press('Escape');
    await page.locator('.sheet[aria-labelledby="settings-title"]').waitFor({state: 'hidden'});
    if (options === phone) {
      await page.locator('.topbar [data-for="rail"]').click();
      await page.locator('.rail').waitFor();
      await check('drawer');
      await page.keyboard.press('Escape');
    }
    await hearth.stop();
    await page.locator('.banner').waitFor();
    await check('offline');
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
