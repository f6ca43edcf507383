// Finding, keeping and moving conversations: search, pin, unread, drafts with files, export, import; the keyboard and its sheet.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {lastReply, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const withConversations = async (t, questions, options = {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => { reply.write(`About: ${reply.request.content}`); reply.done(); };
  const visitor = await visit(browser(), hearth.url, options);
  t.after(() => visitor.context.close());
  const {page} = visitor;
  for (const question of questions) {
    await page.locator('.welcome').waitFor();
    await send(page, question);
    await page.locator('.tools .meta').waitFor();
    if (question !== questions.at(-1)) await page.keyboard.press('Control+Shift+O');
  }
  const all = () => [...[...hearth.users.values()][0].conversations.values()];
  return {hearth, ...visitor, all, row: (title) => page.locator('.rail li', {hasText: title})};
};

test('a search finds messages, marks the words and goes to the turn', async (t) => {
  const {page, hearth, all, assertClean} = await withConversations(t, ['Blue sky', 'Green grass']);
  const sky = all().find(({title}) => title === 'Blue sky');
  const asked = [];
  hearth.find = (query) => {
    asked.push(query);
    return [{conversation: {id: sky.id, title: sky.title, updated: 1}, message: sky.messages[0].id, role: 'user', created: 1, snippet: [{text: '<b>the '}, {text: 'sky', match: true}, {text: ' is'}]}];
  };
  await page.locator('.log').focus();
  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement?.closest('.search'));
  await page.keyboard.type('sky');
  const hit = page.locator('.rail li[data-kind="result"]');
  await hit.waitFor();
  assert.equal(asked.at(-1), 'sky');
  assert.equal(await hit.locator('mark').textContent(), 'sky');
  assert.equal(await hit.locator('small').textContent(), '<b>the sky is');
  await page.getByText('One conversation with “sky”').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForFunction((id) => document.activeElement?.getAttribute('data-id') === id, sky.messages[0].id);
  await page.getByRole('button', {name: 'End the search'}).click();
  await page.locator('.rail li', {hasText: 'Green grass'}).waitFor();
  assertClean();
});

test('on a server without search, titles are searched', async (t) => {
  const {page, hearth} = await withConversations(t, ['Blue sky', 'Green grass']);
  hearth.lacks.add('history.search');
  await page.locator('.search input').fill('GRASS');
  await page.locator('.rail li[data-kind="result"] mark', {hasText: 'grass'}).waitFor();
  assert.equal(await page.locator('.rail li[data-kind="result"]').count(), 1);
});

test('pinned conversations stand above the others, and the server is told', async (t) => {
  const {page, all, row} = await withConversations(t, ['First', 'Second']);
  await row('First').hover();
  await row('First').getByRole('button', {name: /Rename, pin/}).click();
  await row('First').getByRole('button', {name: 'Pin', exact: true}).click();
  await page.locator('.rail section', {has: page.getByRole('heading', {name: 'Pinned'})}).locator('li', {hasText: 'First'}).waitFor();
  await until(() => all().find(({title}) => title === 'First').pinned === true);
  await page.reload();
  await page.locator('.rail section').first().locator('h2', {hasText: 'Pinned'}).waitFor();
});

test('a reply that ended elsewhere leaves a dot until it is looked at', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['First']);
  hearth.answer = (reply) => reply.started();
  await send(page, 'Go on');
  await until(() => hearth.replies.length === 2);
  await page.keyboard.press('Control+Shift+O');
  hearth.replies[1].write('Done.');
  hearth.replies[1].done();
  await page.locator('.rail li[data-state="unread"]').waitFor();
  await row('First').locator('a').click();
  await page.locator('.rail li[data-state="unread"]').waitFor({state: 'detached'});
});

test('what another tab does to the list is seen here', async (t) => {
  const {page, hearth, all, row} = await withConversations(t, ['First']);
  const [{id}] = all();
  hearth.tellAll({type: 'changed', conversation: id, what: 'updated', summary: {id, title: 'Renamed there', revision: 2, head: null, created: 1, updated: Date.now(), pinned: false, live: []}});
  await row('Renamed there').waitFor();
  hearth.tellAll({type: 'changed', conversation: id, what: 'deleted'});
  await page.getByText('What you ask will be listed here.').waitFor();
  await page.getByText('This conversation is not here any more.').waitFor();
});

test('several conversations are written at once', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['First']);
  hearth.answer = (reply) => reply.started();
  await send(page, 'one');
  await until(() => hearth.replies.length === 2);
  await page.keyboard.press('Control+Shift+O');
  await page.locator('.welcome').waitFor();
  await send(page, 'two');
  await until(() => hearth.replies.length === 3);
  await page.locator('.rail li[data-state="live"]').nth(1).waitFor();
  hearth.replies[1].write('into the first');
  hearth.replies[2].write('into the second');
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"]:last-of-type .prose')?.textContent?.includes('into the second'));
  await row('First').locator('a').click();
  await page.locator('.turn .prose', {hasText: 'into the first'}).waitFor();
});

