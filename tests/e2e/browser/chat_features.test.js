// Formulas, coloured code, thoughts, the ember line, going on with a cut reply, and conversations of hundreds of messages.
import assert from 'node:assert/strict';
import test from 'node:test';
import {lastReply, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const asked = async (t, options = {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => reply.started();
  const visitor = await visit(browser(), hearth.url, options);
  t.after(() => visitor.context.close());
  await send(visitor.page, 'Tell me');
  await until(() => hearth.replies.length === 1);
  return {hearth, ...visitor, reply: hearth.replies[0]};
};

test('formulas are drawn when they close, inline and as blocks, and prices are words', async (t) => {
  const {page, reply, assertClean} = await asked(t);
  reply.write('From $5 to $10, and $a^2');
  await page.locator('.prose', {hasText: '$a^2'}).waitFor();
  assert.equal(await page.locator('.katex').count(), 0, 'an open formula is plain text');
  reply.write('$ holds.\n\n\\[\n\\frac{1}{2}\n\\]\n\nBroken: $\\frac{$ end.\n');
  reply.done();
  await page.locator('.prose .katex-display').waitFor();
  assert.equal(await page.locator('.prose .katex').count(), 2);
  assert.equal(await page.locator('.prose .math[data-state="plain"]').textContent(), '\\frac{');
  assert.match(await lastReply(page) ?? '', /From \$5 to \$10/);
  await page.waitForFunction(() => document.fonts.check('16px KaTeX_Main'));
  assertClean();
});

// The last lines stood below the edge.
test('who is at the end stays there when a formula is drawn later than its text', async (t) => {
  const {page, reply} = await asked(t);
  let go = () => {};
  const held = new Promise((resolve) => { go = () => resolve(undefined); });
  await page.route(/\/math[^/]*\.js$/, async (route) => { await held; await route.continue(); });
  reply.write(`${'Words.\n\n'.repeat(60)}$$\\begin{pmatrix}1\\\\2\\\\3\\\\4\\\\5\\\\6\\end{pmatrix}$$\n\nThe end.`);
  reply.done();
  await page.locator('.tools .meta').waitFor();
  const height = () => page.locator('.log').evaluate((log) => log.scrollHeight);
  const before = await height();
  go();
  await page.waitForFunction((plain) => document.querySelector('.katex') && document.querySelector('.log').scrollHeight > plain, before);
  await page.waitForFunction(() => { const e = document.querySelector('.log'); return e.scrollHeight - e.scrollTop - e.clientHeight < 2; });
});

test('the highlighter and KaTeX are loaded when they are needed, not before', async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => { reply.write(reply.request.content === 'code' ? '```js\nlet x = 1;\n```\n' : 'plain words'); reply.done(); };
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  const loaded = () => page.evaluate(() => performance.getEntriesByType('resource').map(({name}) => name.replace(/.*\/|-\w+\.\w+$/g, '')));
  await send(page, 'words');
  await page.locator('.tools .meta').waitFor();
  assert.ok(!(await loaded()).some((name) => /highlighter|math|katex/.test(name)), String(await loaded()));
  await send(page, 'code');
  await page.locator('.hljs-number').waitFor();
  assert.ok((await loaded()).includes('highlighter'));
  assert.ok(!(await loaded()).includes('math'));
});

test('a list keeps its first number and a table its columns', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('3. three\n4. four\n\n|a|b|\n|-|-:|\n|1|2|\n');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await page.locator('.prose ol').getAttribute('start'), '3');
  assert.equal(await page.locator('.prose td').last().evaluate((cell) => getComputedStyle(cell).textAlign), 'end');
});

