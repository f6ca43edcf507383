// A reply on its way to the page: token ranges, the cursor, Stop, and what is drawn when.
import assert from 'node:assert/strict';
import test from 'node:test';
import {lastReply, replies, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();
const named = useBrowser(['--host-resolver-rules=MAP hearth.test 127.0.0.1']);

/** A page with one question asked and its reply in the test's hand. */
const asked = async (t, question = 'Tell me') => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => reply.started();
  const visitor = await visit(browser(), hearth.url);
  t.after(() => visitor.context.close());
  await send(visitor.page, question);
  await until(() => hearth.replies.length === 1);
  return {hearth, ...visitor, reply: hearth.replies[0]};
};

const shows = async (page, text) => page.waitForFunction((wanted) => {
  const prose = [...document.querySelectorAll('.turn[data-from="model"] > .prose')].at(-1);
  return prose?.textContent.replace('▌', '').trim() === wanted;
}, text);

test('text grows with the cursor at its end, and the cursor goes when the reply is done', async (t) => {
  const {page, reply, assertClean} = await asked(t);
  reply.write('The sky');
  await shows(page, 'The sky');
  assert.equal(await page.locator('.prose p > .cursor').count(), 1, 'the cursor is in the last paragraph');
  assert.equal(await page.locator('.turn[data-from="model"]').getAttribute('aria-busy'), 'true');
  reply.write(' is blue.');
  await shows(page, 'The sky is blue.');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await page.locator('.cursor').count(), 0);
  assert.match(await page.locator('.tools .meta').textContent() ?? '', /^4 tokens, 40\.0\/s$/);
  assertClean();
});

test('a doubled range is dropped and a missing one is asked for', async (t) => {
  const {page, hearth, reply} = await asked(t);
  const first = reply.write('one two three');
  reply.say(first);
  await shows(page, 'one two three');
  reply.write(' four five', {unsent: true});
  reply.write(' six');
  await shows(page, 'one two three four five six');
  const attach = hearth.received.filter((message) => message.type === 'stream.attach');
  assert.deepEqual(attach.map(({have}) => have), [3]);
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await lastReply(page), 'one two three four five six');
});

test('an end that comes before its last tokens is not believed', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('one two');
  reply.write(' three', {unsent: true});
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal((await lastReply(page)).trim(), 'one two three');
});

test('Stop asks the server, keeps what was written and says so', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('Half a');
  await shows(page, 'Half a');
  await page.locator('.send[data-kind="stop"]').click();
  await page.locator('.trouble', {hasText: 'Stopped.'}).waitFor();
  assert.equal((await lastReply(page)).trim(), 'Half a');
  assert.equal(hearth.received.filter((message) => message.type === 'chat.cancel').length, 1);
  assert.equal(await page.locator('[role="status"].unseen').textContent(), 'Stopped.');
});

test('Esc stops the reply', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('Half');
  await shows(page, 'Half');
  await page.keyboard.press('Escape');
  await until(() => hearth.received.some((message) => message.type === 'chat.cancel' && message.stream === reply.stream));
});

test('closed blocks are never drawn again', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('First paragraph.\n\n```js\nlet x = 1;\n```\n\nSecond');
  await page.locator('.prose > p', {hasText: 'Second'}).waitFor();
  await page.locator('.code .hljs-number').first().waitFor();   // a closed block of code is coloured once, when the colours have come
  await page.evaluate(() => {
    const closed = document.querySelectorAll('.prose > :is(p, figure):not(:last-child)');
    window['touched'] = 0;
    for (const block of closed) new MutationObserver((records) => { window['touched'] += records.length; }).observe(block, {childList: true, subtree: true, characterData: true, attributes: true});
    window['first'] = closed[0];
  });
  for (let i = 0; i < 20; i++) reply.write(` word${i}`);
  reply.write('\n\nThird.\n');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await page.evaluate(() => window['touched']), 0);
  assert.ok(await page.evaluate(() => window['first'].isConnected), 'the nodes are the same ones');
});

test('a long open code block grows by one text node, not by being drawn anew', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('```python\nfirst = 1\n');
  await page.locator('figure.code code').waitFor();
  await page.evaluate(() => { window['code'] = document.querySelector('figure.code code')?.firstChild; });
  for (let i = 0; i < 50; i++) reply.write(`line_${i} = ${i}\n`);
  await page.locator('figure.code code', {hasText: 'line_49'}).waitFor();
  assert.ok(await page.evaluate(() => window['code'].isConnected));
  assert.equal(await page.locator('.code .hljs-number').count(), 0, 'open code is plain');
  reply.write('```\n');
  await page.locator('.code .hljs-number').first().waitFor();
});

