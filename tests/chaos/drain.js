// P6: SIGTERM with many sockets and running replies. Everybody is told, the process ends within its time, and what was written is there on the next one.
import assert from 'node:assert/strict';
import {ChatClient, newIdentity} from '../e2e/support/chat_client.js';

/**
 * @param {(options: {dataDir: string, port?: number}) => Promise<{url: string, port: number, stop: (signal: string) => Promise<any>}>} start
 * @param {{dataDir: string, sockets?: number, streams?: number, timeout?: number}} options timeout: the server's own, in seconds
 */
export const drain = async (start, {dataDir, sockets = 1000, streams = 20, timeout = 30}) => {
  const first = await start({dataDir});
  const people = [];
  for (let i = 0; i < Math.ceil(sockets / 8); ++i) people.push(await newIdentity(first.url));
  const clients = [];
  for (let i = 0; i < sockets; i += 40) {
    clients.push(...await Promise.all(Array.from({length: Math.min(40, sockets - i)}, (_, k) => ChatClient.connect(first.url, {cookie: people[Math.floor((i + k) / 8)]}))));
  }
  const writing = [];
  for (let i = 0; i < streams; ++i) {
    const client = clients[(i * 8) % clients.length];   // of different people
    const accepted = await client.create('Tell me a long story.', {params: {temperature: 0, frequency_penalty: -2, max_tokens: 1900}});
    writing.push({client, accepted, cookie: people[Math.floor(((i * 8) % clients.length) / 8)]});
  }
  await Promise.all(writing.map(({client, accepted}) => client.event((event) => event.type === 'delta' && event.stream === accepted.stream)));
  const begin = performance.now();
  const ended = first.stop('SIGTERM');
  const notices = await Promise.all(clients.map((client) => client.event((event) => event.type === 'reconnect')));
  const toldMs = performance.now() - begin;
  const codes = new Set(await Promise.all(clients.map((client) => client.closed)));
  await ended;
  const endedMs = performance.now() - begin;
  assert.deepEqual([...codes], [1012]);
  assert.ok(endedMs < timeout * 1000 + 5000, `ended after ${endedMs} ms`);
  const spreadMs = Math.max(...notices.map((notice) => notice.after_ms)) - Math.min(...notices.map((notice) => notice.after_ms));
  assert.ok(sockets < 100 || spreadMs > 500, `they do not all come back at once: ${spreadMs} ms`);

  const second = await start({dataDir, port: first.port});
  for (const {client, accepted, cookie} of writing) {
    const again = await ChatClient.connect(second.url, {cookie});
    again.streams.set(accepted.stream, {...client.streams.get(accepted.stream), done: null});
    await again.request({type: 'stream.attach', stream: accepted.stream, have: 0});
    const shown = await again.finished(accepted.stream);
    const before = client.streams.get(accepted.stream);
    assert.ok(['interrupted', 'length', 'stop'].includes(shown.done.finish_reason));
    assert.ok(shown.text.startsWith(before.text), 'what was shown is kept');
    await again.close();
  }
  await second.stop('SIGTERM');
  return {sockets, streams, toldMs: Math.round(toldMs), endedMs: Math.round(endedMs), spreadMs};
};