test('Arabic and Hebrew begin at the right, block by block; code and formulas do not turn', async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => { reply.write('שלום $a<b$ לכולם.\n\n- אחד\n- שתיים\n\nAnd English.\n\n```js\nlet x = 1;\n```\n'); reply.done(); };
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await send(page, 'مرحبا، كيف حالك؟');
  await page.locator('.prose .katex').waitFor();
  const direction = (selector) => page.locator(selector).first().evaluate((element) => getComputedStyle(element).direction);
  const prose = '.turn[data-from="model"] .prose';
  assert.deepEqual(await Promise.all(['> p:first-child', '> ul', '> p:nth-of-type(2)', '> figure', '.math'].map((each) => direction(`${prose} ${each}`))), ['rtl', 'rtl', 'ltr', 'ltr', 'ltr']);
  assert.deepEqual(await Promise.all(['.topbar h1', '.rail li a'].map(direction)), ['rtl', 'rtl']);
  const sides = await page.locator('.turn[data-from="person"] .prose').evaluate((bubble) => {
    const range = document.createRange();
    range.setStart(bubble.firstChild, bubble.textContent.length - 1);
    range.setEnd(bubble.firstChild, bubble.textContent.length);
    const [mark, whole] = [range.getBoundingClientRect(), bubble.getBoundingClientRect()];
    return mark.left - whole.left < whole.right - mark.right;
  });
  assert.ok(sides, 'the question mark stands at the left end');
});

test('long lines of code can be wrapped', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('```\n' + 'word '.repeat(100) + '\n```\n');
  reply.done();
  const pre = page.locator('figure.code pre');
  await page.locator('.tools .meta').waitFor();
  assert.ok(await pre.evaluate((element) => element.scrollWidth > element.clientWidth));
  await page.getByRole('button', {name: 'Wrap long lines'}).click();
  assert.ok(await pre.evaluate((element) => element.scrollWidth <= element.clientWidth));
});

test('thoughts are open while they come and close when the answer begins, with their length', async (t) => {
  const {page, reply} = await asked(t);
  const details = page.locator('details.reasoning');
  reply.write('I wonder about that', {channel: 'reasoning'});
  await details.waitFor();
  assert.ok(await details.evaluate((element) => element.open));
  await details.locator('summary', {hasText: 'Thinking, 4 tokens'}).waitFor();
  reply.write('Yes.');
  await page.waitForFunction(() => document.querySelector('details.reasoning')?.open === false);
  reply.done();
  await details.locator('summary', {hasText: /^Thought for \d+\.\d s, 4 tokens$/}).waitFor();
  await details.locator('summary').click();
  assert.ok(await details.locator('.prose').isVisible());
});

test('under a finished reply lies the ember line: a bar for each token, and the way to the inspector', async (t) => {
  const {page, reply, assertClean} = await asked(t);
  reply.write('one two three four', {lp: [-0.01, -0.9, -2.5, -9]});
  await page.locator('.prose', {hasText: 'four'}).waitFor();
  assert.equal(await page.locator('.embers').count(), 0, 'not while it is written');
  reply.done();
  const line = page.locator('.embers');
  await line.waitFor();
  assert.deepEqual(await line.locator('path').evaluateAll((paths) => paths.map((path) => path.dataset.heat)), ['0', '1', '3', '5']);
  assert.equal(await line.getAttribute('aria-label'), 'How sure the model was: 4 tokens, 3 of them uncertain. Open the inspector');
  await line.click({position: {x: 500, y: 8}});
  await page.locator('.inspector').waitFor();
  assert.match(page.url(), /\/inspect\/tokens\/[0-9a-f]{32}$/);
  assertClean();
});

test('after a reload the line is drawn from what the server kept', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('one two');
  reply.done();
  await page.locator('.embers').waitFor();
  hearth.route = (path) => path === `/api/v1/inspect/${reply.stream}` ? {message: reply.stream, state: 'done', to: 2, traced: 2, inspect: false, prompt_tokens: 9, sampling: {}, stages: [], from: 0,
    tokens: [{index: 0, id: 5, text: 'one', bytes: 3, lp: -0.1, rank: 0, u: 0.5}, {index: 1, id: 6, text: ' two', bytes: 4, lp: -3, rank: 4, u: 0.5}]} : undefined;
  await page.reload();
  await page.locator('.embers path[data-heat="3"]').waitFor();
});

