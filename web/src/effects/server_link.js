// Between the store and the socket: actions that the server must hear of become messages, its messages become actions.
import { randomId } from '../base/random_id.js';
import { isProvisional } from '../state/state.js';
import { isModelReady, offers } from '../state/select.js';
import { isLive } from '../state/reply.js';

/** @typedef {import('../base/store.js').Store} Store */
/** @typedef {import('../state/actions.js').Action} Action */
/** @typedef {import('../state/state.js').Deletion} Deletion */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../wire.js').ClientMessage} ClientMessage */
/** @typedef {import('../wire.js').ServerMessage} ServerMessage */
/** @typedef {import('../wire.js').ErrorBody} ErrorBody */
/** @typedef {{answered: (data: any) => unknown, refused: (error: ErrorBody) => unknown}} Asked */
/** @typedef {{send: (message: ClientMessage) => boolean}} Sender */

const pageSize = 50;
const hitsMax = 30;
const attachAgainMs = 1000;
const deleteAtOnce = new Set(['message_sent', 'reply_asked_again', 'reply_continued', 'branch_asked', 'steps_asked', 'conversation_deleted', 'history_cleared']);

export class ServerLink {
  /** @type {Store} */ #store;
  /** @type {Sender} */ #socket;
  /** @type {Map<string, Asked & {type: string}>} requests without an answer yet; a lost connection forgets them, for ready asks anew */
  #asked = new Map();

  /** @param {Store} store @param {Sender} socket */
  constructor(store, socket) {
    this.#store = store;
    this.#socket = socket;
    store.addEffect((action, after, before) => this.#follow(action, after, before));
  }

  /** @param {ServerMessage} message */
  received(message) {
    const { dispatch } = this.#store;
    const at = Date.now();
    switch (message.type) {
      case 'ready':
        return dispatch({ type: 'ready_received', ready: message });
      case 'model':
        return dispatch({ type: 'model_moved', event: message, at });
      case 'room':
        return dispatch({ type: 'room_counted', event: message });
      case 'reconnect':
        return message.reason === 'shutdown' ? dispatch({ type: 'restart_announced' }) : undefined;
      case 'changed':
        return this.#changed(message);
      case 'result':
        return this.#answer(message.re)?.answered(message.data);
      case 'error':
        return this.#refuse(message.re, message.error);
      case 'accepted':
      case 'queued':
      case 'started':
      case 'delta':
      case 'snapshot':
      case 'paused':
      case 'done':
        return dispatch({ type: 'stream_moved', event: message, at });
      default:
        return undefined; // later versions may say more
    }
  }

  /** @param {Action} action @param {State} after @param {State} before */
  #follow(action, after, before) {
    if (before.deletion && deleteAtOnce.has(action.type) && after.deletion === before.deletion) this.#store.dispatch({ type: 'deletion_due' });
    for (const deletion of after.leaving) if (!before.leaving.includes(deletion)) this.#delete(deletion);
    switch (action.type) {
      case 'ready_received':
        return this.#catchUp(after);
      case 'connection_lost':
      case 'connection_ended':
        return this.#asked.clear();
      case 'message_sent':
      case 'reply_asked_again':
      case 'reply_continued':
      case 'branch_asked':
      case 'steps_asked':
      case 'waiting_retried':
      case 'model_moved':
        return this.#submit(after);
      case 'stop_pressed':
        return this.#ask({ type: 'chat.cancel', id: randomId(), stream: action.stream });
      case 'answer_wanted':
        return this.#ask({ type: 'chat.answer', id: randomId(), stream: action.stream }, { answered: () => undefined, refused: () => undefined });
      case 'step_asked':
        return this.#ask({ type: 'chat.step', id: randomId(), stream: action.stream, tokens: action.tokens, token: action.token });
      case 'version_chosen':
        return this.#tellHead(after, before);
      case 'conversation_pinned':
        return this.#pin(action.id, action.pinned);
      case 'conversation_opened':
        return this.#read(after, action.id);
      case 'import_ended':
        for (const id of action.grown) if (after.trees[id]?.loaded === 'yes') this.#get(id, undefined);
        return this.#list(undefined);
      case 'more_conversations_wanted':
        return this.#list(after.conversations.next);
      case 'reply_rewritten':
        return this.#rewrite(after.current, action.message, action.content);
      case 'conversation_renamed':
        return this.#rename(action.id, action.title, before);
      case 'stream_moved':
        return this.#fillGap(action.event.stream, after, before);
      default:
        return undefined;
    }
  }

