import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { pingEveryMs, pongWithinMs, Socket } from '../src/net/socket.js';

/** Timers that go off when the test says so. */
class Clock {
  now = 0;
  /** @type {Map<number, {at: number, every: number, call: () => void}>} */
  timers = new Map();
  #next = 1;

  /** @param {() => void} call @param {number} delay @param {number} every */
  add(call, delay, every) {
    this.timers.set(this.#next, { at: this.now + delay, every, call });
    return this.#next++;
  }

  /** @param {number} ms */
  pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [id, timer] = due;
      this.now = timer.at;
      if (timer.every) timer.at += timer.every;
      else this.timers.delete(id);
      timer.call();
    }
    this.now = end;
  }
}

class FakeWebSocket {
  static OPEN = 1;
  /** @type {FakeWebSocket[]} */ static all = [];
  readyState = 1;
  /** @type {any[]} */ sent = [];
  /** @type {() => void} */ onopen = () => {};
  /** @type {(event: {data: string}) => void} */ onmessage = () => {};
  /** @type {(event: {code: number}) => void} */ onclose = () => {};
  /** @param {string} url @param {string} protocol */
  constructor(url, protocol) {
    this.url = url;
    this.protocol = protocol;
    FakeWebSocket.all.push(this);
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3; // a dead network never reports the close
  }
  /** @param {object} message */
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

const real = { WebSocket: globalThis.WebSocket, setTimeout, clearTimeout, setInterval, clearInterval, random: Math.random };
let clock = new Clock();
/** @type {{kind: string, code?: number, message?: any}[]} */
let heard = [];

beforeEach(() => {
  clock = new Clock();
  heard = [];
  FakeWebSocket.all = [];
  Object.assign(globalThis, {
    WebSocket: FakeWebSocket,
    document: { visibilityState: 'visible' },
    setTimeout: (/** @type {() => void} */ call, /** @type {number} */ ms) => clock.add(call, ms, 0),
    setInterval: (/** @type {() => void} */ call, /** @type {number} */ ms) => clock.add(call, ms, ms),
    clearTimeout: (/** @type {number} */ id) => clock.timers.delete(id),
    clearInterval: (/** @type {number} */ id) => clock.timers.delete(id),
  });
  Math.random = () => 1; // the longest delay that the jitter allows
});
afterEach(() => {
  Math.random = real.random;
  Object.assign(globalThis, real);
});

const make = () =>
  new Socket('ws://here/ws', {
    hello: () => ({ type: 'hello', client: { name: 'test', version: '1' } }),
    received: (message) => heard.push({ kind: 'received', message }),
    trying: () => heard.push({ kind: 'trying' }),
    lost: ({ code }) => heard.push({ kind: 'lost', code }),
    ended: (code) => heard.push({ kind: 'ended', code }),
  });
const latest = () => /** @type {FakeWebSocket} */ (FakeWebSocket.all.at(-1));
const connect = () => {
  const socket = make();
  socket.connect();
  latest().onopen();
  latest().say({ type: 'ready' });
  return socket;
};
const attempts = () => FakeWebSocket.all.length;

test('hello is the first message and nothing is sent before ready', () => {
  const socket = make();
  socket.connect();
  assert.equal(latest().protocol, 'hearth.chat.v1');
  latest().onopen();
  assert.equal(socket.send({ type: 'ping', t: 1 }), false);
  assert.deepEqual(latest().sent.map(({ type }) => type), ['hello']);
  latest().say({ type: 'ready' });
  assert.equal(socket.send({ type: 'ping', t: 1 }), true);
});

test('a lost connection is tried again later and later', () => {
  make().connect();
  for (const [i, delay] of [250, 500, 1000, 2000].entries()) {
    latest().onclose({ code: 1006 });
    clock.pass(delay - 1);
    assert.equal(attempts(), i + 1);
    clock.pass(1);
    assert.equal(attempts(), i + 2);
  }
});

test('a minute of health makes the next retry quick again', () => {
  make().connect();
  for (let i = 0; i < 5; i++) {
    latest().onclose({ code: 1006 });
    clock.pass(30_000);
  }
  latest().onopen();
  latest().say({ type: 'ready' });
  for (let i = 0; i < 3; i++) {
    clock.pass(pingEveryMs);
    latest().say({ type: 'pong', t: 1 });
  }
  const before = attempts();
  latest().onclose({ code: 1006 });
  clock.pass(250);
  assert.equal(attempts(), before + 1);
});

test('the server’s after_ms is waited for', () => {
  connect();
  latest().say({ type: 'reconnect', after_ms: 5000, reason: 'shutdown' });
  latest().onclose({ code: 1012 });
  clock.pass(4999);
  assert.equal(attempts(), 1);
  clock.pass(251);
  assert.equal(attempts(), 2);
});

for (const code of [4401, 4403, 4406]) {
  test(`${code} ends the connection: no attempt follows`, () => {
    connect();
    latest().onclose({ code });
    clock.pass(600_000);
    assert.equal(attempts(), 1);
    assert.deepEqual(heard.at(-1), { kind: 'ended', code });
  });
}

test('a connection that answers no ping is left, without waiting for its close', () => {
  connect();
  clock.pass(pingEveryMs);
  assert.equal(latest().sent.at(-1).type, 'ping');
  clock.pass(pongWithinMs);
  assert.deepEqual(heard.at(-1), { kind: 'lost', code: 1006 });
  clock.pass(250);
  assert.equal(attempts(), 2);
});

test('a pong in time keeps the connection', () => {
  connect();
  for (let i = 0; i < 10; i++) {
    clock.pass(pingEveryMs);
    latest().say({ type: 'pong', t: 1 });
  }
  assert.equal(attempts(), 1);
});

test('a hidden page sends no ping', () => {
  connect();
  Object.assign(globalThis, { document: { visibilityState: 'hidden' } });
  clock.pass(10 * pingEveryMs);
  assert.deepEqual(latest().sent.map(({ type }) => type), ['hello']);
});

test('who comes back to the page does not wait for the next attempt', () => {
  const socket = connect();
  for (let i = 0; i < 8; i++) {
    latest().onclose({ code: 1006 });
    if (i < 7) clock.pass(30_000);
  }
  const before = attempts();
  socket.retryNow();
  assert.equal(attempts(), before + 1);
  clock.pass(100);
  socket.retryNow();
  assert.equal(attempts(), before + 1, 'one attempt at a time');
});

test('a late word of an old connection is not heard', () => {
  connect();
  const old = latest();
  clock.pass(pingEveryMs + pongWithinMs + 250);
  latest().onopen();
  latest().say({ type: 'ready' });
  const before = heard.length;
  old.say({ type: 'delta' });
  old.onclose({ code: 1006 });
  assert.equal(heard.length, before);
});
