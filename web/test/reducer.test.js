import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainChat } from '../src/state/chat.js';
import { reduce } from '../src/state/reducer.js';
import { currentTree, forgottenOn, liveHere, pathOf, samplingOf } from '../src/state/select.js';
import { textOf } from '../src/state/reply.js';
import { fresh, initialState } from '../src/state/state.js';

/** @typedef {import('../src/state/actions.js').Action} Action */
/** @typedef {import('../src/state/state.js').State} State */

const settings = /** @type {const} */ ({
  theme: 'auto', language: 'en', size: 'normal', hasEmbers: true, hasLetterKeys: true, isReadAloud: false, keepsCandidates: false, chat: plainChat,
});
const id = (/** @type {number} */ n) => String(n).padStart(32, '0');

/** Every state on the way is frozen, so that a reducer that writes into one fails here. @template T @param {T} value @returns {T} */
function freeze(value) {
  if (value && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

/** @param {...Action} actions @returns {State} */
const after = (...actions) => actions.reduce((state, action) => freeze(reduce(state, action)), freeze(initialState(settings, true)));

/** @returns {Action} */
const ready = (epoch = 'e') => ({
  type: 'ready_received',
  ready: {
    type: 'ready',
    session: id(1),
    epoch,
    durable: true,
    user: { id: id(9), name: 'Mei' },
    server: { version: '1' },
    limits: { frame_bytes: 1, content_bytes: 100, system_bytes: 100, title_chars: 20, max_tokens: 4096 },
    models: [{ id: 'demo', state: 'ready', max_tokens: 512, defaults: { temperature: 0.7, top_k: 50, top_p: 0.8, min_p: 0, repetition_penalty: 1.1 } }],
  },
});
/** @returns {Action} */
const sent = (client = 'c-1', content = 'Hello') => ({ type: 'message_sent', id: client, content, at: 1 });
/** @param {Partial<import('../src/wire.js').Accepted>} [more] @returns {Action} */
const accepted = (more = {}) => ({
  type: 'stream_moved',
  at: 2,
  event: { type: 'accepted', re: 'c-1', stream: id(12), conversation: id(10), user_message: id(11), assistant_message: id(12), parent: null, title: 'Hello', revision: 0, dropped: [], duplicate: false, ...more },
});
/** @returns {Action} */
const delta = (from = 0, to = 1, text = 'Hi', stream = id(12)) => ({ type: 'stream_moved', at: 3, event: { type: 'delta', stream, from, to, text } });
/** @returns {Action} */
const done = (to = 1, stream = id(12)) => ({
  type: 'stream_moved',
  at: 4,
  event: { type: 'done', stream, to, finish_reason: 'stop', stored: true, usage: { prompt_tokens: 1, completion_tokens: to }, timings: { queue_ms: 0, prefill_ms: 0, decode_ms: 1 } },
});

test('a sent message waits in the outbox and the composer is empty', () => {
  const state = after(ready(), { type: 'draft_changed', conversation: fresh, text: 'Hello' }, sent());
  assert.deepEqual(state.outbox.map(({ phase, body }) => [phase, body.content, body.conversation]), [['waiting', 'Hello', undefined]]);
  assert.equal(state.drafts[fresh], '');
  assert.equal(state.current, 'new:c-1');
});

test('a second message waits until the first one was accepted', () => {
  const state = after(ready(), sent('c-1'), sent('c-2'));
  assert.equal(state.outbox.length, 1);
});

test('an accepted message becomes a conversation with a live reply', () => {
  const state = after(ready(), sent(), accepted());
  assert.equal(state.current, id(10));
  assert.equal(state.outbox.length, 0);
  assert.deepEqual(pathOf(currentTree(state)).map(({ role }) => role), ['user', 'assistant']);
  assert.equal(liveHere(state)?.id, id(12));
  assert.deepEqual(state.conversations.list.map(({ title }) => title), ['Hello']);
});

test('a draft that was begun before the answer stays with the conversation', () => {
  const state = after(ready(), sent(), { type: 'draft_changed', conversation: 'new:c-1', text: 'and' }, accepted());
  assert.equal(state.drafts[id(10)], 'and');
});

test('an accepted that comes twice changes nothing the second time', () => {
  const once = after(ready(), sent(), accepted(), delta());
  assert.equal(reduce(once, accepted({ duplicate: true })), once);
});

test('a lost connection puts what was on its way back, with the same body', () => {
  const state = after(ready(), sent(), { type: 'waiting_submitted', id: 'c-1' }, { type: 'connection_lost', at: 5, retryAt: 6 });
  assert.deepEqual(state.outbox.map(({ phase }) => phase), ['waiting']);
  assert.deepEqual(state.outbox[0].body, after(ready(), sent()).outbox[0].body);
});

test('a reply is live until its end, and its stream is then forgotten', () => {
  assert.ok(liveHere(after(ready(), sent(), accepted(), delta())));
  const state = after(ready(), sent(), accepted(), delta(), done());
  assert.equal(liveHere(state), undefined);
  assert.deepEqual(state.streams, {});
});

test('an end with missing tokens keeps the stream', () => {
  const state = after(ready(), sent(), accepted(), delta(), done(3));
  assert.deepEqual(Object.keys(state.streams), [id(12)]);
  assert.equal(liveHere(state)?.reply?.isGap, true);
});

test('the next message answers the shown leaf', () => {
  const state = after(ready(), sent(), accepted(), delta(), done(), sent('c-2', 'More'));
  assert.equal(state.outbox[0].body.parent, id(12));
  assert.equal(state.outbox[0].body.conversation, id(10));
});

test('writing again names the person’s message and sends no text', () => {
  const state = after(ready(), sent(), accepted(), delta(), done(), { type: 'reply_asked_again', id: 'c-2', message: id(12), at: 5 });
  const { parent, regenerate, content } = state.outbox[0].body;
  assert.deepEqual([parent, regenerate, content], [id(11), true, undefined]);
});

test('an edit is a sibling: its parent is the parent of the old message', () => {
  const state = after(ready(), sent(), accepted(), delta(), done(), { type: 'edit_started', message: id(11) }, sent('c-2', 'Hello there'));
  assert.equal(state.outbox[0].body.parent, null);
  assert.equal(state.editing, undefined);
});

test('choosing a version shows the newest leaf below it', () => {
  const again = { re: 'c-2', stream: id(22), assistant_message: id(22) };
  const two = after(ready(), sent(), accepted(), delta(), done(), { type: 'reply_asked_again', id: 'c-2', message: id(12), at: 5 }, accepted(again));
  assert.equal(currentTree(two)?.head, id(22));
  const state = reduce(two, { type: 'version_chosen', message: id(12) });
  assert.equal(currentTree(state)?.head, id(12));
});

test('a restart in the middle: the reply goes on from the position it had', () => {
  const state = after(ready(), sent(), accepted(), delta(0, 2, 'Hi you'), { type: 'connection_lost', at: 5, retryAt: 6 }, ready('other'), delta(2, 3, '!'));
  const reply = state.trees[id(10)].messages[id(12)].reply;
  assert.equal(reply && textOf(reply, 'answer'), 'Hi you!');
});

/** @returns {Action} */
const history = (content = 'Hi you', to = 2, status = /** @type {'done' | 'streaming' | 'interrupted'} */ ('streaming')) => ({
  type: 'history_read',
  conversation: id(10),
  isFirst: true,
  page: {
    conversation: { id: id(10), title: 'Hello', revision: 0, head: id(12), created: 1, updated: 2, live: [id(12)], system: 'Be brief.', params: { temperature: 0 } },
    messages: [
      { id: id(11), parent: null, role: 'user', content: 'Hello', created: 1, status: 'done' },
      { id: id(12), parent: id(11), role: 'assistant', content, created: 1, status, to, ...(status === 'done' ? { finish_reason: /** @type {const} */ ('stop') } : {}) },
    ],
  },
});

test('after a reload the running reply stands as far as the server had it, and goes on', () => {
  const state = after(ready(), { type: 'conversation_opened', id: id(10) }, { type: 'history_asked', conversation: id(10) }, history(), delta(2, 3, '!'));
  const reply = liveHere(state)?.reply;
  assert.equal(reply && textOf(reply, 'answer'), 'Hi you!');
});

test('an answer whose text was changed, here or elsewhere, is what the server has', () => {
  const read = /** @type {Extract<Action, {type: 'history_read'}>} */ (history('New words.', 0, 'done'));
  const messages = read.page.messages.map((message) => (message.role === 'assistant' ? { ...message, edited: /** @type {const} */ (true) } : message));
  const { reply } = after(ready(), sent(), accepted(), delta(0, 3, 'Hi you!'), done(3), { ...read, page: { ...read.page, messages } }).trees[id(10)].messages[id(12)];
  assert.equal(reply && textOf(reply, 'answer'), 'New words.');
  assert.equal(reply?.isEdited, true);
});

test('history does not take back what the page already has', () => {
  const state = after(ready(), sent(), accepted(), delta(0, 3, 'Hi you!'), history());
  const reply = liveHere(state)?.reply;
  assert.equal(reply?.have, 3);
  assert.equal(reply && textOf(reply, 'answer'), 'Hi you!');
});

test('history ends a reply that the page believed to be running', () => {
  const state = after(ready(), sent(), accepted(), delta(0, 1, 'Hi'), history('Hi you', 2, 'interrupted'));
  const reply = state.trees[id(10)].messages[id(12)].reply;
  assert.equal(reply?.phase, 'done');
  assert.equal(reply?.finish, 'interrupted');
  assert.equal(reply && textOf(reply, 'answer'), 'Hi you');
});

test('a conversation brings its own instructions and settings', () => {
  const state = after(ready(), { type: 'conversation_opened', id: id(10) }, history());
  assert.equal(samplingOf(state).temperature, 0);
  assert.equal(currentTree(state)?.chat.system, 'Be brief.');
  assert.equal(samplingOf(reduce(state, { type: 'conversation_opened', id: fresh })).temperature, 0.7);
});

test('a slider back at the room’s value sends nothing', () => {
  const state = after(ready(), { type: 'sampling_changed', name: 'temperature', value: 1 }, { type: 'sampling_changed', name: 'temperature', value: 0.7 }, sent());
  assert.deepEqual(state.outbox[0].body.params, {});
});

test('what the newest reply did not see is forgotten, what an older one did not see is not', () => {
  const dropped = { re: 'c-2', stream: id(22), user_message: id(21), assistant_message: id(22), parent: id(12), dropped: [id(11), id(12)] };
  const state = after(ready(), sent(), accepted(), delta(), done(), sent('c-2', 'More'), accepted(dropped));
  assert.deepEqual([...forgottenOn(pathOf(currentTree(state)))], [id(11), id(12)]);
});

test('a deleted conversation leaves the list at once and comes back with Undo', () => {
  const deleted = after(ready(), sent(), accepted(), { type: 'conversation_deleted', id: id(10) });
  assert.equal(deleted.conversations.list.length, 0);
  assert.equal(deleted.current, fresh);
  const undone = reduce(deleted, { type: 'deletion_undone' });
  assert.equal(undone.conversations.list.length, 1);
});

test('an old conversation that was opened by its address is in the list, with its title', () => {
  const state = after(ready(), { type: 'conversation_opened', id: id(10) }, history('All', 2, 'done'));
  assert.deepEqual(state.conversations.list.map(({ title }) => title), ['Hello']);
});

test('a list that arrives during Undo does not bring the deleted conversation back', () => {
  const page = { conversations: [{ id: id(10), title: 'Hello', revision: 0, head: id(12), created: 1, updated: 2, live: [] }] };
  const state = after(ready(), sent(), accepted(), { type: 'conversation_deleted', id: id(10) }, { type: 'conversations_listed', page, isFirst: true });
  assert.equal(state.conversations.list.length, 0);
});

test('a model that is loading holds messages; a server that is leaving gets them later; other refusals are shown', () => {
  const refused = (/** @type {string} */ code) => after(ready(), sent(), { type: 'waiting_refused', id: 'c-1', error: { code } }).outbox[0].phase;
  assert.deepEqual(['model_loading', 'shutting_down', 'busy'].map(refused), ['waiting', 'waiting', 'refused']);
});

test('a discarded message goes back to where it was written', () => {
  const state = after(ready(), sent(), { type: 'waiting_refused', id: 'c-1', error: { code: 'busy' } }, { type: 'waiting_discarded', id: 'c-1' });
  assert.equal(state.current, fresh);
  assert.equal(state.drafts[fresh], 'Hello');
  assert.equal(state.outbox.length, 0);
});

test('a first connection says nothing; one that came back after a notice says that it is back', () => {
  assert.equal(after(ready()).connection.notice, 'none');
  const lost = /** @type {Action[]} */ ([{ type: 'connection_lost', at: 1, retryAt: 2 }]);
  assert.equal(after(ready(), ...lost, ready()).connection.notice, 'none');
  assert.equal(after(ready(), ...lost, { type: 'loss_lasted', notice: 'banner' }, ready()).connection.notice, 'back');
});

test('after a restart of a server that keeps nothing it does not say that nothing was lost', () => {
  const told = /** @type {Extract<Action, {type: 'ready_received'}>} */ (ready('another'));
  /** @type {Action[]} */
  const gone = [ready(), { type: 'connection_lost', at: 1, retryAt: 2 }, { type: 'loss_lasted', notice: 'banner' }];
  assert.equal(after(...gone, told).connection.notice, 'back');
  assert.equal(after(...gone, { ...told, ready: { ...told.ready, durable: false } }).connection.notice, 'none');
  const same = { ...told, ready: { ...told.ready, durable: false, epoch: 'e' } };
  assert.equal(after(...gone, same).connection.notice, 'back');
});

test('a message that was sent into a conversation which is not open leaves its history to be read', () => {
  const state = after(ready(), { type: 'conversation_opened', id: id(10) });
  const waiting = freeze({ ...state, outbox: [{ id: 'c-1', conversation: id(10), phase: 'sent', error: undefined, body: { type: 'chat.create', id: 'c-1', conversation: id(10), parent: id(5), content: 'More' } }], current: fresh });
  const next = reduce(/** @type {State} */ (waiting), accepted({ parent: id(5) }));
  assert.equal(next.trees[id(10)].loaded, 'loading');
});

test('two deletions in a row both reach the server', () => {
  const listed = /** @type {Action} */ ({ type: 'conversations_listed', isFirst: true, page: { conversations: [1, 2].map((n) => ({ id: id(n), title: String(n), revision: 0, head: null, created: n, updated: n, live: [] })) } });
  const state = after(ready(), listed, { type: 'conversation_deleted', id: id(1) }, { type: 'conversation_deleted', id: id(2) });
  assert.deepEqual(state.leaving.map(({ conversations }) => conversations[0].id), [id(1)]);
  assert.equal(state.deletion?.conversations[0].id, id(2));
  const again = reduce(state, listed);
  assert.equal(again.conversations.list.length, 0, 'the server may not know it yet');
});

test('a list with nothing new leaves the streams as they are: what depends on them is not asked again', () => {
  const before = after(ready(), sent(), accepted());
  const conversation = { id: id(10), title: 'Hello', revision: 1, head: id(12), created: 1, updated: 1, pinned: false, live: [id(12)] };
  const listed = reduce(before, { type: 'conversations_listed', page: { conversations: [conversation] }, isFirst: true });
  assert.equal(listed.streams, before.streams);
  const other = reduce(listed, { type: 'conversations_listed', page: { conversations: [{ ...conversation, id: id(20), live: [id(22)] }] }, isFirst: true });
  assert.deepEqual(other.streams, { [id(12)]: id(10), [id(22)]: id(20) });
});

test('how far the model is comes with ready and with each event alike, and is over when it is ready', () => {
  /** @type {import('../src/wire.js').LoadProgress} */
  const progress = { stage: 'weights', percent: 40, eta_ms: 9000, stages: [{ stage: 'config', ms: 98 }, { stage: 'weights', bytes: 40, bytes_all: 100 }] };
  /** @type {Action} */
  const moved = { type: 'model_moved', at: 1000, event: { type: 'model', model: 'demo', state: 'loading', ...progress } };
  const expected = { state: 'loading', stage: 'weights', percent: 40, etaMs: 9000, stages: progress.stages };
  assert.deepEqual(after(ready(), moved).server.loading, expected);
  const told = /** @type {Extract<Action, {type: 'ready_received'}>} */ (ready());
  assert.deepEqual(after({ ...told, ready: { ...told.ready, models: [{ id: 'demo', state: 'loading', ...progress }] } }).server.loading, expected);
  assert.equal(after(ready(), moved, { type: 'model_moved', at: 2000, event: { type: 'model', model: 'demo', state: 'ready' } }).server.loading, undefined);
  assert.equal(after(ready(), moved, ready()).server.loading, undefined);
});
