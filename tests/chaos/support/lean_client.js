// A client that costs little, for tests that measure the server: it reads the two frames of a reply that it needs, how the request was answered and
// that the reply ended, and knows all others by their first bytes.
import WebSocket from 'ws';

const wanted = ['accepted', 'done', 'error', 'ready'].map((type) => Buffer.from(`{"type":"${type}"`));
const isWanted = (/** @type {Buffer} */ frame) => wanted.some((start) => frame.compare(start, 0, start.length, 0, Math.min(start.length, frame.length)) === 0);

export class LeanClient {
  /** @type {Map<string, {resolve: () => void, reject: (error: Error) => void}>} */ #asked = new Map();
  /** @type {Map<string, {resolve: () => void, reject: (error: Error) => void}>} */ #replies = new Map();
  #nextId = 0;

  /** Connects with a cookie (newIdentity) and waits for ready. */
  static async connect(url, cookie) {
    const client = new LeanClient();
    client.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, ['hearth.chat.v1'],
      {headers: {origin: url, cookie}, skipUTF8Validation: true, perMessageDeflate: false});
    const ready = new Promise((resolve, reject) => {
      client.ready = resolve;
      client.socket.once('error', reject);
      client.socket.once('close', (code) => client.#closed(new Error(`closed with ${code}`)));
    });
    client.socket.on('message', (/** @type {Buffer} */ frame) => { if (isWanted(frame)) client.#received(JSON.parse(String(frame))); });
    client.socket.once('open', () => client.socket.send('{"type":"hello"}'));
    await ready;
    return client;
  }

  /** Resolves when the reply is whole; an error answer rejects. */
  ask(content, params) {
    const id = `r-${this.#nextId++}`;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, {resolve, reject});
      this.socket.send(JSON.stringify({type: 'chat.create', id, content, params}));
    });
  }

  #received(event) {
    if (event.type === 'ready') this.ready();
    if (event.type === 'done') this.#take(this.#replies, event.stream)?.resolve();
    const waiting = event.re && this.#take(this.#asked, event.re);
    if (!waiting) return;
    if (event.type === 'accepted') this.#replies.set(event.stream, waiting);
    else waiting.reject(Object.assign(new Error(event.error.detail), event.error));
  }

  #take(waiting, id) {
    const one = waiting.get(id);
    waiting.delete(id);
    return one;
  }

  #closed(error) {
    for (const waiting of [this.#asked, this.#replies]) for (const {reject} of waiting.values()) reject(error);
  }
}
