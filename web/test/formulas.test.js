import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { startsOfBlocks, toHtml } from '../src/markdown/parser.js';

/** @param {string} text the formulas in it, with the kind of each */
const formulas = (text) => [...toHtml(text, {}).matchAll(/<span data-math="(\w+)">([^<]*)<\/span>/g)].map(([, kind, formula]) => `${kind}: ${formula}`);

/** @type {[string, string, string[]][]} */
const cases = [
  ['dollars in a line', 'so $a^2$ it is', ['inline: a^2']],
  ['brackets in a line', 'so \\(a_1 + b\\) it is', ['inline: a_1 + b']],
  ['double dollars on lines of their own', '$$\na\n=\nb\n$$', ['block: a\n=\nb']],
  ['square brackets on lines of their own', '\\[\n- x\n\\]', ['block: - x']],
  ['double dollars within a line', 'x $$a$$ y', ['block: a']],
  ['square brackets with words behind', '\\[a\\] holds', ['block: a']],
  ['a formula in a list', '- $x$\n- $$y$$', ['inline: x', 'block: y']],
  ['a formula in a table', '|a|\n|-|\n|$x$|', ['inline: x']],
  ['an escaped dollar within', '$a\\$b$', ['inline: a\\$b']],
  ['stars and underscores are not emphasis', '$a_1 * b_2 * c$', ['inline: a_1 * b_2 * c']],
  ['prices', 'from $5 to $10 and $20', []],
  ['a blank behind the sign', 'a $ b$ c', []],
  ['an escaped dollar', '\\$a$ and $b', []],
  ['an open formula', 'and $$a + b', []],
  ['a blank line within', '$$\na\n\nb\n$$', []],
  ['code', '`$a$`\n\n```\n$b$\n```', []],
  ['nothing within', '$$ $$ and \\(\\)', []],
];
for (const [name, text, expected] of cases) test(`formulas: ${name}`, () => assert.deepEqual(formulas(text), expected));

test('a formula that is still open holds its lines in one block', () => {
  assert.deepEqual(startsOfBlocks('$$\na\n=\n- b\n'), [0]);
  assert.deepEqual(startsOfBlocks('$$\na\n\nb\n'), [0, 3]);
});

test('markup in a formula stays text', () => assert.match(toHtml('$a<b onclick=x>c$', {}), /a&lt;b onclick=x&gt;c/));

test('any text with signs of formulas is parsed, and no formula holds a blank line', () => {
  const piece = fc.constantFrom('$', '$$', '\\(', '\\)', '\\[', '\\]', '\\', 'a', ' ', '\n', '\n\n', '- ', '`', '5');
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
    for (const formula of formulas(pieces.join(''))) assert.doesNotMatch(formula, /\n[ \t]*\n/);
  }), { numRuns: 500 });
});
