// Each limit of the configuration on a real server: what is at it is served, what is one past it is not.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import net from 'node:net';
import {networkInterfaces} from 'node:os';
import {spawnSync} from 'node:child_process';
import test from 'node:test';
import WebSocket from 'ws';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {hearth, startServer} from './support/server.js';

/** Sends bytes on a connection of their own and gives the status of the answer. */
const status = async (port, bytes, host = '127.0.0.1') => {
  const socket = net.connect({host, port});
  let text = '';
  socket.setEncoding('utf8').on('data', (data) => { text += data; });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);
};

const head = (target, fields = []) => `${[`GET ${target} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`;
const post = (body) => `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const pause = () => new Promise((resolve) => { setTimeout(resolve, 20); });
const flags = (limits) => Object.entries(limits).flatMap(([name, value]) => [`--limits-${name.replaceAll('_', '-')}`, String(value)]);

/** A socket that says nothing but what it is told, as the protocol allows. */
const connect = async (server, cookie) => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, ['hearth.chat.v1'], {headers: {origin: server.url, ...(cookie ? {cookie} : {})}});
  const events = [];
  let wake = () => {};
  socket.on('message', (data) => { events.push(JSON.parse(String(data))); wake(); });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', (code) => { resolve(code); wake(); }));
  await once(socket, 'open');
  const event = async (matches) => {
    for (;;) {
      const found = events.find(matches);
      if (found || socket.readyState === WebSocket.CLOSED) return found;
      await new Promise((resolve) => { wake = () => resolve(undefined); });
    }
  };
  return {socket, closed, event, events, say: (message) => socket.send(JSON.stringify(message))};
};

/** Padded with blanks to so many bytes. */
const padded = (message, bytes) => JSON.stringify(message).padEnd(bytes, ' ');

test('a request: head, fields, target and body', async (t) => {
  const server = await startServer(t, {args: flags({header_bytes: 1024, header_fields: 10, target_bytes: 100, body_bytes: 2048})});
  const bare = head('/healthz', ['X-Pad: ']).length;
  assert.equal(await status(server.port, head('/healthz', [`X-Pad: ${'x'.repeat(1024 - bare)}`])), 200);
  assert.equal(await status(server.port, head('/healthz', [`X-Pad: ${'x'.repeat(1025 - bare)}`])), 431);
  const fields = (count) => Array.from({length: count - 2}, (_, i) => `X-${i}: 1`);
  assert.equal(await status(server.port, head('/healthz', fields(10))), 200);
  assert.equal(await status(server.port, head('/healthz', fields(11))), 431);
  assert.equal(await status(server.port, head(`/${'x'.repeat(99)}`)), 404);
  assert.equal(await status(server.port, head(`/${'x'.repeat(100)}`)), 400);
  assert.equal(await status(server.port, post('{}'.padEnd(2048, ' '))), 400);
  assert.equal(await status(server.port, post('{}'.padEnd(2049, ' '))), 413);
});

