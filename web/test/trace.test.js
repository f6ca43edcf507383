import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { barsOf, bitsOf, heatOf, textsOf, uncertainIn } from '../src/state/surprise.js';
import { chancesUnder, drawnUnder, firstSplit, shownStages } from '../src/state/trace.js';

/** @typedef {import('../src/wire.js').TracedToken} TracedToken */

/** @param {number[]} scores highest first @param {Partial<TracedToken>} [more] @returns {TracedToken} */
const token = (scores, more = {}) => ({
  index: 0, id: 0, text: 'a', bytes: 1, lp: -1, rank: 0, u: 0.5, tail: null,
  candidates: scores.map((score, id) => ({ id, text: String(id), bytes: 1, logit: score, score, p: [] })),
  ...more,
});
const open = { temperature: 1, top_k: 0, top_p: 1, min_p: 0 };

test('the six steps of surprise begin at 0, 1, 2, 3, 5 and 8 bits', () => {
  assert.deepEqual([0, 0.99, 1, 2, 3, 5, 7.9, 8, 40].map(heatOf), [0, 0, 1, 2, 3, 4, 4, 5, 5]);
  assert.equal(bitsOf(Math.log(0.25)), 2);
  assert.equal(uncertainIn([Math.log(0.9), Math.log(0.4), Math.log(0.1)]), 2);
});

test('there is one bar for each token, or one for the least sure of several', () => {
  const few = barsOf([0, -1, -9], { height: 16, barsMax: 600 });
  assert.deepEqual([few.bars, few.perBar], [3, 1]);
  const many = barsOf(Array.from({ length: 1500 }, (_, i) => (i === 700 ? -20 : 0)), { height: 16, barsMax: 600 });
  assert.deepEqual([many.bars, many.perBar], [500, 3]);
  assert.match(many.paths[5], /^M233 16v-16\.0h/);
});

test('texts of tokens add up to the text, however its bytes are cut', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.array(fc.boolean(), { maxLength: 60 }), (text, cuts) => {
    const clean = text.replace(/[\ud800-\udfff]/g, '');
    // Tokens end at characters, as the server counts them: a half character completes nothing.
    const bytes = [...clean].flatMap((sign, i) => (cuts[i] ? [0, Buffer.byteLength(sign)] : [Buffer.byteLength(sign)]));
    assert.equal(textsOf(clean, bytes).join(''), clean);
  }));
});

test('at temperature 0 the first candidate is taken', () => {
  assert.deepEqual(drawnUnder(token([3, 1], { id: 1, u: 0.99 }), [], { ...open, temperature: 0 }), { kind: 'other', candidate: token([3, 1]).candidates?.[0] });
  assert.deepEqual(drawnUnder(token([3, 1], { id: 0 }), [], { ...open, temperature: 0 }), { kind: 'same' });
});

test('the stored random number draws over what is kept', () => {
  const even = token([0, 0, 0, 0], { u: 0.6, id: 2 });
  assert.equal(drawnUnder(even, [], open).kind, 'same');
  assert.deepEqual(drawnUnder(even, [], { ...open, top_p: 0.5 }), { kind: 'other', candidate: even.candidates?.[1] });
});

test('top-k keeps so many, and those equal to the last', () => {
  const chances = chancesUnder(token([2, 1, 1, 0]), [], { ...open, top_k: 2 });
  assert.deepEqual(chances?.chances.map((chance) => chance > 0), [true, true, true, false]);
});

test('min-p cuts below a share of the likeliest', () => {
  const chances = chancesUnder(token([0, Math.log(0.5), Math.log(0.05)]), [], { ...open, min_p: 0.1 });
  assert.deepEqual(chances?.chances.map((chance) => chance > 0), [true, true, false]);
});

test('a draw that ends beyond the stored ones is unknown', () => {
  const half = token([0], { u: 0.9, tail: [0] });
  assert.equal(drawnUnder(half, [1], open).kind, 'unknown');
  assert.equal(drawnUnder({ ...half, u: 0.3 }, [1], open).kind, 'same');
});

test('the tail between two temperatures is interpolated', () => {
  const chances = chancesUnder(token([0], { tail: [0, -2] }), [1, 2], { ...open, temperature: 1 / 1.5 });
  assert.ok(Math.abs((chances?.rest ?? 0) - Math.exp(-1) / (1 + Math.exp(-1))) < 1e-12);
});

test('chances and the rest always add up to one', () => {
  const settings = fc.record({ temperature: fc.double({ min: 0.05, max: 2, noNaN: true }), top_k: fc.integer({ min: 0, max: 100 }), top_p: fc.double({ min: 0.01, max: 1, noNaN: true }), min_p: fc.double({ min: 0, max: 1, noNaN: true }) });
  const scores = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 64 }).map((all) => all.sort((a, b) => b - a));
  fc.assert(fc.property(scores, settings, fc.double({ min: -20, max: 5, noNaN: true }), fc.double({ min: 0, max: 0.999999, noNaN: true }), (all, given, tail, u) => {
    const traced = token(all, { tail: [tail, tail], u });
    const { chances, rest } = /** @type {NonNullable<ReturnType<typeof chancesUnder>>} */ (chancesUnder(traced, [0.5, 4], given));
    assert.ok(Math.abs(chances.reduce((a, b) => a + b, 0) + rest - 1) < 1e-9);
    assert.ok(chances.every((chance, i) => chance >= 0 && (i === 0 || chance <= chances[i - 1] + 1e-12)));
    assert.ok(['same', 'other', 'unknown'].includes(drawnUnder(traced, [0.5, 4], given).kind));
  }));
});

test('the first split skips what a person chose by branching', () => {
  const sheet = /** @type {import('../src/wire.js').TracePage} */ (/** @type {unknown} */ ({ tail_betas: [], branch: { message: 'm', at: 0 } }));
  const tokens = [token([3, 1], { index: 0, id: 1 }), token([3, 1], { index: 1, id: 0 }), token([3, 1], { index: 2, id: 1 })];
  assert.equal(firstSplit(tokens, sheet, { ...open, temperature: 0 })?.at, 2);
});

test('stages that change nothing fold away', () => {
  const rows = [{ id: 0, text: '', bytes: 0, logit: 0, score: 0, p: [0.6, 0.6, 0.7, 0.7, 1] }];
  assert.deepEqual(shownStages(['raw', 'penalties', 'temperature', 'top_k', 'top_p'], rows), [0, 2, 4]);
});
