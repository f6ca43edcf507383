// What was accepted is never lost (P1), and a restart tells the truth about a reply that it cut.
import assert from 'node:assert/strict';
import test from 'node:test';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {startServer, temporaryFolder} from './support/server.js';

/** What was given to the one writer before this request is on disk when it is answered. */
const writesDone = (client, conversation) => client.request({type: 'history.rename', conversation, title: 'A story'});

test('SIGKILL during a reply: the message is there, the reply is marked interrupted and keeps its text', async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await startServer(t, {dataDir});
  const cookie = await newIdentity(first.url);
  const client = await ChatClient.connect(first.url, {cookie});
  // A reward for repeating makes the greedy reply go round in circles to its limit: there is always something left to kill.
  const accepted = await client.create('Tell me a long story.', {params: {temperature: 0, frequency_penalty: -2, max_tokens: 1900}});
  await client.event((event) => event.type === 'delta' && event.to >= 130);   // a checkpoint (64 tokens) is on its way to the disk
  await writesDone(client, accepted.conversation);
  await first.stop('SIGKILL');

  const second = await startServer(t, {dataDir, port: first.port});
  const again = await ChatClient.connect(second.url, {cookie});
  const {data} = await again.request({type: 'history.get', conversation: accepted.conversation});
  const [question, reply] = data.messages;
  assert.equal(question.content, 'Tell me a long story.');
  assert.equal(reply.id, accepted.stream);
  assert.equal(reply.status, 'interrupted');
  assert.ok(reply.content.length > 0, 'the checkpointed text is kept');
  const shown = client.streams.get(accepted.stream);
  assert.ok(shown.text.startsWith(reply.content), 'and it is a beginning of what was shown');
});

test('every accepted message survives a kill at any moment', async (t) => {
  const dataDir = temporaryFolder(t);
  let port = 0;
  let cookie = '';
  const accepted = [];
  for (let round = 0; round < 5; ++round) {
    const server = await startServer(t, {dataDir, port});
    port = server.port;
    cookie ||= await newIdentity(server.url);
    const client = await ChatClient.connect(server.url, {cookie});
    const stored = (await client.request({type: 'history.list', limit: 100})).data.conversations.map((c) => c.id);
    for (const conversation of accepted) assert.ok(stored.includes(conversation), `round ${round} lost ${conversation}`);
    // Two are sent; the kill comes as soon as the second is accepted, while both are being answered.
    for (const content of ['Count from 1 to 20.', 'Tell me a long story.']) {
      accepted.push((await client.create(content, {params: {temperature: 0, max_tokens: 400}})).conversation);
    }
    await server.stop('SIGKILL');
  }
});

test('SIGTERM: clients are told when to come back, the server ends by itself, and the history is there', async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await startServer(t, {dataDir});
  const cookie = await newIdentity(first.url);
  const client = await ChatClient.connect(first.url, {cookie});
  const {accepted, text} = await client.ask('Hello!', {params: {temperature: 0}});
  const ended = first.stop('SIGTERM');
  const notice = await client.event((event) => event.type === 'reconnect');
  assert.equal(notice.reason, 'shutdown');
  assert.ok(notice.after_ms >= 0);
  assert.equal(await client.closed, 1012);
  assert.deepEqual(await ended, {code: 0, signal: null});

  const second = await startServer(t, {dataDir, port: first.port});
  const again = await ChatClient.connect(second.url, {cookie});
  const {data} = await again.request({type: 'history.get', conversation: accepted.conversation});
  assert.deepEqual(data.messages.map((m) => [m.role, m.content, m.status]), [['user', 'Hello!', 'done'], ['assistant', text, 'done']]);
});

test('a second server on the same data folder is refused with one sentence', async (t) => {
  const {dataDir} = await startServer(t);
  await assert.rejects(startServer(t, {dataDir}), /another|already|in use|locked/i);
});
