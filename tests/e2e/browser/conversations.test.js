// The list of conversations: open, rename, delete with Undo, clear; drafts; the keyboard.
import assert from 'node:assert/strict';
import test from 'node:test';
import {lastReply, pass, phone, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

/** A page with finished conversations, the last one shown. */
const withConversations = async (t, questions, options = {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => {
    reply.write(`About: ${reply.request.content}`);
    reply.done();
  };
  const visitor = await visit(browser(), hearth.url, options);
  t.after(() => visitor.context.close());
  const {page} = visitor;
  for (const question of questions) {
    await page.locator('.welcome').waitFor();
    await page.locator('#message').fill(question);
    await page.locator('.send').click();
    await page.locator('.tools .meta').waitFor();
    if (question !== questions.at(-1)) await page.keyboard.press('Control+Shift+O');
  }
  return {hearth, ...visitor, row: (title) => page.locator('.rail li', {hasText: title})};
};

const kept = (hearth) => [...hearth.users.values()].flatMap((user) => [...user.conversations.values()].map(({title}) => title)).sort();

test('a conversation opens from the list, by its address, and with Back', async (t) => {
  const {page, row} = await withConversations(t, ['First question', 'Second question']);
  await row('First question').locator('a').click();
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: First question');
  assert.equal(await row('First question').locator('a').getAttribute('aria-current'), 'page');
  assert.match(page.url(), /#\/c\/[0-9a-f]{32}$/);
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: Second question');
  await page.reload();
  await page.locator('.tools .meta').waitFor();
  assert.equal(await lastReply(page), 'About: Second question');
});

test('an address that was just entered holds, whatever happens before the page hears of it', async (t) => {
  const {page, row} = await withConversations(t, ['First question', 'Second question']);
  const href = await row('First question').locator('a').getAttribute('href');
  await page.evaluate((hash) => {
    const area = /** @type {HTMLTextAreaElement} */ (document.querySelector('#message'));
    location.hash = hash;   // its hashchange comes in a later task
    area.value = 'a draft';
    area.dispatchEvent(new Event('input', {bubbles: true}));
  }, href);
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: First question');
  assert.ok(page.url().endsWith(href), `${page.url()} should end with ${href}`);
});

// The first answer of the server replaced the address that was entered just before it.
test('an address that was just entered holds, too, when the server names the conversation in that moment', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['First question']);
  const href = await row('First question').locator('a').getAttribute('href');
  await page.keyboard.press('Control+Shift+O');
  await page.locator('.welcome').waitFor();
  await page.evaluate((hash) => {   // the moment in which the answer comes: before anything else hears of it
    const parse = JSON.parse;
    JSON.parse = (text, ...more) => {
      const value = parse(text, ...more);
      if (value?.type === 'accepted') location.hash = hash;
      return value;
    };
  }, href);
  await send(page, 'Second question');
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: First question');
  assert.ok(page.url().endsWith(href), `${page.url()} should end with ${href}`);
  await row('Second question').locator('a').click();
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: Second question');
  assert.equal(hearth.replies.length, 2);
});

test('an address with the inspector in another conversation is one step back', async (t) => {
  const {page, row} = await withConversations(t, ['First question', 'Second question']);
  const href = await row('First question').locator('a').getAttribute('href');
  const before = page.url();
  await page.evaluate((hash) => { location.hash = `${hash}/inspect/model`; }, href);
  await page.locator('.inspector').waitFor();
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: First question');
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('.turn[data-from="model"] > .prose')?.textContent === 'About: Second question');
  assert.equal(page.url(), before);
  assert.equal(await page.locator('.inspector').count(), 0);
});

test('what is written into the field belongs to the conversation that was just opened, drawn or not', async (t) => {
  const {page, row} = await withConversations(t, ['First', 'Second']);
  await page.locator('#message').fill('half a thought');
  await page.evaluate(() => {
    const area = /** @type {HTMLTextAreaElement} */ (document.querySelector('#message'));
    const link = [...document.querySelectorAll('.rail li a')].find(({textContent}) => textContent === 'First');
    link.click();   // drawn in the next frame
    area.dispatchEvent(new InputEvent('beforeinput', {bubbles: true, data: '!', inputType: 'insertText'}));
    area.value += '!';
    area.dispatchEvent(new InputEvent('input', {bubbles: true, data: '!', inputType: 'insertText'}));
  });
  await page.waitForFunction(() => document.querySelector('#message')?.value === '!');
  await row('Second').locator('a').click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'half a thought');
});

