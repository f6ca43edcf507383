import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashFor, inspectHash, routeOf } from '../src/state/address.js';
import { chatFromWire, paramsFromChat, plainChat, presetOf, withPreset } from '../src/state/chat.js';
import { markdownOf } from '../src/state/markdown_export.js';
import { onInspector } from '../src/state/on_inspector.js';
import { reduce } from '../src/state/reducer.js';
import { goOn, newReply } from '../src/state/reply.js';
import { fresh, initialState } from '../src/state/state.js';
import { parcelsOf } from '../src/state/import_files.js';
import { asBlock } from '../src/view/files.js';

/** @typedef {import('../src/state/actions.js').Action} Action */
/** @typedef {import('../src/state/state.js').State} State */

const settings = /** @type {const} */ ({ theme: 'auto', language: 'en', size: 'normal', hasEmbers: true, hasLetterKeys: true, isReadAloud: false, keepsCandidates: false, chat: plainChat });
const id = (/** @type {number} */ n) => String(n).padStart(32, '0');
/** @param {...Action} actions */
const after = (...actions) => actions.reduce(reduce, initialState(settings, true));
/** @param {number} from @param {number} count @param {object} [more] @returns {import('../src/wire.js').TracePage} */
const page = (from, count, more = {}) => /** @type {any} */ ({
  message: id(1), state: 'done', to: 9, traced: 9, inspect: true, prompt_tokens: 1, sampling: {}, stages: [], from,
  tokens: Array.from({ length: count }, (_, i) => ({ index: from + i, id: i, text: 'a', bytes: 1, lp: -1, rank: 0, u: 0 })), ...more,
});

test('an address leads back to what it was made from', () => {
  const message = fc.option(fc.nat().map(id), { nil: null });
  fc.assert(fc.property(fc.constantFrom(fresh, id(7)), fc.constantFrom('tokens', 'prompt', 'step', 'model'), message, (conversation, tab, of) => {
    const route = routeOf(inspectHash(conversation, /** @type {any} */ (tab), of));
    assert.deepEqual(route, { conversation, tab, message: of });
  }));
  assert.equal(hashFor(after({ type: 'conversation_opened', id: id(3) })), `#/c/${id(3)}`);
  assert.deepEqual(routeOf('#code=ABCD'), { conversation: fresh, tab: undefined, message: null });
  assert.deepEqual(routeOf('#/c/../etc'), { conversation: fresh, tab: undefined, message: null });
});

