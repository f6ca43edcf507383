// A client of hearth.chat.v1 written from server/PROTOCOL.md alone, on the `ws` package. It checks the token ranges it receives.
import assert from 'node:assert/strict';
import WebSocket from 'ws';

const waitMs = 180_000;   // for a machine many times slower; a test that hangs says on what

/** Asks for an anonymous identity, as the page does. @returns {Promise<string>} the Cookie header */
export const newIdentity = async (url, body = {}) => {
  const response = await fetch(`${url}/api/v1/session`, {
    method: 'POST', headers: {'content-type': 'application/json', origin: url}, body: JSON.stringify(body)});
  assert.equal(response.status, 200, await response.text());
  const cookie = response.headers.get('set-cookie') ?? '';   // getSetCookie is not in Debian 12's Node
  assert.match(cookie, /HttpOnly/i);
  assert.match(cookie, /SameSite=Strict/i);
  return cookie.split(';')[0];
};

/** What a stream has shown so far. @typedef {{text: string, have: number, done: any, started: any, queued: any[]}} Shown */

export class ChatClient {
  /** @type {Map<string, Shown>} */ streams = new Map();
  /** @type {any[]} */ events = [];
  /** @type {{matches: (event: any) => boolean, resolve: (event: any) => void, reject: (error: Error) => void}[]} */ #waiters = [];
  #nextId = 0;

  /** Connects, says hello and waits for ready. */
  static async connect(url, {cookie = '', headers = {}} = {}) {
    const client = new ChatClient();
    client.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, ['hearth.chat.v1'],
      {headers: {origin: url, ...(cookie ? {cookie} : {}), ...headers}});
    client.closed = new Promise((resolve) => client.socket.once('close', (code) => {
      resolve(code);
      client.#waiters.splice(0).forEach(({reject}) => reject(new Error(`closed with ${code} while waiting`)));
    }));
    client.socket.on('message', (data) => client.#received(JSON.parse(String(data))));
    await new Promise((resolve, reject) => { client.socket.once('open', resolve); client.socket.once('error', reject); });
    client.socket.on('error', () => {});
    client.send({type: 'hello', client: {name: 'e2e', version: '1'}});
    client.ready = await client.event((event) => event.type === 'ready');
    return client;
  }

  send(message) { this.socket.send(JSON.stringify(message)); }

  /** The first event, past or to come, that matches. */
  event(matches) {
    const seen = this.events.find(matches);
    if (seen) return Promise.resolve(seen);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing for ${waitMs} ms that is ${matches}; last: ${JSON.stringify(this.events.slice(-5))}`)), waitMs);
      const settle = (/** @type {(value: any) => void} */ how) => (/** @type {any} */ value) => { clearTimeout(timer); how(value); };
      this.#waiters.push({matches, resolve: settle(resolve), reject: settle(reject)});
    });
  }

  /** Sends a request and waits for what answers it; an error answer rejects. */
  async request(message) {
    const id = `r-${this.#nextId++}`;
    this.send({...message, id});
    const answer = await this.event((event) => event.re === id);
    if (answer.type === 'error') throw Object.assign(new Error(answer.error.detail), answer.error);
    return answer;
  }

  /** @returns {Promise<any>} the accepted event */
  create(content, extra = {}) { return this.request({type: 'chat.create', content, ...extra}); }

  /** Waits for the end of a stream. @returns {Promise<Shown>} */
  async finished(stream) {
    await this.event((event) => event.type === 'done' && event.stream === stream);
    return /** @type {Shown} */ (this.streams.get(stream));
  }

  /** Sends a message and waits for the whole reply. */
  async ask(content, extra = {}) {
    const accepted = await this.create(content, extra);
    return {accepted, ...(await this.finished(accepted.stream))};
  }

  async close() { this.socket.close(1000); return this.closed; }

  #received(event) {
    this.events.push(event);
    if (event.stream) this.#show(event);
    this.#waiters = this.#waiters.filter(({matches, resolve}) => !matches(event) || (resolve(event), false));
  }

  #show(event) {
    const shown = this.streams.get(event.stream) ?? {text: '', have: 0, done: null, started: null, queued: []};
    this.streams.set(event.stream, shown);
    if (event.type === 'queued') shown.queued.push(event);
    if (event.type === 'started') shown.started = event;
    if (event.type === 'snapshot') {
      shown.text = event.parts.map((part) => part.text).join('');
      shown.have = event.to;
    }
    if (event.type === 'delta' && event.to > shown.have) {
      assert.equal(event.from, shown.have, 'deltas of a stream are contiguous');
      assert.equal(event.lp.length, event.to - event.from);
      assert.equal(event.bytes.reduce((sum, bytes) => sum + bytes, 0), Buffer.byteLength(event.text));
      shown.text += event.text;
      shown.have = event.to;
    }
    if (event.type === 'done') {
      assert.equal(event.to, shown.have, 'have = done.to proves that nothing is missing');
      shown.done = event;
    }
  }
}