test('text files go into the message wherever they are dropped, others are refused', async (t) => {
  const {page} = await withConversations(t, ['First']);
  const drop = (where, files) => page.locator(where).evaluate((place, given) => {
    const data = new DataTransfer();
    for (const {name, bytes} of given) data.items.add(new File([new Uint8Array(bytes)], name));
    for (const type of ['dragover', 'drop']) {
      const isLeft = place.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
      if (isLeft) throw new Error('the browser would open the file in place of the page');
    }
  }, files);
  await page.locator('#message').fill('Look:');
  await drop('.log', [{name: 'a.py', bytes: [...Buffer.from('x = "```"\r\n')]}]);
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'Look:\n\na.py\n````py\nx = "```"\n````\n');
  await drop('.rail', [{name: 'a.png', bytes: [137, 80, 0, 255]}]);
  await page.locator('.toast', {hasText: 'Only text files'}).waitFor();
});

test('a conversation is saved as Markdown, and as the server’s own format', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['A/B: why?']);
  const saved = async (act) => {
    const [download] = await Promise.all([page.waitForEvent('download'), act()]);
    return [download.suggestedFilename(), readFileSync(await download.path(), 'utf8')];
  };
  await page.getByRole('button', {name: 'Continue, save, details'}).click();
  const [name, text] = await saved(() => page.getByRole('button', {name: 'Save as Markdown'}).click());
  assert.deepEqual([name, text], ['A B why.md', '# A/B: why?\n\n> A/B: why?\n\nAbout: A/B: why?\n']);
  hearth.route = (path) => path.endsWith('/export') ? {body: {format: 'hearth.conversation.v1'}} : undefined;
  await row('A/B').hover();
  await row('A/B').getByRole('button', {name: /Rename, pin/}).click();
  const [file, json] = await saved(() => row('A/B').getByRole('button', {name: 'Export', exact: true}).click());
  assert.match(file, /\.json$/);
  assert.equal(JSON.parse(json).format, 'hearth.conversation.v1');
});

test('? shows every shortcut; single letters rest in fields and when they are switched off', async (t) => {
  const {page} = await withConversations(t, ['First']);
  const help = page.getByRole('heading', {name: 'Keyboard'});
  await page.locator('#message').press('?');
  assert.equal(await page.locator('#message').inputValue(), '?');
  await page.locator('.log').focus();
  await page.keyboard.press('?');
  await help.waitFor();
  await page.keyboard.press('Escape');
  await help.waitFor({state: 'hidden'});
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByLabel('Letter keys').uncheck();
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.log').focus();
  await page.keyboard.press('?');
  await page.keyboard.press('i');
  await page.keyboard.press('Control+b');   // acts after them, and is drawn with them
  await page.locator('.rail').waitFor({state: 'detached'});
  assert.equal(await page.locator('.inspector').count(), 0);
  assert.equal(await help.isVisible(), false);
});

test('j and k walk through the messages, e edits, c copies, r writes again', async (t) => {
  const {page, hearth} = await withConversations(t, ['First']);
  await page.locator('.log').focus();
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.activeElement?.getAttribute('data-from') === 'person');
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.activeElement?.getAttribute('data-from') === 'model');
  await page.keyboard.press('c');
  await page.locator('.toast', {hasText: 'Copied'}).waitFor();
  await page.keyboard.press('r');
  await until(() => hearth.replies.length === 2);
  await page.locator('.branch data', {hasText: '2/2'}).waitFor();
  await page.locator('.turn[data-from="model"]').focus();
  await page.keyboard.press('Alt+ArrowLeft');
  await page.locator('.branch data', {hasText: '1/2'}).waitFor();
  await until(() => hearth.received.some(({type}) => type === 'conversation.head'));
  await page.keyboard.press('k');
  await page.locator('.turn[data-from="person"]').focus();
  await page.keyboard.press('e');
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'First');
});

test('in the background the title tells that the reply is there', async (t) => {
  const {page, hearth} = await withConversations(t, ['First']);
  hearth.answer = (reply) => reply.queued(2, 2);
  await send(page, 'Go');
  await until(() => hearth.replies.length === 2);
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', {get: () => window['seen'] ?? 'hidden', configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.waitForFunction(() => document.title === '2nd in line: First – Hearth');
  hearth.replies[1].queued(1, 1);
  await page.waitForFunction(() => document.title === 'You are next: First – Hearth');
  hearth.replies[1].started();
  hearth.replies[1].write('Here.');
  hearth.replies[1].done();
  await page.waitForFunction(() => document.title === 'Reply ready: First – Hearth');
  await page.evaluate(() => { window['seen'] = 'visible'; document.dispatchEvent(new Event('visibilitychange')); });
  await page.waitForFunction(() => document.title === 'First – Hearth');
  assert.equal(await lastReply(page), 'Here.');
});

test('on paper there is the conversation and nothing to press', async (t) => {
  const {page} = await withConversations(t, ['First']);
  await page.emulateMedia({media: 'print'});
  for (const part of ['.rail', '.ask', '.tools', '.topbar nav']) assert.equal(await page.locator(part).first().isVisible(), false, part);
  assert.ok(await page.getByText('About: First').isVisible());
});