// The last word on what the server offers came after the reply was drawn, and its figures were written anew.
test('a finished turn is not touched by what the server says later', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('one two');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  let answer = () => {};
  const wanted = new Promise((isAsked) => { hearth.route = () => new Promise((resolve) => { answer = () => resolve({status: 404, body: {code: 'route_missing'}}); isAsked(undefined); }); });
  await page.reload();
  await page.locator('.tools .meta', {hasText: '2 tokens, 40.0/s'}).waitFor();
  await wanted;
  await page.evaluate(() => {
    window['touched'] = 0;
    new MutationObserver((records) => { window['touched'] += records.length; }).observe(document.querySelector('.log'), {childList: true, subtree: true, characterData: true, attributes: true});
  });
  answer();
  await page.evaluate(() => { location.hash += '/inspect/prompt'; });
  await page.locator('.inspector', {hasText: 'This server does not offer this view.'}).waitFor();   // it has been heard
  assert.equal(await page.evaluate(() => window['touched']), 0);
});

test('a reply that met its limit goes on in the same place', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('Half a');
  reply.done('length');
  await page.locator('.trouble').getByRole('button', {name: 'Continue'}).click();
  await until(() => hearth.received.some((message) => message.type === 'chat.continue'));
  reply.write(' sentence.');
  reply.done();
  await page.locator('.tools .meta', {hasText: '3 tokens'}).waitFor();
  assert.equal(await lastReply(page), 'Half a sentence.');
  assert.equal(await page.locator('.turn').count(), 2);
  assert.equal(await page.locator('.trouble').count(), 0);
});

test('on a server that cannot go on, the offer disappears and nothing is lost', async (t) => {
  const {page, hearth, reply} = await asked(t);
  hearth.lacks.add('chat.continue');
  reply.write('Half a');
  reply.done('length');
  await page.locator('.trouble').getByRole('button', {name: 'Continue'}).click();
  await page.locator('.trouble').getByRole('button', {name: 'Continue'}).waitFor({state: 'detached'});
  assert.equal(await lastReply(page), 'Half a');
});

test('the menu of a reply tells with what it was made', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('one two');
  reply.done();
  await page.getByRole('button', {name: 'Continue, save, details'}).click();
  const facts = page.locator('.menu .kv');
  await facts.waitFor();
  const text = await facts.textContent() ?? '';
  for (const fact of ['demo', 'First token after', '6 ms', '40.0/s', '12 tokens', 'by itself']) assert.ok(text.includes(fact), `${fact} in ${text}`);
  await page.keyboard.press('Escape');
  await facts.waitFor({state: 'detached'});
});

/** A conversation of `count` messages that the server has already. */
const longConversation = async (t, count) => {
  const hearth = await FakeHearth.start(t);
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.locator('.welcome').waitFor();
  await until(() => hearth.users.size === 1);   // the first view is there before the session
  const id = '0'.repeat(31) + 'a';
  const messages = Array.from({length: count}, (_, i) => ({id: String(i).padStart(32, '0'), parent: i ? String(i - 1).padStart(32, '0') : null, created: i, status: 'done',
    ...(i % 2 ? {role: 'assistant', to: 60, finish_reason: 'stop', content: `Answer ${i} has **bold** words, a list\n\n- one\n- two\n\nand code:\n\n\`\`\`js\nlet x = ${i};\n\`\`\`\n\n${'More words in a paragraph. '.repeat(8)}`}
      : {role: 'user', content: `Question ${i}?`})}));
  [...hearth.users.values()][0].conversations.set(id, {id, title: 'Long', revision: 0, head: messages.at(-1).id, created: 1, updated: Date.now(), system: '', params: {}, messages});
  return {hearth, page, id};
};

