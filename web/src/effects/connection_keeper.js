// Session first, then the socket; says when a loss is news, counts the seconds to the next attempt, and notices when the network is back.
import { backoffMs } from '../net/backoff.js';
import { openSession } from '../net/session.js';
import { Socket } from '../net/socket.js';
import { askWhileWriting } from './asking.js';
import { ServerLink } from './server_link.js';

/** @typedef {import('../base/store.js').Store} Store */

// Timers of notices bear their names, so that a test can hold them.
const chipAfterMs = 2_000;
const bannerAfterMs = 6_000;
const backForMs = 4_000;
const identityAgainMs = 30_000;
const leastDelayMs = 500;

export class ConnectionKeeper {
  /** @type {Store} */ #store;
  /** @type {Socket} */ #socket;
  #attempt = 0;
  #version = ''; // of the server that gave this page
  /** @type {{code?: string, name?: string}} */ #wanted = {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #again;
  #identityAt = -Infinity;
  /** @type {number[]} */ #notices = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */ #clock;

  /** @param {Store} store @param {string} url */
  constructor(store, url) {
    this.#store = store;
    const { dispatch } = store;
    this.#socket = new Socket(url, {
      hello: () => ({ type: 'hello', client: { name: 'hearth-web', version: '1' } }),
      received: (message) => link.received(message),
      trying: () => dispatch({ type: 'connection_tried' }),
      lost: ({ retryAt }) => dispatch({ type: 'connection_lost', at: Date.now(), retryAt }),
      ended: (code) => this.#ended(code),
    });
    const link = new ServerLink(store, this.#socket);
    askWhileWriting(store, link);
    store.addEffect((action, after, before) => {
      if (action.type === 'connection_lost' && before.connection.lostAt === 0) this.#noticeLater();
      if (action.type === 'ready_received') {
        this.#noticeNoMore(after.connection.notice === 'back');
        this.#keepUp(action.ready.server.version);
      }
      if (action.type === 'join_asked') void this.start({ code: action.code, name: action.name });
    });
  }

  /** @param {{code?: string, name?: string}} wanted */
  async start(wanted) {
    clearTimeout(this.#again);
    const { dispatch } = this.#store;
    const before = this.#store.state.session.user.id;
    const answer = await openSession(wanted);
    if (answer.kind === 'open') {
      // Everything on the page belongs to the identity that was.
      if (before && answer.user.id !== before) return location.reload();
      this.#attempt = 0;
      dispatch({ type: 'session_opened', user: answer.user });
      this.#socket.connect();
    } else if (answer.kind === 'code') {
      dispatch({ type: 'code_wanted', problem: wanted.code ? answer.problem : undefined });
    } else {
      const delay = leastDelayMs + backoffMs(this.#attempt++);
      dispatch({ type: 'session_unreachable' });
      dispatch({ type: 'connection_lost', at: Date.now(), retryAt: Date.now() + delay });
      this.#wanted = wanted;
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.start(wanted), delay);
    }
    return undefined;
  }

  retryNow = () => {
    if (this.#store.state.session.isUnreachable) void this.start(this.#wanted);
    else this.#socket.retryNow();
  };

  watchBrowser() {
    addEventListener('online', this.retryNow);
    document.addEventListener('visibilitychange', () => {
      const isSeen = document.visibilityState === 'visible';
      this.#store.dispatch({ type: 'page_seen', isSeen });
      if (isSeen) this.retryNow();
      else this.#store.draw(); // no frame comes in a hidden page
    });
    addEventListener('pagehide', () => this.#store.state.deletion && this.#store.dispatch({ type: 'deletion_due' }));
    addEventListener('pageshow', (event) => event.persisted && this.retryNow());
  }

  // An updated server speaks with its own page. What was typed and not sent is still there afterwards.
  /** @param {string} version */
  #keepUp(version) {
    if (this.#version && version !== this.#version) location.reload();
    this.#version = version;
  }

  // Not known any more: ask who we are, but not in a circle.
  /** @param {number} code */
  #ended(code) {
    const isNew = performance.now() - this.#identityAt > identityAgainMs;
    if ((code === 4401 || code === 4403) && isNew) {
      this.#identityAt = performance.now();
      this.#store.dispatch({ type: 'connection_lost', at: Date.now(), retryAt: Date.now() });
      void this.start({});
    } else {
      this.#store.dispatch({ type: 'connection_ended', code });
    }
  }

  #noticeLater() {
    const { dispatch } = this.#store;
    this.#noticeNoMore(false);
    this.#notices = [
      window.setTimeout(() => dispatch({ type: 'loss_lasted', notice: 'chip' }), chipAfterMs, 'chip'),
      window.setTimeout(() => dispatch({ type: 'loss_lasted', notice: 'banner' }), bannerAfterMs, 'banner'),
    ];
    this.#clock = setInterval(() => dispatch({ type: 'second_passed', at: Date.now() }), 1000);
  }

  /** @param {boolean} isBack */
  #noticeNoMore(isBack) {
    for (const notice of this.#notices) clearTimeout(notice);
    this.#notices = [];
    clearInterval(this.#clock);
    if (isBack) this.#notices.push(window.setTimeout(() => this.#store.dispatch({ type: 'notice_dismissed' }), backForMs, 'back'));
  }
}
