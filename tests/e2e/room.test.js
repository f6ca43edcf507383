// Many people, one model: everybody gets what they would have got alone (P9), whatever the others do (P7).
import assert from 'node:assert/strict';
import test from 'node:test';
import WebSocket from 'ws';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {startServer} from './support/server.js';

const questions = ['Hello!', 'My name is Tamiko. What is my name?', 'Count from 3 to 9.', 'How does sampling work?', '你好，我叫林晓。', '什么是注意力？',
  'Tell me a long story.', 'What is a token?'];
const greedy = {params: {temperature: 0, max_tokens: 96}};

const person = async (url) => ChatClient.connect(url, {cookie: await newIdentity(url)});

/** What each question gets when nobody else is there. */
const alone = async (url) => {
  const replies = [];
  for (const question of questions) {
    const client = await person(url);
    replies.push(await client.ask(question, greedy));
    await client.close();
  }
  return replies;
};

const sameReply = (actual, expected, question) => {
  assert.equal(actual.text, expected.text, question);
  assert.equal(actual.done.to, expected.done.to, question);
  assert.equal(actual.done.finish_reason, expected.done.finish_reason, question);
};

test('eight people at once each get exactly the reply they would get alone', async (t) => {
  const {url} = await startServer(t);
  const expected = await alone(url);
  assert.ok(new Set(expected.map((reply) => reply.text)).size >= 6, 'the questions have different answers');
  const people = await Promise.all(questions.map(() => person(url)));
  const together = await Promise.all(people.map((client, i) => client.ask(questions[i], greedy)));
  together.forEach((reply, i) => sameReply(reply, expected[i], questions[i]));
});

test('one cancels, one vanishes, one never reads: the others notice nothing', async (t) => {
  const {url} = await startServer(t);
  const expected = await alone(url);
  const [canceller, vanisher, deaf, ...others] = await Promise.all([...questions, 'x', 'y', 'z'].map(() => person(url)));

  // A reward for repeating: the reply goes on to its limit unless it is stopped.
  const cancelled = await canceller.create('Tell me a long story.', {params: {temperature: 0, frequency_penalty: -2, max_tokens: 1900}});
  const lost = await vanisher.create('Tell me a long story.', greedy);
  deaf.socket.pause();
  deaf.send({type: 'chat.create', id: 'deaf', content: 'Tell me a long story.', ...greedy});
  const replies = Promise.all(others.map((client, i) => client.ask(questions[i], greedy)));

  await canceller.event((event) => event.type === 'delta' && event.stream === cancelled.stream);
  await canceller.request({type: 'chat.cancel', stream: cancelled.stream}).catch(() => {});
  const end = await canceller.finished(cancelled.stream);
  assert.equal(end.done.finish_reason, 'cancelled');
  vanisher.socket.terminate();
  (await replies).forEach((reply, i) => sameReply(reply, expected[i], questions[i]));

  // The cancelled place is free: the same person is answered again, completely.
  sameReply(await canceller.ask(questions[0], greedy), expected[0], questions[0]);
  // A reply outlives its socket: whoever comes back finds it whole.
  assert.ok(lost.stream);
  deaf.socket.resume();
  const late = await deaf.event((event) => event.type === 'accepted');
  sameReply(await deaf.finished(late.stream), expected[6], 'the reader that slept');
});

test('people see their own conversations and nobody else\'s', async (t) => {
  const {url} = await startServer(t);
  const [ada, bob] = await Promise.all([person(url), person(url)]);
  const {accepted} = await ada.ask('Hello!', greedy);
  const adas = await ada.request({type: 'history.list'});
  assert.deepEqual(adas.data.conversations.map((c) => c.id), [accepted.conversation]);
  assert.deepEqual((await bob.request({type: 'history.list'})).data.conversations, []);
  for (const request of [
    {type: 'history.get', conversation: accepted.conversation},
    {type: 'history.rename', conversation: accepted.conversation, title: 'mine now'},
    {type: 'history.delete', conversation: accepted.conversation},
    {type: 'stream.attach', stream: accepted.stream, have: 0},
    {type: 'chat.create', content: 'hi', conversation: accepted.conversation},
  ]) {
    await assert.rejects(bob.request(request), {code: 'not_found'}, request.type);
  }
  assert.equal((await ada.request({type: 'history.get', conversation: accepted.conversation})).data.messages.length, 2);
});

test('frames that cannot be understood are answered, then closed, and disturb nobody', async (t) => {
  const {url} = await startServer(t);
  const expected = (await alone(url))[6];
  const quiet = await person(url);
  const reply = quiet.ask(questions[6], greedy);

  const code = async (...frames) => {
    const client = await person(url);
    for (const frame of frames) client.socket.send(frame);
    return client.closed;
  };
  assert.equal(await code('{', '{"type":"no.such","id":"1"}', '[]'), 4400, 'three strikes');
  assert.equal(await code(Buffer.from([1, 2, 3])), 1003, 'binary');
  assert.equal(await code('x'.repeat((1 << 20) + 1)), 1009, 'more than 1 MiB');

  const asker = await person(url);
  for (const [params, param] of [
    ['{"temperature": 1e309}', 'params.temperature'], ['{"temperature": -1}', 'params.temperature'], ['{"temperature": "1"}', 'params.temperature'],
    ['{"top_p": null}', 'params.top_p'], ['{"top_k": 9223372036854775808}', 'params.top_k'], ['{"max_tokens": 0}', 'params.max_tokens'],
    ['{"max_tokens": 1.5}', 'params.max_tokens'], ['{"repetition_penalty": 0}', 'params.repetition_penalty'], ['{"seed": []}', 'params.seed'],
  ]) {
    const id = `bad-${param}-${params.length}`.replace(/[^a-z-]/g, '') + params.length;
    asker.socket.send(`{"type": "chat.create", "id": "${id}", "content": "hi", "params": ${params}}`);
    const {error} = await asker.event((event) => event.re === id);
    assert.equal(error.code, 'invalid_parameter', params);
    assert.equal(error.param, param, params);
    assert.ok(error.detail.length > 10 && error.detail.length < 300, error.detail);
  }
  sameReply(await reply, expected, 'the quiet one');
});

test('a socket from another origin, or with another protocol, is refused before the upgrade', async (t) => {
  const {url} = await startServer(t);
  const status = (protocols, headers) => new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, protocols, {headers});
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
    socket.once('open', () => { socket.terminate(); resolve(101); });
    socket.on('error', () => {});
  });
  const cookie = await newIdentity(url);
  assert.equal(await status(['hearth.chat.v1'], {origin: url, cookie}), 101);
  assert.equal(await status(['hearth.chat.v1'], {origin: 'http://evil.example', cookie}), 403);
  assert.equal(await status(['hearth.chat.v1'], {origin: 'null', cookie}), 403);
  assert.equal(await status(['something.else'], {origin: url, cookie}), 400);
  assert.ok([403, 421].includes(await status(['hearth.chat.v1'], {origin: url, cookie, host: 'rebound.example'})));
});
