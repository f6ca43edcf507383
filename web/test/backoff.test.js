import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../src/net/backoff.js';

test('the longest delay doubles from 250 ms and stops at 30 s', () => {
  const longest = Array.from({ length: 9 }, (_, attempt) => backoffMs(attempt, () => 1));
  assert.deepEqual(longest, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
});

test('the jitter is full: a delay may be zero', () => {
  assert.equal(backoffMs(7, () => 0), 0);
  assert.equal(backoffMs(7, () => 0.5), 15000);
});

test('a very long outage does not overflow', () => {
  assert.equal(backoffMs(100_000, () => 1), 30000);
});