test('renaming is a form in the row; Enter keeps the title, Esc does not, and markup is only text', async (t) => {
  const {page, hearth, row, assertClean} = await withConversations(t, ['Plain']);
  const menu = async () => {
    await row('Plain').hover();
    await row('Plain').getByRole('button', {name: /Rename, pin/}).click();
    await row('Plain').getByRole('button', {name: 'Rename', exact: true}).click();
  };
  await menu();
  await page.getByLabel('New title').fill('Nothing');
  await page.getByLabel('New title').press('Escape');
  await row('Plain').locator('a').waitFor();
  await row('Plain').getByRole('button', {name: /Rename, pin/}).click();
  await page.locator('.menu').waitFor();
  await page.locator('.log').click({position: {x: 100, y: 500}});
  await page.locator('.menu').waitFor({state: 'detached'});
  await menu();
  await page.getByLabel('New title').fill('<img src=x onerror=alert(1)>');
  await page.getByLabel('New title').press('Enter');
  await page.locator('.topbar h1', {hasText: '<img src=x onerror=alert(1)>'}).waitFor();
  await until(() => kept(hearth).includes('<img src=x onerror=alert(1)>'));
  assert.equal(hearth.received.filter((message) => message.type === 'history.rename').length, 1);
  assertClean();
});

test('deleting can be undone, and is told to the server only when it cannot', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['Stay', 'Go']);
  const remove = async () => {
    await row('Go').hover();
    await row('Go').getByRole('button', {name: /Rename, pin/}).click();
    await row('Go').getByRole('button', {name: 'Delete', exact: true}).click();
    await row('Go').waitFor({state: 'detached'});
  };
  await remove();
  await page.locator('.welcome').waitFor();
  await page.getByRole('button', {name: 'Undo'}).click();
  await row('Go').waitFor();
  assert.deepEqual(kept(hearth), ['Go', 'Stay']);
  await remove();
  await page.mouse.move(700, 300);   // a toast under the pointer stays
  await pass(page, 'toast');
  await until(() => kept(hearth).length === 1);
  assert.deepEqual(kept(hearth), ['Stay']);
  await page.locator('.toast').waitFor({state: 'detached'});
});

test('leaving the page during Undo still deletes', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['Stay', 'Go']);
  await row('Go').hover();
  await row('Go').getByRole('button', {name: /Rename, pin/}).click();
  await row('Go').getByRole('button', {name: 'Delete', exact: true}).click();
  await page.reload();
  await until(() => kept(hearth).length === 1);
});

test('a deletion that a dying connection swallowed is told again', async (t) => {
  const {page, hearth, row} = await withConversations(t, ['Stay', 'Go']);
  hearth.breaksAt.add('history.delete');
  await row('Go').hover();
  await row('Go').getByRole('button', {name: /Rename, pin/}).click();
  await row('Go').getByRole('button', {name: 'Delete', exact: true}).click();
  await send(page, 'Something else');
  await until(() => hearth.received.filter(({type}) => type === 'history.delete').length === 2);
  await page.locator('.tools .meta').waitFor();
  assert.deepEqual(kept(hearth), ['Something else', 'Stay']);
  assert.equal(await row('Go').count(), 0);
});

test('clearing the history deletes everything', async (t) => {
  const {page, hearth} = await withConversations(t, ['One', 'Two', 'Three']);
  await page.locator('.topbar [data-for="settings"]').click();
  await page.getByRole('button', {name: 'Delete all conversations'}).click();
  await page.getByText('What you ask will be listed here.').waitFor();
  await send(page, 'A new beginning');
  await page.locator('.tools .meta').waitFor();
  assert.deepEqual(kept(hearth), ['A new beginning']);
  assert.deepEqual(hearth.received.map(({type}) => type).filter((type) => /clear|create/.test(type)).slice(-2), ['history.clear', 'chat.create']);
});

test('each conversation keeps its draft, over a reload too', async (t) => {
  const {page, row} = await withConversations(t, ['First', 'Second']);
  await page.locator('#message').fill('half a thought');
  await row('First').locator('a').click();
  await page.locator('.topbar h1', {hasText: 'First'}).waitFor();
  assert.equal(await page.locator('#message').inputValue(), '');
  await row('Second').locator('a').click();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'half a thought');
  await page.reload();
  await page.waitForFunction(() => document.querySelector('#message')?.value === 'half a thought');
});