test('who reads above is not moved, and a button leads to the new text', async (t) => {
  const {page, reply} = await asked(t);
  const paragraph = 'Many words stand in this paragraph so that it takes some room on the screen. '.repeat(4);
  for (let i = 0; i < 20; i++) reply.write(`${paragraph}\n\n`);
  const log = page.locator('.log');
  const distance = () => log.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
  await page.waitForFunction(() => { const e = document.querySelector('.log'); return e && e.scrollHeight > 2000 && e.scrollHeight - e.scrollTop - e.clientHeight < 2; });
  await log.evaluate((element) => { element.scrollTop = 300; });
  await page.waitForFunction(() => document.querySelector('.log')?.scrollTop === 300);
  reply.write(`${paragraph}\n\nlast words`);
  await page.locator('.to-end').waitFor({state: 'visible'});
  assert.equal(await log.evaluate((element) => element.scrollTop), 300);
  await page.locator('.to-end').click();
  assert.ok(await distance() < 2);
  await page.locator('.to-end').waitFor({state: 'hidden'});
  reply.write(' and more. '.repeat(200));
  await page.waitForFunction(() => { const e = document.querySelector('.log'); return e && e.textContent?.includes('and more') && e.scrollHeight - e.scrollTop - e.clientHeight < 2; });
});

test('who has just scrolled up is not brought back by what is drawn before the scroll event', async (t) => {
  const {page, reply} = await asked(t);
  reply.write('Many words stand in this paragraph so that it takes some room on the screen.\n\n'.repeat(60));
  reply.done();
  await page.locator('.tools .meta').waitFor();
  await page.waitForFunction(() => { const e = document.querySelector('.log'); return e.scrollTop > 1000 && e.scrollHeight - e.scrollTop - e.clientHeight < 2; });
  const place = await page.evaluate(() => {
    const log = document.querySelector('.log');
    const area = document.querySelector('#message');
    log.scrollTop = 300;   // its event comes with the next frame
    area.value = 'x';
    area.dispatchEvent(new Event('input', {bubbles: true}));
    area.dispatchEvent(new KeyboardEvent('keydown', {key: 'Shift', bubbles: true}));   // draws at once
    return log.scrollTop;
  });
  assert.equal(place, 300);
});

test('write it again makes a second version and both can be chosen', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('first answer');
  reply.done();
  await page.getByRole('button', {name: 'Write it again'}).click();
  await until(() => hearth.replies.length === 2);
  const again = hearth.replies[1];
  assert.equal(again.request.regenerate, true);
  assert.equal(again.request.parent, reply.message.parent);
  assert.equal(again.request.content, undefined);
  again.write('second answer');
  again.done();
  await page.locator('.branch data', {hasText: '2/2'}).waitFor();
  assert.equal(await lastReply(page), 'second answer');
  await page.getByRole('button', {name: 'Previous version'}).click();
  await shows(page, 'first answer');
  assert.equal(await replies(page).count(), 1);
});

test('an edited message is a new version beside the old one', async (t) => {
  const {page, hearth, reply} = await asked(t, 'Tell me about cats');
  reply.write('Cats.');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  await page.locator('#message').press('ArrowUp');
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'Tell me about cats');
  await send(page, 'Tell me about dogs');
  await until(() => hearth.replies.length === 2);
  assert.equal(hearth.replies[1].request.parent, null, 'a sibling of the first message');
  await page.locator('[data-from="person"] .branch data', {hasText: '2/2'}).waitFor();
  assert.equal(await page.locator('.turn[data-from="person"]').count(), 1);
});

test('thoughts are open while they are written and fold when the answer begins', async (t) => {
  const {page, reply} = await asked(t);
  reply.say({type: 'delta', from: 0, to: 2, text: 'Let me think', channel: 'reasoning'});
  await page.locator('details.reasoning[open]', {hasText: 'Let me think'}).waitFor();
  reply.say({type: 'delta', from: 2, to: 3, text: 'The answer', channel: 'answer'});
  await shows(page, 'The answer');
  assert.equal(await page.locator('details.reasoning').getAttribute('open'), null);
});

test('code is copied exactly, on plain http on a name of its own', async (t) => {
  const hearth = await FakeHearth.start(t);
  const code = 'if (a < b) {\n\treturn "x";   // ␣\n}\n';
  hearth.answer = (reply) => {
    reply.write(`Here:\n\n\`\`\`js\n${code}\`\`\`\n`);
    reply.done();
  };
  const {page, context, assertClean} = await visit(named(), `http://hearth.test:${hearth.port}`);
  t.after(() => context.close());
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await send(page, 'Code');
  await page.getByRole('button', {name: 'Copy the code'}).click();
  await page.locator('.toast', {hasText: 'Copied'}).waitFor();
  await page.locator('#message').focus();
  await page.keyboard.press('Control+v');
  await page.waitForFunction(() => document.querySelector('#message')?.value !== '');
  assert.equal(await page.locator('#message').inputValue(), code);
  assertClean();
});

test('a finished turn is not touched while another one is written', async (t) => {
  const {page, hearth, reply} = await asked(t);
  reply.write('done with this');
  reply.done();
  await page.locator('.tools .meta').waitFor();
  await send(page, 'Next');
  await until(() => hearth.replies.length === 2);
  hearth.replies[1].write('first');
  await page.getByText('first').waitFor();
  await page.evaluate(() => {
    window['touched'] = 0;
    for (const turn of [...document.querySelectorAll('.turn')].slice(0, 3)) {
      new MutationObserver((records) => { window['touched'] += records.length; }).observe(turn, {childList: true, subtree: true, characterData: true, attributes: true});
    }
  });
  for (let i = 0; i < 30; i++) hearth.replies[1].write(` word${i}`);
  await page.getByText('word29').waitFor();
  assert.equal(await page.evaluate(() => window['touched']), 0);
});