/** Waits until every turn within a screen and a half is drawn, and nothing is left to draw. */
const drawnNear = (page) => page.waitForFunction(() => {
  const box = document.querySelector('.log').getBoundingClientRect();
  return [...document.querySelectorAll('.turn[data-state="sketch"]')].every((turn) => { const r = turn.getBoundingClientRect(); return r.bottom < box.top - 1.5 * box.height || r.top > box.bottom + 1.5 * box.height; })
    && [...document.querySelectorAll('.turn:not([data-state="sketch"]) figure.code code')].every((code) => code.querySelector('span') !== null);   // coloured, too
});

test('of a reply that was imported no count of tokens is told', async (t) => {
  const {hearth, page, id} = await longConversation(t, 2);
  delete [...hearth.users.values()][0].conversations.get(id).messages[1].to;
  await page.evaluate((hash) => { location.hash = hash; }, `#/c/${id}`);
  const tools = page.locator('.turn[data-from="model"] .tools');
  await tools.getByRole('button', {name: 'Copy'}).waitFor();
  assert.equal(await tools.textContent(), '');
});

test('of five hundred messages only those near the view are drawn; scrolling draws the others and holds the view', async (t) => {
  const {page, id} = await longConversation(t, 500);
  await page.evaluate((hash) => { location.hash = hash; }, `#/c/${id}`);
  await page.locator('.turn').nth(499).locator('.tools').waitFor();
  const log = page.locator('.log');
  await page.waitForFunction(() => document.querySelectorAll('.turn').length === 500);   // the older ones follow
  const drawn = () => page.locator('.turn:not([data-state="sketch"])').count();
  await page.waitForFunction(() => { const e = document.querySelector('.log'); return e.scrollHeight - e.scrollTop - e.clientHeight < 2; });
  assert.ok(await drawn() < 60, `${await drawn()} are drawn`);
  // The middle: what stands at the top of the view stays there while its neighbours are drawn.
  await log.evaluate((element) => { element.scrollTop = element.scrollHeight / 2; });
  await page.waitForFunction(() => {
    const box = document.querySelector('.log').getBoundingClientRect();
    return [...document.querySelectorAll('.turn')].filter((turn) => { const r = turn.getBoundingClientRect(); return r.bottom > box.top && r.top < box.bottom; }).every((turn) => turn.dataset.state !== 'sketch');
  });
  for (let i = 0; i < 5; i++) {
    const jumps = await log.evaluate(async (element) => {
      const top = element.getBoundingClientRect().top;
      const first = [...element.children].find((turn) => turn.getBoundingClientRect().bottom > top);
      element.scrollTop -= 400;
      const before = first.getBoundingClientRect().top;
      for (let frame = 0; frame < 6; frame++) await new Promise(requestAnimationFrame);
      return Math.abs(first.getBoundingClientRect().top - before);
    });
    assert.ok(jumps <= 2, `moved by ${jumps}`);
  }
});

test('typing into a conversation of five hundred messages touches no turn', async (t) => {
  const {page, id} = await longConversation(t, 500);
  await page.evaluate((hash) => { location.hash = hash; }, `#/c/${id}`);
  await page.locator('.turn').nth(499).locator('.tools').waitFor();
  await page.locator('.meter data').waitFor();   // asked when all of the conversation is there
  await drawnNear(page);
  await page.evaluate(() => {
    window['touched'] = 0;
    new MutationObserver((records) => { window['touched'] += records.length; }).observe(document.querySelector('.log'), {childList: true, subtree: true, characterData: true, attributes: true});
  });
  await page.locator('#message').pressSequentially('twenty letters typed');
  await page.waitForFunction(() => document.querySelector('.composer').dataset.state === 'ready');
  assert.equal(await page.evaluate(() => window['touched']), 0);
});
