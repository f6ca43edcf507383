// Sliders, instructions, theme, language and size: what is sent, what is shown, what is remembered.
import assert from 'node:assert/strict';
import test from 'node:test';
import {send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();

const start = async (t, options = {}) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => {
    reply.write('Yes.');
    reply.done();
  };
  const visitor = await visit(browser(), hearth.url, options);
  t.after(() => visitor.context.close());
  await visitor.page.locator('.chip[data-kind="model"]').waitFor();
  return {hearth, ...visitor};
};

const openSettings = async (page) => {
  await page.locator('.topbar [data-for="settings"]').click();
  await page.locator('.sheet[aria-labelledby="settings-title"][open]').waitFor();
};
/** The page draws in the next frame. */
const holds = async (page, label, value) => {
  const field = await page.getByLabel(label, {exact: true}).elementHandle();
  await page.waitForFunction(([input, wanted]) => input.value === wanted, [field, value]);
};
const done = async (page) => {
  await page.getByRole('button', {name: 'Done'}).click();
  await page.locator('.sheet[aria-labelledby="settings-title"]').waitFor({state: 'hidden'});
};
const asked = async (page, hearth, text) => {
  const before = hearth.replies.length;
  await send(page, text);
  await until(() => hearth.replies.length > before);
  await page.locator('.log > .turn[data-from="model"]:last-of-type .tools .meta').waitFor();
  await page.locator('.turn[data-from="person"]:nth-last-of-type(2)', {hasText: text}).waitFor();
  return hearth.replies.at(-1).request;
};

test('the sliders start from the model and nothing is sent that was not changed', async (t) => {
  const {page, hearth} = await start(t);
  await openSettings(page);
  const values = async () => Object.fromEntries(await Promise.all(['Longest reply', 'Temperature', 'Top-p', 'Top-k', 'Repetition penalty']
    .map(async (name) => [name, await page.getByLabel(`${name}, exact`).inputValue()])));
  assert.deepEqual(await values(), {'Longest reply': '512', Temperature: '0.7', 'Top-p': '0.8', 'Top-k': '50', 'Repetition penalty': '1.1'});
  await page.keyboard.press('Escape');
  await page.locator('.sheet[aria-labelledby="settings-title"]').waitFor({state: 'hidden'});
  const request = await asked(page, hearth, 'Plain');
  assert.deepEqual(request.params, {});
  assert.equal(request.system, '');
});

test('a slider and its number say the same, a number outside the range is brought inside, and both are sent', async (t) => {
  const {page, hearth} = await start(t);
  await openSettings(page);
  await page.getByLabel('Temperature', {exact: true}).fill('1.5');
  await holds(page, 'Temperature, exact', '1.5');
  await page.getByLabel('Top-p, exact').fill('7');
  await page.getByLabel('Temperature', {exact: true}).evaluate((range) => {   // a drawing leaves alone what is being typed
    range.value = '1.4';
    range.dispatchEvent(new Event('input', {bubbles: true}));
  });
  await holds(page, 'Temperature, exact', '1.4');
  await page.getByLabel('Top-p, exact').press('Tab');
  await holds(page, 'Top-p', '1');
  await page.getByLabel('Top-k, exact').fill('12.7');
  await page.getByLabel('Top-k, exact').press('Tab');
  await page.getByLabel('Longest reply, exact').fill('64');
  await page.getByLabel('Longest reply, exact').press('Tab');
  await page.getByLabel('Repetition penalty', {exact: true}).fill('1.2');
  await page.getByLabel('Instructions to the model').fill('Answer briefly.');
  await page.locator('.slider[data-state="changed"]').nth(4).waitFor();
  await done(page);
  const request = await asked(page, hearth, 'With settings');
  assert.deepEqual(request.params, {temperature: 1.4, top_p: 1, top_k: 13, max_tokens: 64, repetition_penalty: 1.2});
  assert.equal(request.system, 'Answer briefly.');
});

test('settings belong to their conversation; the defaults come back with one button', async (t) => {
  const {page, hearth} = await start(t);
  await asked(page, hearth, 'First');
  await openSettings(page);
  await page.getByLabel('Temperature', {exact: true}).fill('0');
  await done(page);
  assert.deepEqual((await asked(page, hearth, 'Greedy')).params, {temperature: 0});
  await page.reload();
  await page.locator('.chip data', {hasText: 'T 0'}).waitFor();
  await page.keyboard.press('Control+Shift+O');
  assert.deepEqual((await asked(page, hearth, 'Another')).params, {});
  await page.locator('.rail li a', {hasText: 'First'}).click();
  await page.waitForFunction(() => document.querySelector('.composer .chip data')?.textContent === 'T 0');
  await openSettings(page);
  await page.getByRole('button', {name: 'Back to the room’s defaults'}).click();
  await done(page);
  assert.deepEqual((await asked(page, hearth, 'Warm again')).params, {});
});

test('day and night follow the system until one is chosen, and the choice is remembered', async (t) => {
  const {page, assertClean} = await start(t, {colorScheme: 'dark'});
  const canvas = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const night = await canvas();
  await openSettings(page);
  await page.getByRole('radio', {name: 'Day'}).check();
  await page.waitForFunction((dark) => getComputedStyle(document.body).backgroundColor !== dark, night);
  const day = await canvas();
  await page.reload();
  await page.locator('.welcome').waitFor();
  assert.equal(await canvas(), day);
  await page.emulateMedia({colorScheme: 'light'});
  await openSettings(page);
  await page.getByRole('radio', {name: 'Night'}).check();
  await page.waitForFunction((dark) => getComputedStyle(document.body).backgroundColor === dark, night);
  assertClean();
});

test('the language is the browser’s and can be switched at once', async (t) => {
  const {page} = await start(t, {locale: 'zh-CN'});
  await page.getByPlaceholder('给模型发消息').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-Hans');
  await page.locator('#message').fill('半句话');
  await openSettings(page);
  await page.getByRole('radio', {name: 'English'}).check();
  await page.getByRole('heading', {name: 'Settings', exact: true}).waitFor();
  await done(page);
  await page.getByPlaceholder('Message the model').waitFor();
  assert.equal(await page.locator('#message').inputValue(), '半句话');
});

test('large text is larger everywhere', async (t) => {
  const {page} = await start(t);
  await openSettings(page);
  await page.getByRole('radio', {name: 'Large'}).check();
  await page.waitForFunction(() => getComputedStyle(document.documentElement).fontSize === '19px');
});

test('the sheet takes the focus, keeps it, and gives it back', async (t) => {
  const {page} = await start(t);
  const button = page.locator('.topbar [data-for="settings"]');
  await button.focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.textContent === 'Settings');
  for (let i = 0; i < 30; i++) await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector('.sheet')?.contains(document.activeElement)));
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.getAttribute('data-for') === 'settings');
});
