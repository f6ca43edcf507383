// A client of hearth.chat.v1 for bad networks, written from server/PROTOCOL.md alone: it connects again after every cut, resumes with what
// it has, sends what was not accepted once more with the same id, and holds the server to its positions.
import assert from 'node:assert/strict';
import WebSocket from 'ws';

export class ResumingClient {
  /** @type {Map<string, {text: string, have: number, done: any}>} */ streams = new Map();
  /** @type {Map<string, any>} requests that are not answered, by id */ unanswered = new Map();
  /** @type {Map<string, any>} */ answers = new Map();
  connections = 0;
  resumed = {full: 0, snapshot: 0, none: 0};
  #waiting = [];
  #isClosed = false;

  /** @param {{url: () => string, cookie: string, origin: () => string}} options */
  constructor(options) {
    this.options = options;
    this.#connect();
  }

  /** Sends a chat.create; gives the accepted event, however often the network fails. */
  create(id, content, extra = {}) {
    const message = {type: 'chat.create', id, content, ...extra};
    this.unanswered.set(id, message);
    this.#send(message);
    return this.#until(() => this.answers.get(id));
  }

  finished(stream) {
    return this.#until(() => { const shown = this.streams.get(stream); return shown?.done ? shown : undefined; });
  }

  close() {
    this.#isClosed = true;
    this.socket?.terminate();
  }

  #until(look) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({look, resolve, reject});
      this.#settle();
    });
  }

  #settle() {
    this.#waiting = this.#waiting.filter(({look, resolve}) => {
      const found = look();
      if (found === undefined) return true;
      resolve(found);
      return false;
    });
  }

  #fail(error) {
    this.#isClosed = true;
    this.socket?.terminate();
    this.#waiting.splice(0).forEach(({reject}) => reject(error));
  }

  #send(message) {
    if (this.isReady && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  #connect() {
    if (this.#isClosed) return;
    ++this.connections;
    this.isReady = false;
    const socket = new WebSocket(`${this.options.url().replace(/^http/, 'ws')}/ws`, ['hearth.chat.v1'],
      {headers: {origin: this.options.origin(), cookie: this.options.cookie}, handshakeTimeout: 10_000});
    this.socket = socket;
    socket.on('error', () => {});
    socket.once('open', () => socket.send(JSON.stringify({type: 'hello', resume: this.#resume()})));
    socket.on('message', (data) => {
      if (socket !== this.socket) return;
      try {
        this.#received(JSON.parse(String(data)));
      } catch (error) {
        this.#fail(error);
      }
    });
    socket.once('close', () => { if (socket === this.socket) setTimeout(() => this.#connect(), 5); });
  }

  #resume() {
    const open = [...this.streams].filter(([, shown]) => !shown.done).slice(0, 32);
    return {...(this.session ?? {}), streams: Object.fromEntries(open.map(([id, shown]) => [id, shown.have]))};
  }

  #received(event) {
    if (event.type === 'ready') {
      this.session = {session: event.session, epoch: event.epoch};
      ++this.resumed[event.resumed];
      this.isReady = true;
      for (const message of this.unanswered.values()) this.#send(message);
    }
    if (event.re && this.unanswered.has(event.re)) {
      if (event.type === 'error' && event.error.retryable) {   // a server that starts loads its model first
        const message = this.unanswered.get(event.re);
        setTimeout(() => this.#send(message), event.error.retry_after_ms ?? 500);
        return;
      }
      if (event.type === 'error') throw Object.assign(new Error(event.error.detail), event.error);
      this.unanswered.delete(event.re);
      this.answers.set(event.re, event);
    }
    if (event.type === 'accepted') this.streams.set(event.stream, {text: '', have: 0, done: null});   // a duplicate, too, begins at token 0
    if (this.streams.has(event.stream)) this.#show(event, this.streams.get(event.stream));
    this.#settle();
  }

  #show(event, shown) {
    if (event.type === 'snapshot') {
      shown.text = event.parts.map((part) => part.text).join('');
      shown.have = event.to;
    }
    if (event.type === 'delta') {
      if (event.to <= shown.have) return;   // had it before
      assert.equal(event.from, shown.have, 'a gap or an overlap');
      shown.text += event.text;
      shown.have = event.to;
    }
    if (event.type === 'done') {
      assert.equal(shown.have, event.to, 'have = done.to proves that nothing is missing');
      shown.done = event;
    }
  }
}
