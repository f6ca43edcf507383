import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { appendRange, finish, newReply, rateOf, replaceText, textOf } from '../src/state/reply.js';

/** @typedef {import('../src/state/state.js').Reply} Reply */

const usage = { prompt_tokens: 1, completion_tokens: 3, cached_tokens: 0 };
const timings = { queue_ms: 0, prefill_ms: 0, decode_ms: 100 };
/** @param {number} to @returns {import('../src/wire.js').Done} */
const done = (to) => ({ type: 'done', stream: 's', to, finish_reason: 'stop', stored: true, usage, timings });

/** A stream of tokens: each a piece of text, some empty. */
const tokens = fc.array(fc.constantFrom('a', 'bc', ' ', '', '天', '\n'), { minLength: 1, maxLength: 30 });

/** @param {string[]} all @param {number} from @param {number} to */
const range = (all, from, to) => ({
  from,
  to,
  text: all.slice(from, to).join(''),
  lp: all.slice(from, to).map((_, i) => -(from + i)),
  bytes: all.slice(from, to).map((token) => Buffer.byteLength(token)),
});

test('ranges that follow each other add up, with their probabilities', () => {
  const all = ['The', ' sky', ' is'];
  const reply = [range(all, 0, 1), range(all, 1, 3)].reduce((held, delta) => appendRange(held, delta, 1), newReply);
  assert.equal(textOf(reply, 'answer'), 'The sky is');
  assert.equal(reply.have, 3);
  assert.deepEqual(reply.lp, [-0, -1, -2]);
  assert.deepEqual(reply.bytes, [3, 4, 3]);
});

test('a range that the page has changes nothing at all', () => {
  const all = ['a', 'b'];
  const reply = appendRange(newReply, range(all, 0, 2), 1);
  assert.equal(appendRange(reply, range(all, 0, 1), 2), reply);
  assert.equal(appendRange(reply, range(all, 0, 2), 2), reply);
});

test('a range beyond a hole is not taken, and the hole is marked once', () => {
  const all = ['a', 'b', 'c', 'd'];
  const held = appendRange(appendRange(newReply, range(all, 0, 1), 1), range(all, 2, 3), 2);
  assert.equal(held.isGap, true);
  assert.equal(held.have, 1);
  assert.equal(appendRange(held, range(all, 3, 4), 3), held);
  const filled = appendRange(held, range(all, 1, 4), 4);
  assert.equal(filled.isGap, false);
  assert.equal(textOf(filled, 'answer'), 'abcd');
});

test('however the ranges are merged, doubled, held back and sent again, the text is the same and nothing stands twice', () => {
  fc.assert(
    fc.property(tokens, fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { maxLength: 40 }), (all, deliveries) => {
      let reply = newReply;
      for (const [a, b] of deliveries) {
        const [from, to] = [Math.min(a, b), Math.min(Math.max(a, b), all.length)];
        if (from < to) reply = appendRange(reply, range(all, from, to), 1);
        assert.equal(textOf(reply, 'answer'), all.slice(0, reply.have).join(''));
        assert.equal(reply.lp.length, reply.have);
      }
      // What stream.attach does: everything from the page's position on.
      if (reply.have < all.length) reply = appendRange(reply, range(all, reply.have, all.length), 2);
      assert.equal(textOf(reply, 'answer'), all.join(''));
      assert.equal(finish(reply, done(all.length)).phase, 'done');
    }),
  );
});

test('a snapshot replaces the text and says so', () => {
  const reply = replaceText(appendRange(newReply, range(['x'], 0, 1), 1), 5, [{ channel: 'reasoning', text: 'hm' }, { channel: 'answer', text: 'new' }]);
  assert.equal(textOf(reply, 'answer'), 'new');
  assert.equal(textOf(reply, 'reasoning'), 'hm');
  assert.equal(reply.have, 5);
  assert.equal(reply.rewrites, newReply.rewrites + 1);
});

test('an end is believed only when no token is missing', () => {
  const reply = appendRange(newReply, range(['a', 'b'], 0, 2), 1);
  assert.equal(finish(reply, done(3)).isGap, true);
  assert.equal(finish(reply, done(3)).phase, 'running');
  assert.equal(finish(reply, done(2)).phase, 'done');
});

test('after the end nothing is added', () => {
  const ended = finish(appendRange(newReply, range(['a'], 0, 1), 1), done(1));
  assert.equal(appendRange(ended, { from: 1, to: 2, text: 'late' }, 2), ended);
});

test('channels do not run into each other', () => {
  let reply = appendRange(newReply, { from: 0, to: 1, text: 'think', channel: 'reasoning' }, 1);
  reply = appendRange(reply, { from: 1, to: 2, text: 'say', channel: 'answer' }, 1);
  assert.deepEqual(reply.parts, [{ channel: 'reasoning', text: 'think' }, { channel: 'answer', text: 'say' }]);
});

test('tokens without probabilities leave the list shorter, never with holes', () => {
  let reply = appendRange(newReply, range(['a', 'b'], 0, 2), 1);
  reply = appendRange(reply, { from: 2, to: 3, text: 'c' }, 1);
  reply = appendRange(reply, { from: 3, to: 4, text: 'd', lp: [-3], bytes: [1] }, 1);
  assert.equal(reply.have, 4);
  assert.equal(reply.lp.length, 2);
});

test('the rate counts what was seen to arrive, then what the server measured', () => {
  const all = Array.from({ length: 11 }, () => 'x');
  let reply = appendRange(newReply, range(all, 0, 1), 1000);
  assert.equal(rateOf(reply), 0);
  reply = appendRange(reply, range(all, 1, 11), 2000);
  assert.equal(rateOf(reply), 10);
  assert.equal(rateOf(finish(reply, done(11))), 20);
});
