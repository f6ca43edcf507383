// The table of errors in server/PROTOCOL.md: every code that the server gives has a row with its status, and some test produces it.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file) => readFileSync(path.join(root, file), 'utf8');

// Of a request that nobody waits for any more: it is sent to no one.
const neverSent = ['cancelled'];

const table = new Map();
for (const [, codes, status] of read('server/PROTOCOL.md').matchAll(/^\| ((?:`\w+`(?: \(planned\))?(?: · )?)+) \| (\d{3}) \| /gm)) {
  for (const [, code, planned] of codes.matchAll(/`(\w+)`( \(planned\))?/g)) table.set(code, {status: Number(status), planned: planned !== undefined});
}

const given = new Map([...read('server/session/error_body.cpp').matchAll(/case ErrorCode::(\w+):\s+return \{(\d{3}),/g)].map(([, code, status]) => [code, Number(status)]));

test('every code that the server gives stands in the table with its status, and no other', () => {
  assert.ok(given.size > 20);
  for (const [code, status] of given) {
    if (!neverSent.includes(code)) assert.equal(table.get(code)?.status, status, code);
  }
  const unknown = [...table.keys()].filter((code) => !given.has(code) && code !== 'internal');
  assert.deepEqual(unknown, []);
});

test('every code of the table is produced by a test', () => {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'tests'], {cwd: root, encoding: 'utf8'}).split('\n')
    .filter((file) => /\.(cpp|js)$/.test(file) && !file.startsWith('tests/repository/') && existsSync(path.join(root, file)));
  const all = files.map(read).join('\n');
  const silent = [...table].filter(([code, {planned}]) => !planned && !new RegExp(`ErrorCode::${code}\\b|["']${code}["']|\\b${code}/`).test(all)).map(([code]) => code);
  assert.deepEqual(silent, []);
});
