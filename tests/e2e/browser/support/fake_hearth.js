// A Hearth whose every word the test decides: it serves the built page and speaks hearth.chat.v1 (server/PROTOCOL.md) from memory.
// For what a real server does only by chance: gaps, doubled ranges, a queue, a model that loads, a connection that breaks.
import {createHash, randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {WebSocketServer} from 'ws';
import {root} from '../../support/server.js';
import {secretBehind} from './own_data.js';

const dist = path.join(root, 'web/dist');
const types = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml'};
export const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; font-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types dompurify";
const slowAnswersMs = Number(process.env.HEARTH_SLOW_ANSWERS ?? 0);   // as if the server were far away; see browser.js
const late = () => new Promise((resolve) => { setTimeout(resolve, slowAnswersMs); });

/** What a socket sends, its close too, comes that much later, in order. @param {import('ws').WebSocket} socket */
const sendLate = (socket) => {
  const [send, close] = [socket.send.bind(socket), socket.close.bind(socket)];
  socket.send = (/** @type {any} */ data) => { setTimeout(() => socket.readyState === socket.OPEN && send(data), slowAnswersMs); };
  socket.close = (/** @type {any} */ code) => { setTimeout(() => close(code), slowAnswersMs); };
};
/** @type {Map<string, Buffer>} */
const packedFiles = new Map();
/** Packed once, as the server does it when it is built. @param {Buffer} bytes */
const packed = (bytes) => {
  const key = createHash('sha1').update(bytes).digest('hex');
  const known = packedFiles.get(key) ?? gzipSync(bytes, {level: 9});
  packedFiles.set(key, known);
  return known;
};
const newId = () => randomBytes(16).toString('hex');
const defaultLimits = {frame_bytes: 1048576, content_bytes: 524288, system_bytes: 16384, title_chars: 200, max_tokens: 4096};
const readyModel = {id: 'demo', name: 'Hearth demo', state: 'ready', context_length: 2048, max_tokens: 512, decoder: 'cpu, bf16',
  defaults: {do_sample: true, temperature: 0.7, top_k: 50, top_p: 0.8, min_p: 0, repetition_penalty: 1.1}};

/** One reply under the test's hand. */
export class FakeReply {
  /** @param {FakeHearth} hearth @param {string} conversation @param {any} message @param {any} request */
  constructor(hearth, conversation, message, request) {
    this.hearth = hearth;
    this.conversation = conversation;
    this.message = message;
    this.request = request;
    this.stream = message.id;
    this.text = '';
    this.to = 0;
    /** @type {Set<import('ws').WebSocket>} */
    this.watchers = new Set();
  }

  /** @param {any} event */
  say(event) {
    for (const socket of this.watchers) socket.send(JSON.stringify({stream: this.stream, ...event}));
  }

  queued(position, of = position, more = {}) { this.say({type: 'queued', position, of, ...more}); }
  started(prompt_tokens = 12) { this.say({type: 'started', model: 'demo', prompt_tokens}); }

  /** Grows by whole words, one token each. Unsent: the watchers do not hear of it. */
  write(text, {unsent = false, lp = undefined, channel = undefined} = {}) {
    const from = this.to;
    const tokens = text.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? [text];
    this.text += text;
    this.to += tokens.length;
    if (channel === 'reasoning') this.message.reasoning = (this.message.reasoning ?? '') + text;
    else this.message.content += text;
    this.message.to = this.to;
    const delta = {type: 'delta', from, to: this.to, text, lp: lp ?? tokens.map(() => -0.5),
      bytes: tokens.map((token) => Buffer.byteLength(token)), ...(channel && {channel})};
    if (!unsent) this.say(delta);
    return delta;
  }

  done(finish_reason = 'stop', more = {}) {
    Object.assign(this.message, {status: finish_reason === 'interrupted' ? 'interrupted' : 'done', finish_reason, ...this.#figures()});
    this.hearth.live.delete(this.stream);
    this.say(this.end(more));
  }

  end(more = {}) {
    return {type: 'done', stream: this.stream, to: this.to, finish_reason: this.message.finish_reason, stored: true, ...this.#figures(), ...more};
  }

  #figures() {
    return {usage: {prompt_tokens: 12, completion_tokens: this.to, cached_tokens: 0}, timings: {queue_ms: 1, prefill_ms: 5, decode_ms: (this.to - 1) * 25}};
  }
}

export class FakeHearth {
  /** @type {Map<string, {id: string, name: string, kind: string, conversations: Map<string, any>}>} by cookie */ users = new Map();
  /** @type {Map<string, FakeReply>} */ live = new Map();
  /** @type {FakeReply[]} every reply ever asked for */ replies = [];
  /** @type {any[]} */ received = [];
  /** @type {Set<import('ws').WebSocket>} */ sockets = new Set();
  model = readyModel;
  limits = {...defaultLimits};
  /** @type {string[]} messages the next reply does not see */ drops = [];
  joinCode = '';
  isAway = false;
  epoch = newId();
  version = '0.1.0';
  /** @type {(reply: FakeReply) => void} what happens with each accepted message */ answer = () => {};
  losesAnswers = false;
  /** @type {((request: any) => any) | undefined} an error instead of accepted */ refuse = undefined;
  /** @type {Set<string>} messages that this server does not know */ lacks = new Set();
  /** @type {Set<string>} messages with which the connection breaks, once each */ breaksAt = new Set();
  /** @type {(request: any) => any} */ measure = ({content}) => ({fits: true, prompt_tokens: 20 + content.length, content_tokens: content.length, system_tokens: 8, context_length: 2048,
    max_tokens: 512, dropped: [], dropped_tokens: 0, costs: []});
  /** @type {(query: string) => any[]} */ find = () => [];
  /** @type {(pathname: string, search: URLSearchParams, body: string, request: import('node:http').IncomingMessage) => any} what the routes below /api/v1 answer; undefined: no such route */ route = () => undefined;

  /** @param {import('node:test').TestContext} t */
  static async start(t) {
    const hearth = new FakeHearth();
    await hearth.listen();
    t.after(() => hearth.stop());
    return hearth;
  }

  async listen() {
    this.http = createServer((request, response) => void this.#serve(request, response));
    this.http.on('connection', (socket) => this.isAway && socket.destroy());
    const upgrades = new WebSocketServer({server: this.http, path: '/ws', handleProtocols: () => 'hearth.chat.v1'});
    upgrades.on('connection', (socket, request) => this.#connected(socket, request));
    await new Promise((resolve) => this.http.listen(0, '127.0.0.1', () => resolve(undefined)));
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  /** Breaks every connection and answers nobody. The port stays its own: somebody else could take it meanwhile. */
  async goAway(code = undefined) {
    this.isAway = true;
    const sockets = [...this.sockets];
    const closed = sockets.map((socket) => new Promise((resolve) => { socket.once('close', resolve); }));
    for (const socket of sockets) code ? socket.close(code) : socket.terminate();
    await Promise.all(closed);
    this.http.closeAllConnections();
  }

  /** The same server again, at the same address. */
  comeBack() { this.isAway = false; }

  async stop() {
    for (const socket of this.sockets) socket.terminate();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  /** @param {any} event */
  tellAll(event) { for (const socket of this.sockets) socket.send(JSON.stringify(event)); }

  async #serve(request, response) {
    const {pathname} = new URL(request.url, this.url);
    if (pathname === '/api/v1/session' && request.method === 'POST') return this.#session(request, response);
    if (pathname.startsWith('/api/v1/')) return this.#api(request, response);
    const file = pathname === '/' ? 'index.html' : pathname.slice(1);
    try {
      const bytes = await readFile(path.join(dist, path.normalize(file)));
      const isPacked = /gzip/.test(request.headers['accept-encoding'] ?? '') && path.extname(file) !== '.woff2';   // as the server does it
      response.writeHead(200, {'content-type': types[path.extname(file)] ?? 'application/octet-stream', 'content-security-policy': policy,
        'cache-control': file.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache', ...(isPacked && {'content-encoding': 'gzip'})});
      response.end(isPacked ? packed(bytes) : bytes);
    } catch {
      response.writeHead(404).end();
    }
  }

  async #api(request, response) {
    const {pathname, searchParams} = new URL(request.url, this.url);
    let body = '';
    for await (const chunk of request) body += chunk;
    if (slowAnswersMs) await late();
    const answer = await this.route(pathname, searchParams, body, request);
    if (answer === undefined) return response.writeHead(404).end();
    response.writeHead(answer.status ?? 200, {'content-type': 'application/json', ...answer.headers});
    return response.end(JSON.stringify(answer.body ?? answer));
  }

  async #session(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (slowAnswersMs) await late();
    const {code, name = '', phrase} = JSON.parse(body);
    const cookie = phrase ? secretBehind(this, phrase) : this.secretOf(request);
    if (phrase && !this.users.has(cookie)) {
      response.writeHead(403, {'content-type': 'application/problem+json'});
      return response.end(JSON.stringify({code: 'forbidden', status: 403, param: 'phrase'}));
    }
    if (!this.users.has(cookie) && this.joinCode && code?.replace(/-/g, '') !== this.joinCode) {
      response.writeHead(401, {'content-type': 'application/problem+json'});
      return response.end(JSON.stringify({code: 'unauthorized', status: 401, title: 'A join code is needed'}));
    }
    const secret = this.users.has(cookie) ? cookie : newId();
    const user = this.users.get(secret) ?? {id: newId(), name, kind: 'guest', conversations: new Map()};
    this.users.set(secret, user);
    response.writeHead(200, {'content-type': 'application/json', 'set-cookie': `hearth_${this.port}=${secret}; HttpOnly; SameSite=Strict; Path=/`});
    return response.end(JSON.stringify({user: {id: user.id, name: user.name, kind: user.kind}, durable: true}));
  }

  secretOf(request) { return new RegExp(`hearth_${this.port}=([0-9a-f]+)`).exec(request.headers.cookie ?? '')?.[1] ?? ''; }

  #connected(socket, request) {
    const user = this.users.get(this.secretOf(request));
    if (!user) return socket.close(4401);
    this.sockets.add(socket);
    if (slowAnswersMs) sendLate(socket);
    socket.on('close', () => {
      this.sockets.delete(socket);
      for (const reply of this.replies) reply.watchers.delete(socket);
    });
    socket.on('message', (data) => {
      if (socket.readyState !== socket.OPEN) return; // what came with the frame that broke the connection is lost with it
      const message = JSON.parse(String(data));
      this.received.push(message);
      this.#handle(socket, user, message);
    });
    return undefined;
  }

  #handle(socket, user, message) {
    const send = (event) => socket.send(JSON.stringify(event));
    const result = (data) => send({type: 'result', re: message.id, data});
    const refuse = (error) => send({type: 'error', re: message.id, error});
    const conversation = user.conversations.get(message.conversation);
    if (this.breaksAt.delete(message.type)) return socket.terminate();
    if (this.lacks.has(message.type)) return refuse({code: 'unknown_type', status: 400});
    switch (message.type) {
      case 'hello':
        return send({type: 'ready', session: newId(), epoch: this.epoch, user: {id: user.id, name: user.name, kind: user.kind}, resumed: 'none',
          heartbeat_ms: 25000, durable: true, server: {name: 'hearth', version: this.version}, limits: this.limits, models: [this.model]});
      case 'ping':
        return send({type: 'pong', t: message.t});
      case 'chat.create':
        return this.#create(socket, user, message, send, refuse);
      case 'chat.cancel':
        return this.live.get(message.stream)?.done('cancelled');
      case 'chat.answer':
        result({stream: message.stream});
        return this.answerNow?.(this.live.get(message.stream));
      case 'chat.continue':
        return this.#continue(socket, message, send, refuse);
      case 'chat.step':
        result({stream: message.stream});
        return this.step?.(this.replies.find((reply) => reply.stream === message.stream), message);
      case 'context.measure':
        return result(this.measure(message));
      case 'history.search':
        return result({hits: this.find(message.query)});
      case 'conversation.update':
        Object.assign(conversation, {pinned: message.pinned ?? conversation.pinned, revision: conversation.revision + 1});
        return result(this.#row(conversation));
      case 'conversation.head':
        conversation.head = message.head;
        return result({conversation: conversation.id, head: message.head});
      case 'stream.attach':
        return this.#attach(socket, message, send, result, refuse);
      case 'history.list':
        return result({conversations: [...user.conversations.values()].sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || b.updated - a.updated).map((each) => this.#row(each))});
      case 'history.get':
        return conversation ? result({conversation: {...this.#row(conversation), system: conversation.system, params: conversation.params}, messages: conversation.messages})
          : refuse({code: 'not_found', status: 404});
      case 'history.rename':
        if (!conversation) return refuse({code: 'not_found', status: 404});
        conversation.title = message.title;
        return result({conversation: conversation.id, title: message.title, revision: ++conversation.revision});
      case 'history.delete':
        user.conversations.delete(message.conversation);
        return result({conversation: message.conversation});
      case 'history.clear':
        user.conversations.clear();
        return result({deleted: 1});
      default:
        return refuse({code: 'unknown_type', status: 400});
    }
  }

  #row({id, title, revision, head, created, updated, messages, pinned = false}) {
    return {id, title, revision, head, created, updated, pinned, live: messages.filter((message) => this.live.has(message.id)).map((message) => message.id)};
  }

  #continue(socket, request, send, refuse) {
    const reply = this.replies.find((each) => each.stream === request.message);
    const error = this.refuse?.(request);
    if (!reply || error) return refuse(error ?? {code: 'not_found', status: 404});
    this.live.set(reply.stream, reply);
    reply.message.status = 'streaming';
    reply.request = request;
    reply.watchers.add(socket);
    send({type: 'accepted', re: request.id, stream: reply.stream, conversation: reply.conversation.id, user_message: reply.message.parent, assistant_message: reply.stream,
      parent: null, title: reply.conversation.title, revision: reply.conversation.revision, seed: 1, dropped: [], duplicate: false, continued: true, from: reply.to});
    this.answer(reply);
    return undefined;
  }

  #create(socket, user, request, send, refuse) {
    const error = this.refuse?.(request);
    if (error) return refuse(error);
    const old = this.replies.find((reply) => reply.request.id === request.id);
    const reply = old ?? this.#accept(user, request);
    const conversation = reply.conversation;
    if (this.losesAnswers && !old) return socket.terminate();
    reply.watchers.add(socket);
    send({type: 'accepted', re: request.id, stream: reply.stream, conversation: conversation.id, user_message: reply.message.parent, assistant_message: reply.stream,
      parent: conversation.messages.find(({id}) => id === reply.message.parent).parent, title: conversation.title, revision: conversation.revision, seed: 1,
      dropped: reply.message.dropped, duplicate: old !== undefined});
    if (!old) this.answer(reply);
    return undefined;
  }

  #accept(user, request) {
    const now = Date.now();
    const conversation = user.conversations.get(request.conversation) ??
      {id: newId(), title: request.content.slice(0, 40), revision: 0, head: null, created: now, updated: now, system: '', params: {}, messages: []};
    user.conversations.set(conversation.id, conversation);
    conversation.system = request.system ?? conversation.system;
    conversation.params = request.params ?? conversation.params;
    const question = request.regenerate ? conversation.messages.find(({id}) => id === request.parent)
      : {id: newId(), parent: 'parent' in request ? request.parent : conversation.head, role: 'user', content: request.content, created: now, status: 'done'};
    if (!request.regenerate) conversation.messages.push(question);
    const message = {id: newId(), parent: question.id, role: 'assistant', content: '', created: now, status: 'streaming', model: 'demo', seed: 1, params: {}, dropped: this.drops, to: 0};
    conversation.messages.push(message);
    conversation.head = message.id;
    conversation.updated = now;
    const reply = new FakeReply(this, conversation, message, request);
    this.live.set(message.id, reply);
    this.replies.push(reply);
    return reply;
  }

  #attach(socket, {stream, have}, send, result, refuse) {
    const reply = this.replies.find((each) => each.stream === stream);
    if (!reply) return refuse({code: 'not_found', status: 404});
    reply.watchers.add(socket);
    result({stream, state: this.live.has(stream) ? 'running' : 'done', to: reply.to});
    if (!this.live.has(stream) || have > reply.to) {
      send({type: 'snapshot', stream, to: reply.to, state: 'done',
        parts: [...(reply.message.reasoning ? [{channel: 'reasoning', text: reply.message.reasoning}] : []), {channel: 'answer', text: reply.message.content}]});
    } else if (have < reply.to) {
      const text = (reply.text.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? []).slice(have).join('');
      send({type: 'delta', stream, from: have, to: reply.to, text});
    }
    if (!this.live.has(stream)) send(reply.end());
    return undefined;
  }
}
