// What is yours: a file of everything, files of others, a phrase that opens it elsewhere, leaving this browser, and deleting it for good.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import test from 'node:test';
import {send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';
import {ownData} from './support/own_data.js';

const browser = useBrowser();

const start = async (t) => {
  const hearth = await FakeHearth.start(t);
  const {imports} = ownData(hearth);
  hearth.answer = (reply) => {
    reply.write(`re: ${reply.request.content}`);
    reply.done();
  };
  const visitor = await visit(browser(), hearth.url);
  t.after(() => visitor.context.close());
  return {hearth, imports, ...visitor};
};
const ask = async (page, text) => {
  await send(page, text);
  await page.locator('.prose', {hasText: `re: ${text}`}).waitFor();
};
const openSettings = async (page) => {
  await page.locator('.topbar [data-for="settings"]').click();
  await page.locator('dialog.sheet[open]').getByRole('heading', {name: 'Recovery phrase'}).waitFor();
};
const sheet = (page) => page.locator('dialog.sheet[open]');
const drop = async (page, files) => {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), sheet(page).getByRole('button', {name: 'Import conversations'}).click()]);
  await chooser.setFiles(files.map((file, at) => ({name: `${at}.json`, mimeType: 'application/json', buffer: Buffer.from(typeof file === 'string' ? file : JSON.stringify(file))})));
};
const one = (n, more = {}) => ({format: 'hearth.conversation.v1', id: String(n).padStart(32, 'a'), title: `Old ${n}`, head: null, created: n, updated: n, system: '', params: {},
  messages: [{id: String(n).padStart(32, 'b'), parent: null, role: 'user', content: 'Hello', created: n, status: 'done'}], ...more});

test('all my data comes as one file under the name that the server gives it', async (t) => {
  const {page} = await start(t);
  await ask(page, 'Keep me');
  await openSettings(page);
  await sheet(page).getByText(/^1 conversation on this machine, \d+ KB of 268 MB\.$/).waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), sheet(page).getByRole('button', {name: 'Download all my data'}).click()]);
  assert.equal(download.suggestedFilename(), 'hearth-2026-11-21.json');
  const whole = JSON.parse(await readFile(await download.path(), 'utf8'));
  assert.deepEqual(whole.conversations[0].messages.map(({content}) => content), ['Keep me', 're: Keep me']);
});

// It was asked for at once, answered to nobody, and not asked for again.
test('settings that are opened before the session is there show what is yours when it has come', async (t) => {
  const hearth = await FakeHearth.start(t);
  ownData(hearth);
  let go = () => {};
  const held = new Promise((resolve) => { go = () => resolve(undefined); });
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.locator('.chip[data-kind="model"]').waitFor();
  await context.clearCookies();
  hearth.users.clear();
  await page.route('**/api/v1/session', async (route) => {
    if (route.request().method() === 'POST') await held;
    await route.continue();
  });
  await page.reload();
  await page.locator('.topbar [data-for="settings"]').click();
  await sheet(page).getByRole('heading', {name: 'Your data'}).waitFor();
  go();
  await sheet(page).getByRole('heading', {name: 'Recovery phrase'}).waitFor();
});

test('one conversation comes as a file from the menu of its row', async (t) => {
  const {page} = await start(t);
  await ask(page, 'Just me');
  await page.locator('.rail li .icon-button').click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.rail .menu').getByRole('button', {name: 'Export'}).click()]);
  assert.equal(download.suggestedFilename(), 'one.json');
});

test('an export that the server cuts is no file, and says so', async (t) => {
  const {page, hearth} = await start(t);
  await ask(page, 'Keep me');
  await openSettings(page);
  const route = hearth.route;
  hearth.route = (pathname, ...more) => (pathname === '/api/v1/export' ? {status: 503, body: {code: 'storage_unavailable'}} : route(pathname, ...more));
  await sheet(page).getByRole('button', {name: 'Download all my data'}).click();
  await page.locator('.toast', {hasText: 'The server did not give this out.'}).waitFor();
});

test('files are imported, told one by one, and listed; again they are here already', async (t) => {
  const {page, hearth} = await start(t);
  await page.locator('.chip[data-kind="model"]').waitFor();
  await openSettings(page);
  await drop(page, [[one(1, {pictures: 2}), {title: 'Broken <b>'}], one(2)]);
  const report = sheet(page).locator('.report');
  await report.getByText('2 conversations added. 2 parts that Hearth has no place for (tools, pictures, files) were left out. 1 was not taken:').waitFor();
  await report.locator('li', {hasText: 'Broken <b>: This conversation has no messages.'}).waitFor();
  await page.locator('.rail li', {hasText: 'Old 2'}).waitFor();
  await drop(page, [[one(1), one(2)]]);
  await report.getByText('2 were here already.').waitFor();
  assert.equal([...hearth.users.values()][0].conversations.size, 2);
});

test('what is no file of conversations is said to be none, and nothing is sent', async (t) => {
  const {page, imports} = await start(t);
  await page.locator('.chip[data-kind="model"]').waitFor();
  await openSettings(page);
  await drop(page, ['no json']);
  await sheet(page).locator('.report').getByText('This is no file of Hearth, ChatGPT or Open WebUI.').waitFor();
  assert.equal(imports.length, 0);
});

test('a long list goes in parcels of a thousand', async (t) => {
  const {page, imports} = await start(t);
  await page.locator('.chip[data-kind="model"]').waitFor();
  await openSettings(page);
  await drop(page, [Array.from({length: 1203}, (_, n) => one(n))]);
  await sheet(page).locator('.report').getByText('1,203 conversations added.').waitFor();
  assert.deepEqual(imports.map((parcel) => parcel.length), [1000, 203]);
});

