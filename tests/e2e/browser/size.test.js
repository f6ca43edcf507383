// What the first visit costs: bytes, requests, and nothing from elsewhere.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {gzipSync} from 'node:zlib';
import {root} from '../support/server.js';
import {useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';

const browser = useBrowser();
const firstLoadMax = 250 * 1024;

test('the first load is at most 250 KB compressed, in few requests', async (t) => {
  const hearth = await FakeHearth.start(t);
  const {page, context} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.locator('.welcome').waitFor();
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({name}) => new URL(name).pathname).filter((file) => !file.startsWith('/api/')));
  const bytes = ['/index.html', ...loaded].reduce((sum, file) => sum + gzipSync(readFileSync(path.join(root, 'web/dist', file)), {level: 9}).length, 0);
  assert.ok(bytes <= firstLoadMax, `${bytes} bytes: ${loaded}`);
  assert.ok(loaded.length <= 6, String(loaded));
});

test('no file of the page names an address of another machine that it would load from', () => {
  const files = readFileSync(path.join(root, 'web/dist/manifest.txt'), 'utf8').split('\n').filter((file) => /\.(html|css)$/.test(file));
  for (const file of files) assert.doesNotMatch(readFileSync(path.join(root, 'web/dist', file), 'utf8'), /(?:src|href)="(?:https?:)?\/\/|url\(["']?(?:https?:)?\/\//, file);
});
