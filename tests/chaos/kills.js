// P1: the server is killed at random moments while clients send; nothing that it accepted is lost, nothing is there twice.
import assert from 'node:assert/strict';
import {ChatClient, newIdentity} from '../e2e/support/chat_client.js';
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
        const accepted = await client.create(`k-${c}-${i}`, content, {params: {temperature: 0, max_tokens: 12}});
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
  let messages = 0;
  for (const seen of journal) messages += await checkHistory(url, seen);
  return {kills, messages, server};
};

/** Everything in the journal is in the history, once, with the text that was shown. */
const checkHistory = async (url, seen) => {
  const reader = await ChatClient.connect(url, {cookie: seen.cookie});
  for (const [stream, {content, conversation}] of seen.accepted) {
    const {data} = await reader.request({type: 'history.get', conversation});
    const reply = data.messages.filter((row) => row.id === stream);
    assert.equal(reply.length, 1, `${stream} is there once`);
    const question = data.messages.find((row) => row.id === reply[0].parent);
    assert.equal(question.content, content);
    assert.ok(['done', 'interrupted'].includes(reply[0].status), `no orphan: ${reply[0].status}`);
    if (seen.done.has(stream)) assert.equal(reply[0].content, seen.done.get(stream));
    await new Promise((resolve) => setTimeout(resolve, 60));   // below twenty messages a second
  }
  await reader.close();
  return seen.accepted.size;
};
