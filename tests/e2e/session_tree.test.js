// The conversation tree on a real server: continue after a kill, undo, search, measure, a second device.
import assert from 'node:assert/strict';
import test from 'node:test';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {startServer, temporaryFolder} from './support/server.js';

test('a reply that was killed and continued is the reply that was never killed', async (t) => {
  const dataDir = temporaryFolder(t);
  const params = {temperature: 0.8, seed: 11, frequency_penalty: -2, max_tokens: 1000};   // it repeats itself to its limit
  const first = await startServer(t, {dataDir});
  const cookie = await newIdentity(first.url);
  const client = await ChatClient.connect(first.url, {cookie});
  const whole = await client.ask('Tell me a long story.', {params});
  const accepted = await client.create('Tell me a long story.', {params});
  await client.event((event) => event.type === 'delta' && event.stream === accepted.stream && event.to >= 80);
  await client.request({type: 'history.rename', conversation: accepted.conversation, title: 'A story'});   // behind the checkpoint in the writer's queue
  await first.stop('SIGKILL');

  const second = await startServer(t, {dataDir, port: first.port});
  const again = await ChatClient.connect(second.url, {cookie});
  again.send({type: 'chat.continue', id: 'go-on', conversation: accepted.conversation, message: accepted.stream,
    params: {...params, max_tokens: whole.have}});
  const continued = await again.event((event) => event.re === 'go-on');
  assert.equal(continued.continued, true);
  assert.ok(continued.from >= 64, `the checkpointed tokens are fed again: ${continued.from}`);
  const shown = await again.finished(accepted.stream);
  const length = Math.min(shown.text.length, whole.text.length);
  assert.ok(length > 200, `there is something to compare: ${length}`);
  assert.equal(shown.text.slice(0, length), whole.text.slice(0, length));
});

test('delete, undo, search and measure', async (t) => {
  const server = await startServer(t);
  const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
  const {accepted} = await client.ask('什么是词元？', {params: {max_tokens: 8}});
  const conversation = accepted.conversation;
  const hits = async () => (await client.request({type: 'history.search', query: '词元'})).data.hits;
  assert.ok((await hits()).some((hit) => hit.message === accepted.user_message));
  await client.request({type: 'history.delete', conversation});
  assert.deepEqual(await hits(), []);
  await assert.rejects(client.request({type: 'history.get', conversation}), {code: 'not_found'});
  await client.request({type: 'history.restore', conversation});
  assert.equal((await client.request({type: 'history.get', conversation})).data.messages.length, 2);
  const measured = (await client.request({type: 'context.measure', conversation, content: 'And a context?'})).data;
  const next = await client.ask('And a context?', {conversation, params: {max_tokens: 4}});
  assert.equal(measured.prompt_tokens, next.done.usage.prompt_tokens, 'exact');
  await client.close();
});

test('a second device resumes what the first one asked', async (t) => {
  const server = await startServer(t);
  const cookie = await newIdentity(server.url);
  const phone = await ChatClient.connect(server.url, {cookie});
  const laptop = await ChatClient.connect(server.url, {cookie});
  const accepted = await phone.create('Tell me a long story.', {params: {temperature: 0, frequency_penalty: -2, max_tokens: 300}});
  const heard = await laptop.event((event) => event.type === 'changed' && event.what === 'messages');
  assert.deepEqual(heard.summary.live, [accepted.stream]);
  phone.socket.terminate();
  await laptop.request({type: 'stream.attach', stream: accepted.stream, have: 0});
  const shown = await laptop.finished(accepted.stream);
  assert.equal(shown.have, shown.done.to);
  await laptop.close();
});
