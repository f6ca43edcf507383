// The table of the page in tests/README.md names tests that exist, and says truly which of them have a real server.
import assert from 'node:assert/strict';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const table = readFileSync(path.join(root, 'tests/README.md'), 'utf8').split('## The page, item by item')[1]?.split('\n## ')[0] ?? '';
const named = [...table.matchAll(/^\|.*\| (.+) \|$/gm)].flatMap(([, tests]) => [...tests.matchAll(/(\*\*)?`(\w+)`/g)].map(([, bold, name]) => ({name, isReal: bold !== undefined})));
const fileOf = (name) => path.join(root, 'tests/e2e/browser', `${name}.test.js`);

test('each test of the table exists', () => {
  assert.ok(named.length > 30);
  for (const {name} of named) assert.ok(existsSync(fileOf(name)), name);
});

test('bold are those that start a real server', () => {
  for (const {name, isReal} of named) assert.equal(readFileSync(fileOf(name), 'utf8').includes('startServer'), isReal, name);
});
