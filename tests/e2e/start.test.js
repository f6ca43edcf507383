// What a newcomer meets when the start goes wrong: one sentence, and an exit code.
import assert from 'node:assert/strict';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {once} from 'node:events';
import path from 'node:path';
import test from 'node:test';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {hearth, holdLoading, startServer, temporaryFolder} from './support/server.js';

const refusal = async (...args) => {
  const {code, stdout, stderr} = await hearth(['serve', ...args]);
  assert.equal(stdout, '', 'nothing is promised before it is sure');
  return `${code} ${stderr}`;
};

test('the port is taken', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const {port} = /** @type {import('node:net').AddressInfo} */ (taken.address());
  assert.equal(await refusal('--port', String(port), '--data-dir', temporaryFolder(t)),
    `1 hearth: Port ${port} on 127.0.0.1 is in use by another program; choose another one with --port.\n`);
});

test('the data folder cannot be made, or is no folder', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, 'file'), '');
  assert.match(await refusal('--port', '0', '--data-dir', path.join(folder, 'file/data')), /^1 hearth: The data folder .*file\/data cannot be made: .*\.\n$/);
  if (process.getuid?.() === 0) return;   // root may write everywhere
  const locked = path.join(folder, 'locked');
  mkdirSync(locked);
  chmodSync(locked, 0o500);
  assert.match(await refusal('--port', '0', '--data-dir', locked), /^1 hearth: The data folder .*locked cannot be written: .*\.\n$/);
});

test('another server has the data folder', async (t) => {
  const server = await startServer(t, {untilReady: false});
  assert.equal(await refusal('--port', '0', '--data-dir', server.dataDir), `1 hearth: The data folder ${server.dataDir} is in use by another Hearth server.\n`);
});

test('the disk is nearly full', async (t) => {
  const folder = temporaryFolder(t);
  assert.match(await refusal('--port', '0', '--data-dir', folder, '--disk-free', '900000G'),
    new RegExp(`^1 hearth: The disk of the data folder ${folder} has \\d+ MiB left, and disk_free asks for 921600000 MiB: make room, or choose another folder with --data-dir\\.\\n$`));
  const server = await startServer(t, {dataDir: folder, args: ['--disk-free', '0']});
  assert.equal((await server.stop()).code, 0);
});

// Once, SIGTERM between the printed address and the first turn of the loop ended the process on the spot.
test('who knows the address can end the server in order', async (t) => {
  const server = await startServer(t, {untilReady: false});
  const caught = BigInt(`0x${/SigCgt:\s+([0-9a-f]+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]}`);
  for (const signal of [2n, 15n]) assert.ok(caught & (1n << (signal - 1n)), `signal ${signal} is caught`);
  assert.deepEqual(await server.stop(), {code: 0, signal: null});
});

test('keys that are wrong name themselves and exit with 2', async (t) => {
  const file = path.join(temporaryFolder(t), 'hearth.toml');
  writeFileSync(file, 'prot = 80\n');
  assert.equal(await refusal('--config', file), `2 hearth: ${file}: there is no key 'prot'.\n`);
  assert.equal(await refusal('--port', '70000'), "2 hearth: --port must be a whole number from 0 to 65535, not '70000'.\n");
  assert.equal(await refusal('--join-code', '12'), '2 hearth: --join-code must have at least 8 letters and digits.\n');
  assert.match(await refusal('--limits-live', '0'), /^2 hearth: --limits-live must be a whole number from 1 /);
  assert.match(await refusal('--host', 'no such host', '--data-dir', temporaryFolder(t)), /^1 hearth: 'no such host' is not an address to listen on: give an IP address or localhost\.\n$/);
});

test('conversations are kept in int8 where kv_dtype says so', async (t) => {
  const {url} = await startServer(t, {args: ['--dtype', 'int8', '--kv-dtype', 'int8']});
  const model = await (await fetch(`${url}/api/v1/model`, {headers: {cookie: await newIdentity(url)}})).json();
  assert.match(model.decoder, /int8 weights, .*int8 KV cache/);
  const {response} = await (await fetch(`${url}/conversation/`, {method: 'POST', headers: {'content-type': 'application/json'}, body: '{"query": "Hello!"}'})).json();
  assert.match(response, /\w{2,}/);
});

