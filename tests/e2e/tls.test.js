// Direct TLS with real clients: node's tls and https, the ws package.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {readFileSync, statSync} from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import WebSocket from 'ws';
import {hearth, startServer, temporaryFolder} from './support/server.js';

/** @returns {Promise<{status: number, headers: Record<string, any>, body: string}>} */
const ask = (port, {method = 'GET', url = '/healthz', headers = {}, body = '', ca = undefined} = {}) => new Promise((resolve, reject) => {
  const request = https.request({host: '127.0.0.1', port, method, path: url, headers, rejectUnauthorized: Boolean(ca), ca, agent: false}, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (data) => { text += data; });
    response.on('end', () => resolve({status: response.statusCode ?? 0, headers: response.headers, body: text}));
  });
  request.on('error', reject);
  request.end(body);
});

/** Sends bytes in the open and gives everything that comes until the end. */
const plain = async (port, bytes) => {
  const socket = net.connect({host: '127.0.0.1', port});
  let text = '';
  socket.setEncoding('utf8').on('data', (data) => { text += data; });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
};

const newCookie = async (port) => {
  const answer = await ask(port, {method: 'POST', url: '/api/v1/session', body: '{}',
    headers: {'content-type': 'application/json', origin: `https://127.0.0.1:${port}`}});
  assert.equal(answer.status, 200, answer.body);
  return answer.headers['set-cookie'][0];
};

