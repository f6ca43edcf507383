// P1: the server is killed at random moments while clients send; nothing that it accepted is lost, nothing is there twice.
import assert from 'node:assert/strict';
import {newIdentity} from '../e2e/support/chat_client.js';
import {between, seeded} from './support/random.js';
import {ResumingClient} from './support/resuming_client.js';

/**
 * @param {(options: {dataDir: string, port: number}) => Promise<{url: string, port: number, stop: (signal: string) => Promise<any>}>} start
 * @param {{dataDir: string, kills?: number, clients?: number, seed?: number, log?: (line: string) => void}} options
 */
export const killLoop = async (start, {dataDir, kills = 200, clients = 8, seed = 1, log = () => {}}) => {
  const random = seeded(seed);
  let server = await start({dataDir, port: 0});
  const {port, url} = server;
  const journal = [];   // of each client: what the server accepted, and the whole texts it saw
  let isOver = false;
  const people = [];
  for (let c = 0; c < clients; ++c) {
    const cookie = await newIdentity(url);
    const client = new ResumingClient({url: () => url, origin: () => url, cookie});
    const seen = {cookie, accepted: new Map(), done: new Map()};
    journal.push(seen);
    people.push((async () => {
      for (let i = 0; !isOver; ++i) {
        const content = `client ${c} message ${i}`;
        const accepted = await client.create(`k-${c}-${i}`, content, {params: {temperature: 0, frequency_penalty: -2, max_tokens: i % 4 === 3 ? 600 : 12}});
        assert.ok(!seen.accepted.has(accepted.stream), 'one reply for one request');
        seen.accepted.set(accepted.stream, {content, conversation: accepted.conversation});
        const shown = await client.finished(accepted.stream);
        if (shown.done.stored) seen.done.set(accepted.stream, shown.text);
      }
      client.close();
    })());
  }
  for (let k = 0; k < kills; ++k) {
    await new Promise((resolve) => setTimeout(resolve, between(random, 0, 700)));
    await server.stop('SIGKILL');
    server = await start({dataDir, port});
    if ((k + 1) % 20 === 0) log(`${k + 1} kills`);
  }
  isOver = true;
  await Promise.all(people);
  const counts = await Promise.all(journal.map((seen) => checkHistory(url, seen)));
  const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
  return {kills, messages: sum('messages'), interrupted: sum('interrupted')};
};

/** The history is what the journal says: all that was accepted, once, with the texts that were shown, and nothing else. */
const checkHistory = async (url, seen) => {
  const response = await fetch(`${url}/api/v1/export`, {headers: {cookie: seen.cookie}});
  const {conversations} = await response.json();
  assert.equal(response.status, 200);
  let interrupted = 0;
  const stored = new Map(conversations.map((one) => [one.id, one.messages]));
  assert.equal(stored.size, conversations.length, 'no conversation is there twice');
  for (const [stream, {content, conversation}] of seen.accepted) {
    const rows = stored.get(conversation) ?? [];
    assert.equal(rows.length, 2, `${conversation} has its question and its reply, each once`);
    const [question, reply] = rows;
    assert.equal(question.content, content);
    assert.equal(reply.id, stream);
    assert.equal(reply.parent, question.id);
    assert.ok(['done', 'interrupted'].includes(reply.status), `no orphan: ${reply.status}`);
    if (seen.done.has(stream)) assert.equal(reply.content, seen.done.get(stream));
    if (reply.status === 'interrupted') ++interrupted;
    stored.delete(conversation);
  }
  assert.deepEqual([...stored.keys()], [], 'nothing that was never accepted');
  return {messages: seen.accepted.size, interrupted};
};