  /** After each connection: the list, the shown conversation, every reply that was being written, and what waits to be sent. @param {State} state */
  #catchUp(state) {
    for (const deletion of state.leaving) this.#delete(deletion);
    this.#list(undefined);
    for (const stream of Object.keys(state.streams)) this.#attach(stream, state);
    if (!isProvisional(state.current)) this.#get(state.current, undefined);
    this.#submit(state);
  }

  /** @param {State} state */
  #submit(state) {
    if (!isModelReady(state)) return;
    for (const { id, body, phase } of state.outbox) {
      if (phase === 'waiting' && this.#socket.send(body)) this.#store.dispatch({ type: 'waiting_submitted', id });
    }
  }

  /** @param {State} state @param {string} id */
  #read(state, id) {
    if (!isProvisional(id) && state.trees[id]?.loaded !== 'yes') this.#get(id, undefined);
  }

  /** @param {string} conversation @param {string | undefined} cursor */
  #get(conversation, cursor) {
    const { dispatch } = this.#store;
    if (!cursor) dispatch({ type: 'history_asked', conversation });
    this.#ask({ type: 'history.get', id: randomId(), conversation, cursor }, {
      answered: (/** @type {import('../wire.js').ConversationPage} */ page) => {
        dispatch({ type: 'history_read', conversation, page, isFirst: !cursor });
        if (page.next) return this.#get(conversation, page.next);
        const { state } = this.#store;
        for (const [stream, of] of Object.entries(state.streams)) if (of === conversation) this.#attach(stream, state);
      },
      refused: (error) => dispatch({ type: 'history_failed', conversation, isGone: error.code === 'not_found' }),
    });
  }

  /** @param {string | undefined} cursor */
  #list(cursor) {
    const { dispatch } = this.#store;
    this.#ask({ type: 'history.list', id: randomId(), limit: pageSize, cursor }, {
      answered: (/** @type {import('../wire.js').HistoryPage} */ page) => {
        const { streams } = this.#store.state;
        dispatch({ type: 'conversations_listed', page, isFirst: !cursor });
        const { state } = this.#store;
        for (const stream of Object.keys(state.streams)) if (!(stream in streams)) this.#attach(stream, state);
        this.#refresh(state, page);
      },
      refused: () => undefined,
    });
  }

  // Another tab or device went on with the conversation that is shown here.
  /** @param {State} state @param {import('../wire.js').HistoryPage} page */
  #refresh(state, page) {
    const tree = state.trees[state.current];
    const head = page.conversations.find(({ id }) => id === state.current)?.head;
    if (tree?.loaded === 'yes' && head && !tree.messages[head]) this.#get(state.current, undefined);
  }

  /** @param {string} stream @param {State} state */
  #attach(stream, state) {
    const have = state.trees[state.streams[stream]]?.messages[stream]?.reply?.have ?? 0;
    this.#ask({ type: 'stream.attach', id: randomId(), stream, have }, {
      answered: () => undefined,
      refused: (error) => {
        if (error.code === 'not_found') this.#store.dispatch({ type: 'attach_failed', stream });
        else setTimeout(() => stream in this.#store.state.streams && this.#attach(stream, this.#store.state), error.retry_after_ms ?? attachAgainMs);
      },
    });
  }

  /** @param {string} stream @param {State} after @param {State} before */
  #fillGap(stream, after, before) {
    const reply = (/** @type {State} */ state) => state.trees[state.streams[stream]]?.messages[stream]?.reply;
    const now = reply(after);
    if (now?.isGap && isLive(now) && !reply(before)?.isGap) this.#attach(stream, after);
  }

  /** What a message would cost; undefined when that cannot be known now. @param {Extract<ClientMessage, {type: 'context.measure'}>} message @param {(measure: import('../wire.js').Measure | undefined) => void} answered */
  measure(message, answered) {
    const isSent = this.#ask(message, { answered, refused: (error) => error.code !== 'superseded' && answered(undefined) });
    if (!isSent) answered(undefined);
  }

  /** @param {string} query @param {(page: import('../wire.js').SearchPage | undefined) => void} answered */
  search(query, answered) {
    const isSent = this.#ask({ type: 'history.search', id: randomId(), query, limit: hitsMax }, { answered, refused: () => answered(undefined) });
    if (!isSent) answered(undefined);
  }

  /** The branch that is shown here is shown on the other devices when they open it. @param {State} after @param {State} before */
  #tellHead(after, before) {
    const head = after.trees[after.current]?.head;
    if (head && head !== before.trees[after.current]?.head && offers(after, 'conversation.head')) {
      this.#ask({ type: 'conversation.head', id: randomId(), conversation: after.current, head }, { answered: () => undefined, refused: () => undefined });
    }
  }

  /** @param {string} id @param {boolean} pinned */
  #pin(id, pinned) {
    const failed = () => this.#store.dispatch({ type: 'pin_failed', id, pinned: !pinned });
    if (!this.#ask({ type: 'conversation.update', id: randomId(), conversation: id, pinned }, { answered: () => undefined, refused: failed })) failed();
  }

  /** @param {import('../wire.js').Changed} event */
  #changed(event) {
    const { streams } = this.#store.state;
    this.#store.dispatch({ type: 'conversation_changed', event });
    const { state } = this.#store;
    if (!event.conversation) return this.#list(undefined);
    for (const stream of Object.keys(state.streams)) if (!(stream in streams)) this.#attach(stream, state);
    const isRead = state.trees[event.conversation]?.loaded === 'yes';
    return isRead && (event.what === 'messages' || event.what === 'restored') ? this.#get(event.conversation, undefined) : undefined;
  }

  /** @param {string} id @param {string} title @param {State} before */
  #rename(id, title, before) {
    const old = before.conversations.list.find((conversation) => conversation.id === id)?.title ?? '';
    if (!title || title === old) return;
    const failed = () => {
      this.#store.dispatch({ type: 'rename_failed', id, title: old });
      this.#store.dispatch({ type: 'toast_shown', toast: { kind: 'rename_failed' } });
    };
    const isSent = this.#ask({ type: 'history.rename', id: randomId(), conversation: id, title }, { answered: () => undefined, refused: failed });
    if (!isSent) failed();
  }

  /** Its text is what the server has afterwards: without tokens, and marked as edited. @param {string} conversation @param {string} message @param {string} content */
  #rewrite(conversation, message, content) {
    const failed = () => this.#store.dispatch({ type: 'toast_shown', toast: { kind: 'rewrite_failed' } });
    const isSent = this.#ask({ type: 'chat.edit', id: randomId(), conversation, message, content }, { answered: () => this.#get(conversation, undefined), refused: failed });
    if (!isSent) failed();
  }

  /** Told until the server answers: a deletion that a dying connection swallowed is told again on the next one. @param {Deletion} deletion */
  #delete(deletion) {
    /** @type {(ClientMessage & {id: string})[]} */
    const messages = deletion.isAll
      ? [{ type: 'history.clear', id: randomId() }]
      : deletion.conversations.map(({ id }) => ({ type: 'history.delete', id: randomId(), conversation: id }));
    let left = messages.length;
    const done = () => {
      if (--left > 0) return;
      this.#store.dispatch({ type: 'deletion_done', deletion });
      if (deletion.isAll) this.#list(undefined); // what began meanwhile was hidden with the rest
    };
    const refused = (/** @type {ErrorBody} */ error) => {
      done();
      if (error.code !== 'not_found') this.#list(undefined);
    };
    for (const message of messages) this.#ask(message, { answered: done, refused });
  }

  /** @param {ClientMessage & {id: string}} message @param {Asked} [asked] */
  #ask(message, asked) {
    const isSent = this.#socket.send(message);
    if (isSent && asked) this.#asked.set(message.id, { ...asked, type: message.type });
    return isSent;
  }

  /** @param {string} id */
  #answer(id) {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  /** @param {string | undefined} id @param {ErrorBody} error */
  #refuse(id, error) {
    if (id === undefined) return;
    const { state, dispatch } = this.#store;
    const waiting = state.outbox.find((item) => item.id === id);
    const asked = waiting ? undefined : this.#answer(id);
    // An older server: what needs this message is not offered any more, and it is not asked again.
    const feature = error.code === 'unknown_type' ? (waiting?.body.type ?? asked?.type) : undefined;
    if (feature) dispatch({ type: 'feature_missing', feature });
    if (waiting && feature) dispatch({ type: 'waiting_discarded', id });
    else if (waiting) dispatch({ type: 'waiting_refused', id, error });
    else asked?.refused(error);
  }
}