test('the operator sees who is here and signs somebody out', async (t) => {
  const server = await startServer(t, {args: ['--admin-port', '0']});
  const admin = /for the operator: (http:\/\/127\.0\.0\.1:\d+)/.exec(server.log())?.[1];
  const people = async () => (await (await fetch(`${admin}/admin/sessions`)).json()).people;
  const end = (body) => fetch(`${admin}/admin/sessions/end`, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body)});
  const cookie = await newIdentity(server.url, {name: 'Ada'});
  const ada = await ChatClient.connect(server.url, {cookie});
  const bob = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url, {name: 'Bob'})});
  const held = await ada.create('Tell me a story.', {step: true});   // nobody demands it: it is never done
  const events = await fetch(`${server.url}/api/v1/streams/${held.stream}/events`, {headers: {cookie}});
  const {user} = ada.ready;
  assert.deepEqual((await people()).find((one) => one.name === 'Ada'), {user: user.id, name: 'Ada', sockets: 1, keys: [], running: 0, waiting: 1});
  assert.equal((await end({user: 'f'.repeat(32)})).status, 404);
  assert.deepEqual(await (await end({user: user.id})).json(), {ended: true});
  assert.equal(await ada.closed, 4401);
  assert.match(await events.text(), /event: close\ndata: \{"code":4401/);
  await assert.rejects(ChatClient.connect(server.url, {cookie}), /4401/, 'the cookie holds no longer');
  assert.deepEqual((await people()).map(({name}) => name), ['Bob']);
  await bob.request({type: 'history.list'});
});

test('the operator has a listener of their own', async (t) => {
  const server = await startServer(t, {args: ['--admin-port', '0']});
  const admin = /for the operator: (http:\/\/127\.0\.0\.1:\d+)/.exec(server.log())?.[1];
  const health = await (await fetch(`${admin}/admin/health`)).json();
  assert.equal(health.status, 'ready');
  assert.equal(health.overload, 0);
  assert.equal(health.connections.max, 4096);
  assert.ok(health.disk_free_bytes > 0);
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  assert.match(metrics, /^# HELP hearth_ready .*\n# TYPE hearth_ready gauge\nhearth_ready 1\n/);
  assert.match(metrics, /\nhearth_overload_level 0\n/);
  for (const route of ['/admin/health', '/metrics']) assert.equal((await fetch(`${server.url}${route}`)).status, 404, 'not where people come in');
  for (const route of ['/', '/v1/models', '/ws']) assert.equal((await fetch(`${admin}${route}`)).status, 404);
  const named = await new Promise((resolve) => {
    const socket = net.connect({host: '127.0.0.1', port: Number(new URL(String(admin)).port)});
    socket.once('data', (data) => { resolve(String(data)); socket.destroy(); });
    socket.write('GET /admin/health HTTP/1.1\r\nHost: evil.example\r\n\r\n');
  });
  assert.match(named, /^HTTP\/1\.1 421 /, 'a page of another name cannot read it');
});

test('who asks while the model loads is told each stage, and what they told before', async (t) => {
  const dataDir = temporaryFolder(t);
  const release = holdLoading(dataDir);
  const server = await startServer(t, {dataDir, untilReady: false});
  const notYet = await fetch(`${server.url}/readyz`);
  assert.equal(notYet.status, 503);
  const {code, model} = await notYet.json();
  assert.equal(code, 'model_loading');
  const {id: _, state, ...progress} = model;
  assert.deepEqual([state, progress.stage, progress.percent], ['loading', 'weights', 0]);
  assert.deepEqual(progress.stages.map(({stage, ms}) => [stage, ms !== undefined]), [['config', true], ['tokenizer', true], ['weights', false]]);
  const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
  const {name: _name, id: _id, state: told, ...atReady} = client.ready.models[0];
  assert.deepEqual([told, atReady], ['loading', progress], 'the same for who comes in the middle');
  await assert.rejects(client.create('Hello!'), {code: 'model_loading'});
  await release();
  const ready = await client.event((event) => event.type === 'model' && event.state === 'ready');
  assert.ok(ready.info.context_length > 0 && ready.stages === undefined);
  const moves = client.events.filter((event) => event.type === 'model' && event.state === 'loading');
  assert.deepEqual([...new Set(moves.map(({stage}) => stage))], ['weights', 'cache', 'measure']);
  const percents = moves.map(({percent}) => percent);
  assert.deepEqual(percents, percents.slice().sort((a, b) => a - b));
  const [config, tokenizer, weights, cache, measure] = moves.at(-1).stages;
  assert.deepEqual([config.stage, tokenizer.stage, measure.stage, measure.ms], ['config', 'tokenizer', 'measure', undefined]);
  assert.ok(tokenizer.tokens > 1000 && weights.bytes_all > 1e6 && weights.bytes === weights.bytes_all && weights.ms > 0);
  assert.ok(cache.tokens >= ready.info.context_length, 'room for at least one whole conversation');
  const at = moves.filter(({stages}) => stages.at(-1).tensor).map(({stages}) => stages.at(-1));
  assert.ok(at.length > 3 && at.every(({bytes, bytes_all, dtype}) => bytes > 0 && bytes <= bytes_all && dtype === 'bf16'));
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  await client.close();
});
