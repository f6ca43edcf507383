// What is yours, on a real server: the page's side and the server's side of the same routes.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import test from 'node:test';
import {startServer} from '../support/server.js';
import {send, useBrowser, visit} from './support/browser.js';

const browser = useBrowser();
const sheet = (page) => page.locator('dialog.sheet[open]');
const rows = (page, text) => page.locator('.rail li', {hasText: text});

const enter = async (t, url, options = {}) => {
  const visitor = await visit(browser(), url, options);
  t.after(() => visitor.context.close());
  await visitor.page.locator('.welcome').waitFor();
  return visitor;
};
const ask = async (page, text) => {
  await send(page, text);
  await page.locator('.turn[data-from="model"] .tools .meta').first().waitFor();
  await rows(page, text).waitFor();
};
const openSettings = async (page, heading = 'Recovery phrase') => {
  await page.locator('.topbar [data-for="settings"]').click();
  await sheet(page).getByRole('heading', {name: heading}).waitFor();
};

test('everything is downloaded, deleted and imported, and the conversation is as it was', async (t) => {
  const {url} = await startServer(t);
  const {page, assertClean} = await enter(t, url);
  await ask(page, 'What is a token?');
  const reply = await page.locator('.turn[data-from="model"] .prose').first().textContent();
  await openSettings(page);
  await sheet(page).getByText(/^1 conversation on this machine, .* of 268 MB\.$/).waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), sheet(page).getByRole('button', {name: 'Download all my data'}).click()]);
  assert.match(download.suggestedFilename(), /^hearth-\d{4}-\d\d-\d\d\.json$/);
  const file = await readFile(await download.path());
  assert.equal(JSON.parse(file.toString()).conversations[0].messages[0].content, 'What is a token?');

  await sheet(page).getByRole('button', {name: 'Delete everything', exact: true}).click();
  await sheet(page).getByRole('button', {name: 'Delete everything for good'}).click();
  await page.locator('.toast', {hasText: 'Everything of yours was deleted.'}).waitFor();
  await page.getByText('What you ask will be listed here.').waitFor();

  await openSettings(page);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), sheet(page).getByRole('button', {name: 'Import conversations'}).click()]);
  await chooser.setFiles([{name: 'mine.json', mimeType: 'application/json', buffer: file}]);
  await sheet(page).locator('.report').getByText('1 conversation added.').waitFor();
  await page.keyboard.press('Escape');
  await rows(page, 'What is a token?').locator('a, button').first().click();
  await page.locator('.turn[data-from="model"] .prose', {hasText: reply.trim().slice(0, 40)}).waitFor();
  assertClean();
});

test('a phrase opens the conversations in another browser; leaving is said and done', async (t) => {
  const {url} = await startServer(t);
  const {page} = await enter(t, url);
  await ask(page, 'Find me again');
  await openSettings(page);
  await sheet(page).getByRole('button', {name: 'Make a phrase'}).click();
  const phrase = await sheet(page).locator('.phrase').textContent();
  assert.match(phrase, /^([a-z]{5}[ -]){7}[a-z]{5}$/);
  await sheet(page).getByRole('button', {name: 'I have written it down'}).click();

  const other = await enter(t, url);
  await openSettings(other.page);
  await sheet(other.page).getByText('I have a recovery phrase').click();
  const field = sheet(other.page).getByLabel('Your eight words');
  await field.fill('wrong words here');
  await field.press('Enter');
  await sheet(other.page).getByText('No conversations belong to these words.').waitFor();
  await field.fill(phrase.toUpperCase());
  await field.press('Enter');
  await rows(other.page, 'Find me again').waitFor();
  other.assertClean();

  await sheet(page).getByRole('button', {name: 'Leave', exact: true}).click();
  await sheet(page).getByRole('button', {name: 'Leave this browser'}).click();
  await page.locator('.toast', {hasText: 'This browser has forgotten you.'}).waitFor();
  await page.getByText('What you ask will be listed here.').waitFor();
});

test('in Chinese the same: deleting everything is asked for twice, and no phrase brings it back', async (t) => {
  const {url} = await startServer(t);
  const chinese = {locale: 'zh-CN'};
  const {page, assertClean} = await enter(t, url, chinese);
  await ask(page, '什么是词元？');
  await openSettings(page, '恢复短语');
  await sheet(page).getByText(/^这台机器上有 1 个对话，.*（最多 268 MB）。$/).waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), sheet(page).getByRole('button', {name: '下载我的全部数据'}).click()]);
  assert.match(await readFile(await download.path(), 'utf8'), /什么是词元？/);
  await sheet(page).getByRole('button', {name: '生成短语'}).click();
  const phrase = await sheet(page).locator('.phrase').textContent();
  await sheet(page).getByRole('button', {name: '我已写下'}).click();
  await sheet(page).getByRole('button', {name: '全部删除'}).click();
  await sheet(page).getByText('无法撤销，你的所有设备都会退出，正在写的回复会停止。').waitFor();
  await sheet(page).getByRole('button', {name: '保留'}).click();
  await sheet(page).getByRole('button', {name: '全部删除'}).click();
  await sheet(page).getByRole('button', {name: '永久删除一切'}).click();
  await page.locator('.toast', {hasText: '你的一切都已删除。'}).waitFor();
  await page.getByText('你问过的会列在这里。').waitFor();
  assertClean();

  const other = await enter(t, url, chinese);
  await openSettings(other.page, '恢复短语');
  await sheet(other.page).getByText('我有恢复短语').click();
  await sheet(other.page).getByLabel('你的八个词').fill(phrase);
  await sheet(other.page).getByLabel('你的八个词').press('Enter');
  await sheet(other.page).getByText('没有对话属于这些词。').waitFor();
});