test('JSON: how deep, in a body and in a message', async (t) => {
  const server = await startServer(t, {args: flags({json_depth: 5})});
  const deep = (levels) => `${'{"x":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
  const bodyOf = async (text) => (await fetch(`${server.url}/v1/chat/completions`, {method: 'POST', headers: {'content-type': 'application/json'}, body: text})).json();
  assert.equal((await bodyOf(deep(5))).error.param, 'messages', 'read, and found to lack something');
  assert.equal((await bodyOf(deep(6))).error.code, 'invalid_json');
  const one = await connect(server, await newIdentity(server.url));
  one.say({type: 'hello'});
  const {limits} = await one.event((event) => event.type === 'ready');
  assert.equal(limits.json_depth, 5);
  one.socket.send(`{"type":"ping","t":1,"x":${deep(4)}}`);
  assert.ok(await one.event((event) => event.type === 'pong'));
  one.socket.send(`{"type":"ping","t":2,"x":${deep(5)}}`);
  assert.equal((await one.event((event) => event.type === 'error')).error.code, 'invalid_json');
  one.socket.terminate();
});

test('a prompt leaves room for its reply', async (t) => {
  const measured = async (args) => {
    const server = await startServer(t, {args});
    const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
    return (await client.request({type: 'context.measure', content: 'What is a token?'})).data;
  };
  const {prompt_tokens: tokens, context_length: context} = await measured([]);
  assert.equal((await measured(flags({reply_room: context - tokens}))).fits, true);
  const past = await measured(flags({reply_room: context - tokens + 1}));
  assert.deepEqual([past.fits, past.needed, past.limit], [false, context + 1, context]);
});

test('a WebSocket: how old it may be', async (t) => {
  const server = await startServer(t, {args: flags({socket_age_s: 1})});
  const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
  assert.equal((await client.event((event) => event.type === 'reconnect')).reason, 'max_age');
  assert.equal(await client.closed, 1012);
});

test('open sockets: in all, and of one person', async (t) => {
  const server = await startServer(t, {args: flags({connections: 8, sockets_per_user: 2})});
  const cookie = await newIdentity(server.url);
  const ready = async () => {
    const one = await connect(server, cookie);
    one.say({type: 'hello'});
    await one.event((event) => event.type === 'ready');
    return one;
  };
  const [first, second] = [await ready(), await ready()];
  const third = await ready();
  assert.equal(await third.closed, 1013, 'the third socket of one person');
  const others = [];
  for (;;) {   // fetch keeps a connection of its own for a while: fill up what is left
    const socket = net.connect({host: '127.0.0.1', port: server.port});
    let text = '';
    socket.setEncoding('utf8').on('data', (data) => { text += data; }).on('error', () => {});
    await once(socket, 'connect');
    const closed = once(socket, 'close').then(() => 'closed');
    socket.write(head('/healthz').replace('Connection: close\r\n', ''));
    await Promise.race([closed, once(socket, 'data')]);
    if (!text.startsWith('HTTP/1.1 200')) {
      assert.match(text, /^HTTP\/1\.1 503 [^]*\r\nretry-after: \d+\r\n/);
      break;
    }
    others.push(socket);
    assert.ok(others.length <= 6, 'eight sockets are the most');
  }
  for (const socket of others) socket.destroy();
  first.socket.terminate();
  second.socket.terminate();
});

test('one WebSocket: the size of frames, their number, the length of a message', async (t) => {
  const server = await startServer(t, {args: flags({frame_bytes_before_ready: 2048, frame_bytes: 4096, messages_per_s: 1, burst: 6, content_bytes: 100, max_tokens: 5})});
  const cookie = await newIdentity(server.url);
  const early = await connect(server, cookie);
  early.socket.send(padded({type: 'hello'}, 2049));
  assert.equal(await early.closed, 1009);

  const one = await connect(server, cookie);
  one.socket.send(padded({type: 'hello'}, 2048));
  const {limits} = await one.event((event) => event.type === 'ready');
  assert.deepEqual([limits.frame_bytes, limits.content_bytes, limits.max_tokens, limits.messages_per_s, limits.burst], [4096, 100, 5, 1, 6]);
  one.socket.send(padded({type: 'ping', t: 1}, 4096));
  assert.ok(await one.event((event) => event.type === 'pong'));
  one.socket.send(padded({type: 'ping', t: 2}, 4097));
  assert.equal(await one.closed, 1009);

  const writer = await connect(server, cookie);
  writer.say({type: 'hello'});
  await writer.event((event) => event.type === 'ready');
  writer.say({type: 'chat.create', id: 'at', content: 'x'.repeat(100), params: {max_tokens: 5}});
  writer.say({type: 'chat.create', id: 'past', content: 'x'.repeat(101)});
  writer.say({type: 'chat.create', id: 'long', content: 'x', params: {max_tokens: 6}});
  assert.equal((await writer.event((event) => event.re === 'at')).type, 'accepted');
  assert.equal((await writer.event((event) => event.re === 'past')).error.param, 'content');
  assert.equal((await writer.event((event) => event.re === 'long')).error.param, 'params.max_tokens');
  assert.ok((await writer.event((event) => event.type === 'done')).to <= 5);

  const quick = await connect(server, cookie);
  for (let i = 0; i < 100; ++i) quick.say(i === 0 ? {type: 'hello'} : {type: 'ping', t: i});
  assert.equal(await quick.closed, 4429);
  assert.equal(quick.events.find((event) => event.type === 'error').error.code, 'rate_limited');
  assert.ok(quick.events.filter((event) => event.type === 'pong').length >= 5, 'six at once, the hello among them');
});

// A stepped reply holds its place until it is asked to write: nothing here depends on how fast the model is.
test('replies: of one person, of everybody', async (t) => {
  const server = await startServer(t, {args: flags({running_per_user: 1, queued_per_user: 1, live: 3})});
  const people = [];
  for (let i = 0; i < 2; ++i) people.push(await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)}));
  const hold = (person) => person.create('Hello', {step: true});
  await hold(people[0]);
  const held = await hold(people[0]);
  await assert.rejects(hold(people[0]), {code: 'busy'}, 'the third of one person');
  await hold(people[1]);
  await assert.rejects(hold(people[1]), {code: 'busy'}, 'the fourth of everybody');
  const response = await fetch(`${server.url}/v1/chat/completions`, {method: 'POST', headers: {'content-type': 'application/json'},
    body: JSON.stringify({messages: [{role: 'user', content: 'hi'}]})});
  assert.equal(response.status, 429);
  assert.ok(Number(response.headers.get('retry-after')) >= 1);
  await people[0].request({type: 'chat.cancel', stream: held.stream});
  await people[0].finished(held.stream);
  await hold(people[1]);
});

test('the process may open few files: it says so, and takes no more connections than that', async (t) => {
  const limited = spawnSync('sh', ['-c', 'ulimit -n 300 && ulimit -n'], {encoding: 'utf8'});
  if (limited.stdout.trim() !== '300') return t.skip('no ulimit here');
  const server = await startServer(t, {wrap: ['sh', '-c', 'ulimit -n 300 && exec "$0" "$@"']});
  while (!/at most 172 connections instead of 4096/.test(server.log())) await pause();
});

// One byte is used up as soon as anybody comes in: the ladder's third step.
test('memory: when it is used up idle sockets are closed with 1013', async (t) => {
  const server = await startServer(t, {args: [...flags({memory: 1}), '--admin-port', '0']});
  const admin = /for the operator: (http:\/\/127\.0\.0\.1:\d+)/.exec(server.log())?.[1];
  const cookie = await newIdentity(server.url);
  const client = await connect(server, cookie);
  assert.equal(await client.closed, 1013);
  // It is left half a second later at the latest, when nobody holds anything.
  while ((await (await fetch(`${admin}/admin/health`)).json()).overload !== 0) await pause();
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
});

test('one address of the network: its sockets, and how fast it opens them', async (t) => {
  const address = Object.values(networkInterfaces()).flat().find((one) => one && one.family === 'IPv4' && !one.internal)?.address;
  if (!address) return t.skip('this machine has no network address');
  const server = await startServer(t, {args: ['--lan', '--open', ...flags({connections_per_address: 3, connections_per_s: 1000})]});
  const open = [];
  for (let i = 0; i < 3; ++i) {
    const socket = net.connect({host: address, port: server.port});
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(head('/healthz').replace('Connection: close\r\n', '').replace('127.0.0.1', address));
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200/);
    open.push(socket);
  }
  assert.equal(await status(server.port, head('/healthz').replace('127.0.0.1', address), address), 503);
  assert.equal(await status(server.port, head('/healthz')), 200, 'this machine itself has no such cap');
  for (const socket of open) socket.destroy();
});

// Where a flag's effect is shown when it is not above.
const elsewhere = {
  'limits-connections-per-s': 'CapsTest', 'limits-unwatched-running-s': 'streams_test', 'limits-unwatched-queued-s': 'streams_test',
  'limits-live-per-address': 'AdmissionPerAddress', 'limits-reply-s': 'ReplyTime', 'limits-outbox-bytes': 'Streams.ANonReader…', 'limits-outbox-entries': 'Outbox', 'limits-slow-s': 'Streams', 'limits-handshake-s': 'TlsPort',
  'limits-header-s': 'HttpDeadline', 'limits-idle-s': 'HttpDeadline', 'limits-body-s': 'HttpDeadline', 'limits-hello-s': 'WsClose',
};

test('every limit is tried here or named above', async () => {
  const {stdout} = await hearth(['serve', '--help']);
  const all = [...stdout.matchAll(/--(limits-[a-z-]+)/g)].map((match) => match[1]);
  assert.ok(all.length > 25, `${all.length} limits`);
  const source = String(await import('node:fs').then((fs) => fs.readFileSync(new URL(import.meta.url))));
  for (const flag of all) {
    const key = flag.replace('limits-', '').replaceAll('-', '_');
    assert.ok(new RegExp(`\\b${key}:`).test(source) || flag in elsewhere, flag);
  }
});