test('a certificate is made at the first start, shown, kept, and good for a whole conversation', async (t) => {
  const dataDir = temporaryFolder(t);
  const server = await startServer(t, {args: ['--tls'], dataDir});
  const printed = /certificate \(SHA-256\): ([0-9A-F:]{95})/.exec(server.log())?.[1];

  const socket = tls.connect({host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1']});
  await once(socket, 'secureConnect');
  assert.equal(socket.getPeerCertificate().fingerprint256, printed);
  assert.equal(socket.alpnProtocol, 'http/1.1');
  assert.match(socket.getProtocol() ?? '', /^TLSv1\.[23]$/);
  socket.destroy();

  const ca = readFileSync(path.join(dataDir, 'tls/cert.pem'), 'utf8');
  assert.equal(statSync(path.join(dataDir, 'tls/key.pem')).mode & 0o777, 0o600);
  const page = await ask(server.port, {url: '/', ca});
  assert.equal(page.status, 200);
  assert.match(page.headers['content-security-policy'], /default-src 'none'/);
  assert.equal(page.headers['strict-transport-security'], undefined, 'a self-made certificate and HSTS would lock people out');

  const setCookie = await newCookie(server.port);
  assert.match(setCookie, new RegExp(`^__Host-hearth_${server.port}=`));
  assert.match(setCookie, /; Secure/);
  assert.match(setCookie, /; Path=\//);

  const client = new WebSocket(`wss://127.0.0.1:${server.port}/ws`, ['hearth.chat.v1'],
    {ca, headers: {origin: `https://127.0.0.1:${server.port}`, cookie: setCookie.split(';')[0]}});
  let text = '';
  const done = new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('message', (data) => {
      const event = JSON.parse(String(data));
      if (event.type === 'ready') client.send(JSON.stringify({type: 'chat.create', id: 'c', content: 'What is a token?', params: {max_tokens: 12}}));
      if (event.type === 'delta') text += event.text;
      if (event.type === 'done') resolve(event);
      if (event.type === 'error') reject(new Error(JSON.stringify(event)));
    });
  });
  await once(client, 'open');
  client.send(JSON.stringify({type: 'hello'}));
  assert.equal((await done).stored, true);
  assert.ok(text.length > 0);
  client.close(1000);
  assert.equal((await once(client, 'close'))[0], 1000);

  await server.stop();
  const again = await startServer(t, {args: ['--tls'], dataDir});
  assert.ok(again.log().includes(String(printed)), 'the same certificate after a restart');
});

test('plain HTTP on the port is told where to go, and nothing more', async (t) => {
  const server = await startServer(t, {args: ['--tls']});
  const host = `127.0.0.1:${server.port}`;
  const page = await plain(server.port, `GET /assets/x?y=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  assert.match(page, /^HTTP\/1\.1 308 /);
  assert.match(page, new RegExp(`\r\nlocation: https://${host}/assets/x\\?y=1\r\n`));
  const call = await plain(server.port, `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
  assert.match(call, /^HTTP\/1\.1 400 /);
  assert.match(call, /speaks HTTPS only: use https:\/\//);
  const socket = await plain(server.port, `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`);
  assert.match(socket, /^HTTP\/1\.1 400 /);
  const foreign = await plain(server.port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
  assert.match(foreign, /^HTTP\/1\.1 421 /, 'a name that is not ours is not sent anywhere');
  for (const answer of [page, call, socket, foreign]) {
    assert.match(answer, /\r\ncontent-security-policy: /);
    assert.doesNotMatch(answer, /strict-transport-security|set-cookie/);
  }
});

test('handshakes that fail, hang or are rubbish disturb nobody', async (t) => {
  const server = await startServer(t, {args: ['--tls']});
  const rubbish = plain(server.port, Buffer.concat([Buffer.from([0x16, 3, 1, 0, 20]), Buffer.alloc(20, 0xff)]));
  const silent = [plain(server.port, ''), plain(server.port, Buffer.from([0x16])), plain(server.port, Buffer.from([0x16, 3, 1]))];
  const old = tls.connect({host: '127.0.0.1', port: server.port, rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0'});
  await once(old, 'error');
  const gone = net.connect({host: '127.0.0.1', port: server.port});
  await once(gone, 'connect');
  gone.write(Buffer.from([0x16, 3]));
  gone.resetAndDestroy();
  assert.equal((await ask(server.port)).status, 200);
  await rubbish;
  assert.deepEqual(await Promise.all(silent), ['', '', ''], 'and those that hang are cut');
  assert.equal((await ask(server.port)).status, 200);
});

test('a page of the plain origin is a foreign one', async (t) => {
  const server = await startServer(t, {args: ['--tls']});
  const answer = await ask(server.port, {method: 'POST', url: '/api/v1/session', body: '{}',
    headers: {'content-type': 'application/json', origin: `http://127.0.0.1:${server.port}`}});
  assert.equal(answer.status, 403);
});

test('a certificate of the operator, with and without HSTS, and what is wrong with one', async (t) => {
  const made = temporaryFolder(t);
  await (await startServer(t, {args: ['--tls'], dataDir: made})).stop();
  const cert = path.join(made, 'tls/cert.pem');
  const key = path.join(made, 'tls/key.pem');
  const server = await startServer(t, {args: ['--tls-cert', cert, '--tls-key', key, '--hsts']});
  assert.match((await ask(server.port)).headers['strict-transport-security'], /^max-age=31536000$/);
  assert.doesNotMatch(await plain(server.port, `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`), /strict-transport/i);
  await server.stop();

  const other = temporaryFolder(t);
  await (await startServer(t, {args: ['--tls'], dataDir: other})).stop();
  const refusal = async (...args) => {
    const {code, stderr} = await hearth(['serve', '--port', '0', '--data-dir', temporaryFolder(t), ...args]);
    return `${code} ${stderr}`;
  };
  assert.match(await refusal('--tls-cert', cert, '--tls-key', path.join(other, 'tls/key.pem')), /^1 hearth: .*key\.pem is not the key of .*cert\.pem\.\n$/);
  assert.match(await refusal('--tls-cert', key, '--tls-key', key), /^1 hearth: .*key\.pem holds no certificate in PEM\.\n$/);
  assert.match(await refusal('--tls-cert', path.join(made, 'none.pem'), '--tls-key', key), /^1 hearth: .*none\.pem cannot be read\.\n$/);
  assert.match(await refusal('--tls-cert', cert), /^2 hearth: .*go together/);
  assert.match(await refusal('--tls', '--hsts'), /^2 hearth: hsts needs tls_cert/);
});
