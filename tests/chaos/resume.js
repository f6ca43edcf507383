// P2: replies read through a network that cuts at random bytes are byte-identical to uninterrupted ones.
import assert from 'node:assert/strict';
import {newIdentity} from '../e2e/support/chat_client.js';
import {FaultProxy} from './support/fault_proxy.js';
import {between, seeded} from './support/random.js';
import {ResumingClient} from './support/resuming_client.js';

const questions = ['What is a token?', 'Tell me about sampling.', '什么是注意力？', 'Count to twelve.', 'Who are you?', '你好！'];

/**
 * @param {{url: string, port: number}} server
 * @param {{streams?: number, cuts?: number, parallel?: number, seed?: number, log?: (line: string) => void}} [options]
 */
export const resumeCuts = async (server, {streams = 1000, cuts = 5, parallel = 12, seed = 1, log = () => {}} = {}) => {
  const random = seeded(seed);
  const params = (i) => ({temperature: 0.8, seed: 1000 + (i % 50), max_tokens: 48});
  // A connection is cut somewhere in its first bytes: in the handshake, in ready, or in the deltas. Now and then one lives for about a
  // reply, so that everybody gets on.
  const proxy = await FaultProxy.start(server.port, (index) => ({
    cutAfter: index % (cuts + 1) === cuts ? between(random, 2000, 3500) : between(random, 1, 2500),
    how: random() < 0.5 ? 'rst' : 'fin', slice: between(random, 1, 700)}), {random});
  const origin = () => `http://127.0.0.1:${proxy.port}`;
  const expected = new Map();
  const result = {streams: 0, connections: 0, resumed: {full: 0, snapshot: 0, none: 0}};
  const direct = new ResumingClient({url: () => server.url, origin: () => server.url, cookie: await newIdentity(server.url)});
  try {
    for (let i = 0; i < Math.min(50, streams); ++i) {
      const accepted = await direct.create(`d-${i}`, questions[i % questions.length], {params: params(i)});
      expected.set(i % 50, (await direct.finished(accepted.stream)).text);
    }
    let next = 0;
    const worker = async (name) => {
      const cookie = await newIdentity(server.url);
      const clients = [0, 1].map(() => new ResumingClient({url: origin, origin, cookie}));   // two tabs of one person
      while (next < streams) {
        const i = next++;
        const client = clients[i % 2];
        const accepted = await client.create(`${name}-${i}`, questions[(i % 50) % questions.length], {params: params(i)});
        const shown = await client.finished(accepted.stream);
        assert.equal(shown.text, expected.get(i % 50), `stream ${i} (seed ${seed})`);
        if (++result.streams % 100 === 0) log(`${result.streams} streams`);
      }
      for (const client of clients) {
        result.connections += client.connections;
        for (const kind of Object.keys(result.resumed)) result.resumed[kind] += client.resumed[kind];
        client.close();
      }
    };
    await Promise.all(Array.from({length: parallel}, (_, i) => worker(`w${i}`)));
  } finally {
    direct.close();
    await proxy.stop();
  }
  return result;
};
