import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { appendText, noBlocks, openFence } from '../src/markdown/blocks.js';
import { startsOfBlocks } from '../src/markdown/parser.js';

/** @param {string[]} chunks */
const blocksOf = (chunks) => chunks.reduce((blocks, chunk) => appendText(blocks, chunk, startsOfBlocks), noBlocks);
/** @param {string[]} chunks */
const feed = (chunks) => {
  const { closed, tail } = blocksOf(chunks);
  return { closed, tail };
};

/** @param {string} text @param {number[]} cuts */
const cutAt = (text, cuts) => {
  const edges = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  return edges.slice(1).map((to, i) => text.slice(edges[i], to));
};

// Pieces from which surprising Markdown is made.
const piece = fc.constantFrom('a', 'b c', ' ', '\n', '\n\n', '*', '- ', '1. ', '# ', '> ', '```\n', '~~~', '---\n', '===\n', '|a|b|\n|-|-|\n', '    ', '`', '[x]: /y\n', '$$\n', '\\[\n', '$a$', '天空');
const markdown = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

test('a closed paragraph leaves the tail when the next block has a whole line', () => {
  assert.deepEqual(feed(['one\n\ntwo']), { closed: [], tail: 'one\n\ntwo' });
  assert.deepEqual(feed(['one\n\ntwo', '\n']), { closed: ['one\n\n'], tail: 'two\n' });
});

test('a list that goes on after a blank line is one block', () => {
  assert.deepEqual(feed(['- a\n', '\n', '- b\n', '\nend\n']), { closed: ['- a\n\n- b\n\n'], tail: 'end\n' });
});

test('a half line cannot close a block: a star may still become emphasis', () => {
  assert.deepEqual(feed(['- a\n', '*', 'b*\n']), { closed: [], tail: '- a\n*b*\n' });
});

test('an open fence swallows blank lines and headings', () => {
  assert.deepEqual(feed(['```js\n# a\n\nb\n']), { closed: [], tail: '```js\n# a\n\nb\n' });
});

test('no sign is lost or doubled, however the text arrives', () => {
  fc.assert(
    fc.property(markdown, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      const { closed, tail } = feed(cutAt(text, cuts));
      assert.equal(closed.join('') + tail, text);
    }),
  );
});

test('the blocks do not depend on how the text was cut', () => {
  fc.assert(
    fc.property(markdown, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      const inPieces = feed([...cutAt(text, cuts), '\n\nend\n']);
      const perSign = feed([...text, '\n\nend\n']);
      assert.deepEqual(inPieces.closed, perSign.closed);
    }),
    { numRuns: 300 },
  );
});

test('a closed block is never taken back', () => {
  fc.assert(
    fc.property(fc.array(markdown, { maxLength: 6 }), (chunks) => {
      let blocks = noBlocks;
      for (const chunk of chunks) {
        const next = appendText(blocks, chunk, startsOfBlocks);
        assert.deepEqual(next.closed.slice(0, blocks.closed.length), blocks.closed);
        blocks = next;
      }
    }),
  );
});

test('a fence is open until its own kind of fence stands alone on a line', () => {
  assert.deepEqual(openFence('```py\nx = 1\n'), { mark: '```', language: 'py', from: 6 });
  assert.deepEqual(openFence('~~~\n```\n'), { mark: '~~~', language: '', from: 4 });
  assert.equal(openFence('```py\nx = 1\n```'), undefined);
  assert.equal(openFence('````\n```\n````\n'), undefined);
  assert.equal(openFence('words ```\n'), undefined);
});

test('in an open fence the parser is not asked again, however many lines come', () => {
  let asked = 0;
  const counting = (/** @type {string} */ text) => {
    asked++;
    return startsOfBlocks(text);
  };
  let blocks = appendText(noBlocks, '```js\n', counting);
  const before = asked;
  for (let i = 0; i < 1000; i++) blocks = appendText(blocks, `line ${i}\n`, counting);
  assert.equal(asked, before);
  blocks = appendText(blocks, '```\n\nafter\n', counting);
  assert.equal(blocks.closed.length, 1);
  assert.equal(blocks.tail, 'after\n');
});

test('a fence is known as open exactly while the whole text says so', () => {
  fc.assert(fc.property(fc.array(fc.constantFrom('```', '````', '~~~', '\n', ' ', 'a', '```js\n', '  '), { maxLength: 20 }), (pieces) => {
    const { tail, fence } = blocksOf(pieces);
    assert.deepEqual(fence, openFence(tail));
  }), { numRuns: 500 });
});
