// The short forms of ./dev chaos: resume through cuts (P2), and RFC 6455.
import assert from 'node:assert/strict';
import test from 'node:test';
import {conformance} from '../chaos/conformance.js';
import {resumeCuts} from '../chaos/resume.js';
import {startServer} from './support/server.js';

test('replies through a network that cuts at random bytes are those of an uninterrupted reader', async (t) => {
  const server = await startServer(t);
  const result = await resumeCuts(server, {streams: 36, cuts: 4, parallel: 4, seed: 7});
  assert.equal(result.streams, 36);
  assert.ok(result.connections > 30, `it was cut: ${JSON.stringify(result)}`);
  assert.ok(result.resumed.full > 0, JSON.stringify(result));
});

test('RFC 6455: framing, fragments, UTF-8, control frames, close codes', async (t) => {
  const server = await startServer(t);
  const {passed, failures} = await conformance(server);
  assert.deepEqual(failures, []);
  assert.ok(passed > 150);
});
