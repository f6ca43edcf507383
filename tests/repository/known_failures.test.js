// The table of tests/README.md: each requirement of the catalogue has a row, and each test that a row names exists.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file) => readFileSync(path.join(root, file), 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'tests'], {cwd: root, encoding: 'utf8'}).split('\n').filter((file) => existsSync(path.join(root, file)));

const rows = [...read('tests/README.md').matchAll(/^\| (R-\d\d(?:, R-\d\d)*) \| ([^|]+) \| (.+) \|$/gm)].map(([, ids, what, where]) => ({ids: ids.split(', '), what, where}));

/** "Suite.Name" of every GoogleTest case. */
const cases = files.filter((file) => file.endsWith('.cpp')).flatMap((file) =>
  [...read(file).matchAll(/^(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|RC_GTEST_PROP)\(\s*(\w+),\s*(\w+)/gm)].map(([, suite, name]) => `${suite}.${name}`));
const chaosNames = [...read('tests/chaos/run.mjs').split('const chaos = {')[1].split('\n};')[0].matchAll(/^ {2}'?([\w-]+)'?:/gm)].map(([, name]) => name);
const verbs = read('dev');

// Words of the code that are no tests.
const words = new Set(['assert', 'CHECK', 'Secure', '__Host-']);

/** @param {string} name as it stands between backticks @returns {boolean} */
const exists = (name) => {
  if (words.has(name)) return true;
  const chaos = /^\.\/dev chaos ([\w-]+)$/.exec(name);
  if (chaos) return chaosNames.includes(chaos[1]);
  const verb = /^\.\/dev (\w+)$/.exec(name);
  if (verb) return new RegExp(`\\b${verb[1]}\\b.*\\)$`, 'm').test(verbs);
  if (/\.(cpp|js)$/.test(name)) return files.some((file) => file.endsWith(`/${name}`));
  const wanted = name.replace(/(\*|…)$/, '');
  return name === wanted ? cases.includes(name) : /^\w+\./.test(wanted) && cases.some((each) => each.startsWith(wanted));
};

test('every requirement of the catalogue has one row', () => {
  assert.deepEqual(rows.flatMap(({ids}) => ids), Array.from({length: 40}, (_, i) => `R-${String(i + 1).padStart(2, '0')}`));
});

test('each row names tests that exist, or says why it does not apply', () => {
  assert.ok(cases.length > 500 && chaosNames.length > 5, `${cases.length} cases, ${chaosNames.length} chaos runs were found`);
  for (const {ids, where} of rows) {
    const names = [...where.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    for (const name of names) assert.ok(exists(name), `${ids}: there is no ${name}`);
    const isTested = names.some((name) => !words.has(name));
    assert.ok(isTested || /does not apply: \w+|: files come from memory|are not logged|in every build/.test(where), `${ids}: ${where}`);
  }
});