test('Shift+Enter is a new line and Enter during composition sends nothing', async (t) => {
  const {page, hearth} = await withConversations(t, ['First']);
  const area = page.locator('#message');
  await area.fill('你好');
  await area.dispatchEvent('keydown', {key: 'Enter', isComposing: true});
  await area.dispatchEvent('keydown', {key: 'Enter', keyCode: 229});
  await area.press('Shift+Enter');
  assert.equal(await area.inputValue(), '你好\n');
  assert.equal(hearth.replies.length, 1);
  await area.press('Enter');
  await until(() => hearth.replies.length === 2);
});

test('Ctrl+B hides the list and brings it back', async (t) => {
  const {page} = await withConversations(t, ['First']);
  await page.keyboard.press('Control+b');
  await page.locator('.rail').waitFor({state: 'detached'});
  await page.keyboard.press('Control+b');
  await page.locator('.rail').waitFor();
});

test('on a phone the list is a drawer that takes the focus and closes with Esc, the veil or a choice', async (t) => {
  const {page, row} = await withConversations(t, ['First'], phone);
  const rail = page.locator('.rail');
  assert.equal(await rail.count(), 0);
  await page.locator('.topbar [data-for="rail"]').click();
  await rail.waitFor();
  assert.ok(await rail.evaluate((element) => element.contains(document.activeElement)));
  assert.ok(await page.locator('.chat').evaluate((element) => element.inert));
  await page.keyboard.press('Escape');
  await rail.waitFor({state: 'detached'});
  await page.locator('.topbar [data-for="rail"]').click();
  await page.locator('.veil').click({position: {x: 380, y: 400}});
  await rail.waitFor({state: 'detached'});
  await page.locator('.topbar [data-for="rail"]').click();
  await row('First').locator('a').click();
  await rail.waitFor({state: 'detached'});
});

test('on a phone nothing scrolls sideways and Enter is a new line', async (t) => {
  const {page, hearth} = await withConversations(t, ['First'], phone);
  hearth.answer = (reply) => {
    reply.write(`${'a'.repeat(300)}\n\n\`\`\`\n${'b'.repeat(300)}\n\`\`\`\n\n|a|b|\n|-|-|\n|${'c'.repeat(100)}|${'d '.repeat(100)}|\n`);
    reply.done();
  };
  await page.locator('#message').fill('wide');
  await page.locator('#message').press('Enter');
  assert.equal(await page.locator('#message').inputValue(), 'wide\n');
  await page.locator('.send').click();
  await page.locator('figure.code').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.equal(await page.locator('.log').evaluate((log) => log.scrollWidth - log.clientWidth), 0);
  await page.setViewportSize({width: 320, height: 640});
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  assert.equal(await page.locator('.log').evaluate((log) => log.scrollWidth - log.clientWidth), 0);
});

for (const [width, height] of [[320, 480], [390, 600], [640, 400]]) {
  test(`at ${width} by ${height} the first view begins with its first word, and no word of the composer or the inspector is cut`, async (t) => {
    const {page} = await withConversations(t, [], {viewport: {width, height}, hasTouch: true, isMobile: true});
    await page.locator('.meter data').waitFor();   // the composer is as it stays
    const heading = await page.locator('.welcome h2').boundingBox();
    const bar = await page.locator('.topbar').boundingBox();
    assert.ok(heading.y >= bar.y + bar.height, `${heading.y}`);
    const chip = page.locator('.composer .chip span').first();
    assert.equal(await chip.textContent(), 'Room defaults');
    assert.ok(await chip.evaluate((span) => span.scrollWidth <= span.clientWidth), 'the chip is cut');
    await page.locator('.topbar [data-for="inspector"]').click();
    await page.locator('.inspector .tabs').waitFor();
    assert.ok(await page.locator('.inspector .tabs').evaluate((tabs) => tabs.scrollWidth <= tabs.clientWidth), 'a tab is cut');
  });
}

test('a long message shows its beginning, all of it when wanted, and is whole on paper', async (t) => {
  const {page} = await withConversations(t, []);
  await send(page, `first line\n${'a line of many words\n'.repeat(60)}last line`);
  const words = page.locator('.turn[data-from="person"] .prose');
  const fold = page.getByRole('button', {name: 'Show all of it'});
  await page.locator('.tools .meta').waitFor();
  await fold.waitFor();
  const height = () => words.evaluate((prose) => prose.clientHeight);
  const folded = await height();
  await page.emulateMedia({media: 'print'});
  assert.ok(await height() > 2 * folded, 'on paper');
  await page.emulateMedia({media: 'screen'});
  await fold.click();
  await page.getByRole('button', {name: 'Show less'}).waitFor();
  assert.ok(await height() > 2 * folded, 'on the screen');
  await page.getByRole('button', {name: 'Show less'}).click();
  await fold.waitFor();
  assert.equal(await height(), folded);
});
