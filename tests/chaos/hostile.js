// Clients that mean harm, or sleep: what they cost, and what they cost others.
import assert from 'node:assert/strict';
import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import net from 'node:net';
import {ChatClient, newIdentity} from '../e2e/support/chat_client.js';
import {frame, RawWebSocket} from './support/raw_websocket.js';

/** Resident memory of a process, in KiB. */
export const residentKiB = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

const settle = () => new Promise((resolve) => setTimeout(resolve, 500));
const chunked = async (count, size, open) => {
  const all = [];
  for (let i = 0; i < count; i += size) {
    all.push(...await Promise.all(Array.from({length: Math.min(size, count - i)}, (_, k) => open(i + k))));
  }
  return all;
};
const identities = async (url, sockets, perUser) => chunked(Math.ceil(sockets / perUser), 20, () => newIdentity(url));

/** Sockets that say hello and nothing more. @returns {Promise<{kibEach: number}>} */
export const idle = async (server, {sockets = 1000} = {}) => {
  const cookies = await identities(server.url, sockets, 8);
  await settle();
  const before = residentKiB(server.pid);
  const all = await chunked(sockets, 50, async (i) => {
    const raw = await RawWebSocket.connect({port: server.port, cookie: cookies[Math.floor(i / 8)]});
    raw.text({type: 'hello'});
    await raw.message((message) => message.type === 'ready');
    return raw;
  });
  await settle();
  const kibEach = (residentKiB(server.pid) - before) / sockets;
  for (const raw of all) raw.destroy();
  return {sockets, kibEach};
};

const messageBytes = 15_000;
const history = (name, messages) => ({format: 'hearth.conversation.v1', id: randomBytes(16).toString('hex'), title: name, created: 1, updated: 2,
  messages: Array.from({length: messages}, () => randomBytes(16).toString('hex')).map((id, i, ids) => (
    {id, parent: ids[i - 1] ?? null, role: i % 2 ? 'assistant' : 'user', content: 'x'.repeat(messageBytes), created: i + 1, status: 'done'}))});
const call = async (server, cookie, route, body) => {
  const answer = await fetch(`${server.url}${route}`, {method: 'POST', headers: {cookie, origin: server.url, 'content-type': 'application/json'}, body: JSON.stringify(body)});
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

/** Writes replies until every page of the KV cache has been in use: from then on none of it looks like somebody's cost. */
const fillCache = async (server, tokens) => {
  const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
  for (let written = 0, i = 0; written < tokens; ++i) {
    const {done} = await client.ask(`Tell me a long story about the number ${i}.`, {params: {max_tokens: 400}});
    written += done.usage.prompt_tokens + done.usage.completion_tokens;
    client.events.length = 0;
  }
  await client.close();
};

/**
 * Clients that ask for much (long pages of their history, a long reply) and never read. What they cost beside the KV cache, which is settled by
 * its own setting, small here, and full before it begins.
 * @returns {Promise<{kibEach: number}>}
 */
export const neverRead = async (server, {clients = 100} = {}) => {
  await fillCache(server, 12_000);
  const cookies = await identities(server.url, clients, 1);
  const conversations = [];
  for (const cookie of cookies) {
    const {conversations: [long, short]} = await call(server, cookie, '/api/v1/import',
      {format: 'hearth.export.v1', conversations: [history('long', 16), history('short', 5)]});
    conversations.push([long.conversation, short.conversation]);
  }
  await settle();
  const before = residentKiB(server.pid);
  const all = await chunked(clients, 20, async (i) => {
    const raw = await RawWebSocket.connect({port: server.port, cookie: cookies[i]});
    raw.text({type: 'hello'});
    await raw.message((message) => message.type === 'ready');
    raw.socket.pause();
    raw.text({type: 'chat.create', id: 'c', content: 'Tell me a long story.', params: {max_tokens: 400}});
    for (let k = 0; k < 30; ++k) raw.text({type: 'history.get', id: `g-${k}`, conversation: conversations[i][k % 2]});
    return raw;
  });
  let most = 0;
  for (let busy = true; busy;) {
    await settle();
    most = Math.max(most, residentKiB(server.pid));
    busy = (await (await fetch(`${server.operator}/admin/health`)).json()).replies.admitted > 0;
  }
  for (const raw of all) raw.destroy();
  return {clients, kibEach: Math.round((most - before) / clients * 10) / 10};
};

/** Connections that send a byte now and then, and what a good request takes meanwhile. @returns {Promise<{medianMs: number, worstMs: number}>} */
export const dripping = async (server, {sockets = 500, requests = 50} = {}) => {
  const heads = ['GET / HTTP/1.1\r\nHost: ', 'POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{'];
  const all = await chunked(sockets, 50, async (i) => {
    const socket = net.connect({port: server.port, host: '127.0.0.1'});
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(heads[i % heads.length]);
    return socket;
  });
  const drip = setInterval(() => { for (const socket of all) if (!socket.destroyed) socket.write('x'); }, 200);
  const times = [];
  for (let i = 0; i < requests; ++i) {
    const begin = performance.now();
    const response = await fetch(`${server.url}/healthz`);
    await response.text();
    times.push(performance.now() - begin);
  }
  clearInterval(drip);
  for (const socket of all) socket.destroy();
  times.sort((a, b) => a - b);
  return {sockets, medianMs: times[Math.floor(times.length / 2)], worstMs: times.at(-1)};
};

/** Rubbish of many kinds on many connections; the server must still answer a good client. */
export const rubbish = async (server, {rounds = 20} = {}) => {
  const cookie = await newIdentity(server.url);
  const kinds = [
    (raw) => raw.send(Buffer.alloc(70_000, 0xff)),
    (raw) => raw.send(frame({payload: '['.repeat(60_000)})),
    (raw) => raw.send(frame({payload: JSON.stringify({type: 'hello', resume: {streams: Object.fromEntries(Array.from({length: 500}, (_, i) => [`${i}`, i]))}})})),
    (raw) => { for (let i = 0; i < 200; ++i) raw.text('x'); },
    (raw) => { raw.text({type: 'hello'}); for (let i = 0; i < 200; ++i) raw.text({type: 'ping', t: i}); },
    (raw) => raw.send(frame({opcode: 0, payload: 'x'}), frame({opcode: 9, payload: 'y'.repeat(200)})),
    (raw) => raw.send(Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
  ];
  for (let round = 0; round < rounds; ++round) {
    await Promise.all(kinds.map(async (kind) => {
      const raw = await RawWebSocket.connect({port: server.port, cookie});
      kind(raw);
      await Promise.race([raw.closeCode(), settle()]);
      raw.destroy();
    }));
  }
  const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
  const shown = await client.ask('What is a token?', {params: {max_tokens: 8}});
  await client.close();
  return {rounds, answered: shown.done.finish_reason};
};