test('settings go to the server and come back the same', () => {
  const chat = fc.record({
    system: fc.string(), seed: fc.option(fc.nat(), { nil: undefined }), thinking: fc.option(fc.nat(4096), { nil: undefined }), stop: fc.array(fc.string({ minLength: 1 }), { maxLength: 4 }),
    sampling: fc.record({ temperature: fc.double({ min: 0, max: 2, noNaN: true }), top_p: fc.double({ min: 0, max: 1, noNaN: true }), min_p: fc.double({ min: 0, max: 1, noNaN: true }) }, { requiredKeys: [], noNullPrototype: true }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(chat, (given) => assert.deepEqual(chatFromWire(given.system, { ...paramsFromChat(given, 4096) }), given)));
});

test('what this page does not know of the settings is left out', () => {
  assert.deepEqual(chatFromWire(undefined, { temperature: '1', top_k: 5, mirostat: 2, stop: ['a', 7, ''], seed: 'x' }), { system: '', sampling: { top_k: 5 }, stop: ['a'], seed: undefined, thinking: undefined });
});

test('a reply is never longer than the server allows', () => assert.equal(paramsFromChat({ ...plainChat, sampling: { max_tokens: 9000 } }, 512).max_tokens, 512));

test('a preset is recognised until a slider of it moves, and leaves the others alone', () => {
  const chat = withPreset({ ...plainChat, sampling: { top_k: 3 } }, 'vivid');
  assert.equal(presetOf(chat), 'vivid');
  assert.equal(chat.sampling.top_k, 3);
  assert.equal(presetOf(withPreset(chat, 'balanced')), 'balanced');
  assert.equal(presetOf({ ...chat, sampling: { ...chat.sampling, temperature: 0.5 } }), undefined);
});

test('pages of a trace add up; one that does not follow is left out', () => {
  const read = (/** @type {State} */ state, /** @type {import('../src/wire.js').TracePage | undefined} */ of) => /** @type {State} */ (onInspector(state, { type: 'trace_read', message: id(1), page: of }));
  const first = read(after({ type: 'trace_asked', message: id(1) }), page(0, 4));
  assert.equal(first.traces[id(1)].tokens.length, 4);
  assert.equal(read(first, page(4, 3)).traces[id(1)].tokens.length, 7);
  assert.equal(read(first, page(6, 3)).traces[id(1)].tokens.length, 4);
  assert.equal(read(first, undefined).traces[id(1)].phase, 'failed');
});

test('of many traces the oldest go', () => {
  const state = after(...Array.from({ length: 40 }, (_, i) => /** @type {Action} */ ({ type: 'trace_asked', message: id(i) })));
  assert.ok(Object.keys(state.traces).length <= 25);
  assert.ok(state.traces[id(39)]);
});

test('opening another reply forgets the choice and the what-if of the one before', () => {
  const state = after({ type: 'inspector_opened', message: id(1), token: 5 }, { type: 'candidate_selected', candidate: 2 }, { type: 'what_if_moved', whatIf: { temperature: 2 } }, { type: 'inspector_opened', message: id(2) });
  assert.deepEqual([state.inspector.token, state.inspector.candidate, state.inspector.whatIf], [0, -1, {}]);
});

test('a reply goes on from where it ended, or is told anew from the beginning', () => {
  const ended = { ...newReply, phase: /** @type {const} */ ('done'), have: 3, parts: [{ channel: /** @type {const} */ ('answer'), text: 'abc' }], lp: [-1, -1, -1], bytes: [1, 1, 1] };
  assert.deepEqual([goOn(ended, 3).have, goOn(ended, 3).parts.length, goOn(ended, 3).isGap], [3, 1, false]);
  assert.deepEqual([goOn(ended, 2).have, goOn(ended, 2).parts.length, goOn(ended, 2).isGap], [0, 0, true]);
});

test('a feature that is missing is told once', () => {
  const once = after({ type: 'feature_missing', feature: 'inspect' });
  assert.equal(reduce(once, { type: 'feature_missing', feature: 'inspect' }), once);
});

test('an answer to an older search is not shown', () => {
  const state = after({ type: 'search_changed', query: 'sky' }, { type: 'search_changed', query: 'skyl' }, { type: 'search_answered', query: 'sky', page: { hits: [] } });
  assert.equal(state.search.phase, 'none');
});

test('Markdown export has what stands on the page', () => {
  const message = (/** @type {object} */ more) => /** @type {import('../src/state/state.js').Message} */ ({ id: id(1), parent: null, content: '', created: 0, reply: undefined, ...more });
  const text = markdownOf('T', [message({ role: 'user', content: 'a\nb' }), message({ role: 'assistant', reply: { ...newReply, parts: [{ channel: 'reasoning', text: 'hm' }, { channel: 'answer', text: 'c' }] } })]);
  assert.equal(text, '# T\n\n> a\n> b\n\n<details>\n\nhm\n\n</details>\n\nc\n');
});

test('a file of conversations goes as it is while the server takes it', () => {
  for (const text of ['{"title": "a"}', '[{"title": "a"}, {"title": "b"}]', '{"format": "hearth.export.v1", "conversations": [{"title": "a"}]}']) {
    assert.deepEqual(parcelsOf(text), { parcels: [text], problem: undefined });
  }
  assert.equal(parcelsOf('no json').problem, 'unread');
  assert.equal(parcelsOf('7').problem, 'unread');
  assert.equal(parcelsOf('[]').problem, 'nothing');
});

test('a larger file is cut between its conversations, and none is lost or sent twice', () => {
  const file = fc.record({ sizes: fc.array(fc.nat(3000), { minLength: 1, maxLength: 30 }), isList: fc.boolean(), bytes: fc.integer({ min: 6000, max: 20_000 }), conversations: fc.integer({ min: 1, max: 7 }) });
  fc.assert(fc.property(file, ({ sizes, isList, bytes, conversations }) => {
    const list = sizes.map((size, at) => ({ at, text: '词'.repeat(size) }));
    const whole = JSON.stringify(isList ? list : { format: 'f', conversations: list });
    const { parcels } = parcelsOf(whole, { bytes, conversations });
    const read = parcels.map((text) => JSON.parse(text));
    const listOf = (/** @type {any} */ parcel) => (isList ? parcel : parcel.conversations);
    const there = read.flatMap(listOf);
    const isWhole = Buffer.byteLength(whole) <= bytes && list.length <= conversations;
    const fits = isWhole ? list : list.filter((one) => Buffer.byteLength(JSON.stringify(one)) + 1 + 4096 <= bytes);
    assert.deepEqual(there.map(({ at }) => at), fits.map(({ at }) => at));
    for (const text of parcels) assert.ok(Buffer.byteLength(text) <= bytes);
    for (const parcel of read) assert.ok(listOf(parcel).length <= conversations);
    if (!isList) for (const parcel of read) assert.equal(parcel.format, 'f');
  }));
});

test('one conversation that is too large is left out, and said', () => {
  const list = [{ text: 'x'.repeat(9000) }, { text: 'y' }];
  assert.deepEqual(parcelsOf(JSON.stringify(list), { bytes: 8000, conversations: 9 }), { parcels: ['[{"text":"y"}]'], problem: 'tooLarge' });
});

test('a file in a message is closed by a fence that it does not hold', () => {
  fc.assert(fc.property(fc.array(fc.constantFrom('`', '```', '\n', 'a', '````')).map((parts) => parts.join('')), (text) => {
    const lines = asBlock('x.py', text).trimEnd().split('\n');
    const fence = /** @type {string} */ (lines.at(-1));
    assert.ok(lines.slice(2, -1).every((line) => !line.includes(fence)));
  }));
});