test('a phrase is shown once, and opens the conversations in another browser', async (t) => {
  const {page, hearth} = await start(t);
  await ask(page, 'Find me again');
  await openSettings(page);
  await sheet(page).getByRole('button', {name: 'Make a phrase'}).click();
  const phrase = await sheet(page).locator('.phrase').textContent();
  assert.match(phrase, /^([a-z]{5}-){7}[a-z]{5}$/);
  await sheet(page).getByText('Write it down now').waitFor();
  await sheet(page).getByRole('button', {name: 'I have written it down'}).click();
  await sheet(page).getByText('You have one. A new one takes its place.').waitFor();
  assert.equal(await sheet(page).locator('.phrase').count(), 0);

  const other = await visit(browser(), hearth.url);
  t.after(() => other.context.close());
  await ask(other.page, 'Mine');
  await openSettings(other.page);
  await sheet(other.page).getByText('I have a recovery phrase').click();
  const field = sheet(other.page).getByLabel('Your eight words');
  await field.fill('wrong words here');
  await field.press('Enter');
  await sheet(other.page).getByText('No conversations belong to these words.').waitFor();
  await field.fill(phrase.toUpperCase().replaceAll('-', ' '));
  await field.press('Enter');
  await other.page.locator('.rail li', {hasText: 'Find me again'}).waitFor();
  assert.equal(await other.page.locator('.rail li', {hasText: 'Mine'}).count(), 0);
});

test('at the door of a room the phrase takes the place of the code', async (t) => {
  const {page, hearth} = await start(t);
  await openSettings(page);
  await sheet(page).getByRole('button', {name: 'Make a phrase'}).click();
  const phrase = await sheet(page).locator('.phrase').textContent();
  hearth.joinCode = 'K7MX4QRT';
  const other = await visit(browser(), hearth.url);
  t.after(() => other.context.close());
  await other.page.getByText('I have a recovery phrase').click();
  await other.page.getByLabel('Your eight words').fill(phrase);
  await other.page.getByRole('button', {name: 'Open my conversations'}).click();
  await other.page.locator('.composer').waitFor();
  other.assertClean();
});

test('leaving warns who has no phrase, and forgets this browser', async (t) => {
  const {page, hearth} = await start(t);
  await ask(page, 'Left behind');
  await page.locator('#message').fill('half a thought');
  await openSettings(page);
  await sheet(page).getByRole('button', {name: 'Leave', exact: true}).click();
  await sheet(page).getByText('You have no recovery phrase').waitFor();
  await sheet(page).getByRole('button', {name: 'Keep it'}).click();
  await sheet(page).getByRole('button', {name: 'Leave', exact: true}).click();
  const before = [...hearth.users.values()][0].id;
  await sheet(page).getByRole('button', {name: 'Leave this browser'}).click();
  await page.locator('.toast', {hasText: 'This browser has forgotten you.'}).waitFor();
  await page.getByText('What you ask will be listed here.').waitFor();
  assert.equal(await page.locator('#message').inputValue(), '');
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('hearth.draft'))), []);
  assert.notEqual([...hearth.users.values()][0].id, before);
});

test('deleting everything is asked for twice, and is everything', async (t) => {
  const {page, hearth} = await start(t);
  await ask(page, 'Never was');
  await openSettings(page);
  await sheet(page).getByLabel('Instructions to the model').fill('Secret instructions');
  await sheet(page).getByRole('button', {name: 'Delete everything', exact: true}).click();
  await sheet(page).getByText('This cannot be undone').waitFor();
  assert.equal(hearth.users.size, 1);
  await sheet(page).getByRole('button', {name: 'Delete everything for good'}).click();
  await page.locator('.toast', {hasText: 'Everything of yours was deleted.'}).waitFor();
  await page.getByText('What you ask will be listed here.').waitFor();
  assert.ok(!(await page.evaluate(() => JSON.stringify({...localStorage, ...sessionStorage}))).includes('Secret'));
  await until(() => [...hearth.users.values()].every((user) => user.conversations.size === 0));
});

test('what the server did not do is not said to be done', async (t) => {
  const {page, hearth} = await start(t);
  await ask(page, 'Still here');
  await openSettings(page);
  const route = hearth.route;
  hearth.route = (pathname, ...more) => (pathname.endsWith('/erase') || pathname.endsWith('/recovery') ? {status: 503, body: {code: 'storage_unavailable'}} : route(pathname, ...more));
  await sheet(page).getByRole('button', {name: 'Make a phrase'}).click();
  await sheet(page).getByText('The phrase could not be made.').waitFor();
  await sheet(page).getByRole('button', {name: 'Delete everything', exact: true}).click();
  await sheet(page).getByRole('button', {name: 'Delete everything for good'}).click();
  await sheet(page).getByText('The server did not do it. Nothing was deleted.').waitFor();
  assert.equal([...hearth.users.values()][0].conversations.size, 1);
});

test('a server without these routes offers none of it', async (t) => {
  const hearth = await FakeHearth.start(t);
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  const asked = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/session') && answer.request().method() === 'GET');
  await page.locator('.topbar [data-for="settings"]').click();
  await asked;
  await sheet(page).getByRole('button', {name: 'Delete all conversations'}).waitFor();
  assert.equal(await sheet(page).getByRole('heading', {name: 'Recovery phrase'}).count(), 0);
});
