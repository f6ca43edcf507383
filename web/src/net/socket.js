// One WebSocket that keeps itself alive: hello on opening, ping while the page is seen, reconnect with full jitter.
// It knows nothing of conversations; messages go to the owner as parsed objects.
import { backoffMs, healthyAfterMs } from './backoff.js';

/** @typedef {import('../wire.js').ClientMessage} ClientMessage */
/** @typedef {import('../wire.js').ServerMessage} ServerMessage */

/**
 * @typedef {object} SocketOwner
 * @property {() => ClientMessage} hello the first message of each connection
 * @property {(message: ServerMessage) => void} received
 * @property {(lost: {retryAt: number, code: number}) => void} lost a new attempt follows by itself
 * @property {() => void} trying
 * @property {(code: number) => void} ended no attempt follows
 */

export const pingEveryMs = 25_000;
export const pongWithinMs = 10_000;
const readyWithinMs = 15_000;
const serverAwayMs = 2_000; // 1012, 1013 and 4429 without an after_ms

// The server will not have us back with the same identity or the same page.
const finalCodes = new Set([4401, 4403, 4406, 4409]);
const laterCodes = new Set([1012, 1013, 4429]);

export class Socket {
  /** @type {WebSocket | undefined} */ #socket;
  /** @type {string} */ #url;
  /** @type {SocketOwner} */ #owner;
  #attempt = 0;
  #afterMs = 0;
  #isReady = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #healthy;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #ping;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #deadline;

  /** @param {string} url @param {SocketOwner} owner */
  constructor(url, owner) {
    this.#url = url;
    this.#owner = owner;
  }

  get isReady() {
    return this.#isReady;
  }

  connect() {
    clearTimeout(this.#retry);
    if (this.#socket) return;
    this.#owner.trying();
    const socket = new WebSocket(this.#url, 'hearth.chat.v1');
    this.#socket = socket;
    this.#expect(readyWithinMs);
    socket.onopen = () => socket.send(JSON.stringify(this.#owner.hello()));
    socket.onmessage = (event) => socket === this.#socket && this.#receive(String(event.data));
    socket.onclose = (event) => this.#closed(socket, event.code);
  }

  /** The network is back, or the person does not want to wait. */
  retryNow() {
    if (this.#socket) {
      if (this.#isReady) this.#sendPing();
    } else {
      this.connect();
    }
  }

  /** @param {ClientMessage} message @returns {boolean} false when there is no ready connection; nothing is kept */
  send(message) {
    if (!this.#isReady || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {number} code */
  close(code = 1000) {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (socket) {
      this.#forget();
      socket.close(code);
    }
  }

  /** @param {string} text */
  #receive(text) {
    /** @type {ServerMessage} */
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      this.#socket?.close(4400);
      return;
    }
    if (this.#isReady || message.type === 'ready') clearTimeout(this.#deadline); // any word is a sign of life
    if (message.type === 'ready') this.#becomeReady();
    if (message.type === 'reconnect') this.#afterMs = message.after_ms;
    if (message.type !== 'pong') this.#owner.received(message);
  }

  #becomeReady() {
    this.#isReady = true;
    clearTimeout(this.#healthy);
    this.#healthy = setTimeout(() => (this.#attempt = 0), healthyAfterMs);
    clearInterval(this.#ping);
    this.#ping = setInterval(() => document.visibilityState === 'visible' && this.#sendPing(), pingEveryMs);
  }

  // A connection that looks open and answers nothing is dead: leave it and resume on a new one.
  #sendPing() {
    if (this.send({ type: 'ping', t: Date.now() })) this.#expect(pongWithinMs);
  }

  /** @param {number} ms */
  #expect(ms) {
    const socket = this.#socket;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      if (!socket || socket !== this.#socket) return;
      socket.close(); // may itself hang on a dead network, so do not wait for its close event
      this.#closed(socket, 1006);
    }, ms);
  }

  #forget() {
    clearTimeout(this.#deadline);
    clearTimeout(this.#healthy);
    clearInterval(this.#ping);
    this.#socket = undefined;
    this.#isReady = false;
  }

  /** @param {WebSocket} socket @param {number} code */
  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#forget();
    if (finalCodes.has(code)) {
      this.#owner.ended(code);
      return;
    }
    const asked = this.#afterMs || (laterCodes.has(code) ? serverAwayMs : 0);
    this.#afterMs = 0;
    const delay = asked + backoffMs(this.#attempt++);
    this.#owner.lost({ retryAt: Date.now() + delay, code });
    this.#retry = setTimeout(() => this.connect(), delay);
  }
}
