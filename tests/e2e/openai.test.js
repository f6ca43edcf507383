// The official client as judge of /v1.
import assert from 'node:assert/strict';
import test from 'node:test';
import OpenAI from 'openai';
import {startServer} from './support/server.js';

const connect = (url) => new OpenAI({baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0});
const messages = [{role: 'user', content: 'Count from 3 to 9.'}];
const settings = {model: 'hearth', messages, temperature: 0, max_tokens: 64};

test('chat completions: whole, streamed and with usage agree to the letter', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const whole = await client.chat.completions.create(settings);
  const [choice] = whole.choices;
  assert.equal(whole.object, 'chat.completion');
  assert.equal(choice.message.role, 'assistant');
  assert.ok(choice.message.content.length > 0);
  assert.ok(['stop', 'length'].includes(choice.finish_reason));
  assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);

  const chunks = [];
  for await (const chunk of await client.chat.completions.create({...settings, stream: true})) chunks.push(chunk);
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(chunks.map((c) => c.choices[0].delta.content ?? '').join(''), choice.message.content);
  assert.equal(chunks.at(-1).choices[0].finish_reason, choice.finish_reason);
  assert.equal(new Set(chunks.map((c) => `${c.id} ${c.created} ${c.model}`)).size, 1);

  const counted = [];
  for await (const chunk of await client.chat.completions.create({...settings, stream: true, stream_options: {include_usage: true}})) counted.push(chunk);
  assert.deepEqual(counted.at(-1).choices, []);
  assert.equal(counted.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
});

test('logprobs, stop strings and seeds do what they say', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const whole = await client.chat.completions.create({...settings, logprobs: true, top_logprobs: 3});
  const tokens = whole.choices[0].logprobs.content;
  assert.equal(Buffer.concat(tokens.map((token) => Buffer.from(token.bytes ?? []))).toString().startsWith(whole.choices[0].message.content.slice(0, 5)), true);
  for (const token of tokens) {
    assert.ok(token.logprob <= 0);
    assert.equal(token.top_logprobs.length, 3);
    assert.equal(token.top_logprobs[0].logprob, Math.max(...token.top_logprobs.map((top) => top.logprob)));
  }
  const stopped = await client.chat.completions.create({...settings, stop: ['6']});
  assert.equal(stopped.choices[0].finish_reason, 'stop');
  assert.equal(stopped.choices[0].message.content, whole.choices[0].message.content.split('6')[0]);

  const draw = async (seed) => (await client.chat.completions.create({...settings, temperature: 1.5, top_p: 1, seed})).choices[0].message.content;
  assert.equal(await draw(7), await draw(7));
});

test('errors are OpenAI\'s objects with the true status', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const refused = (extra, param) => assert.rejects(client.chat.completions.create({...settings, ...extra}), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.error.param, param);
    assert.ok(error.error.message.length > 10);
    return true;
  });
  await refused({temperature: -1}, 'temperature');
  await refused({top_p: 7}, 'top_p');
  await refused({max_tokens: 0}, 'max_tokens');
  await refused({messages: []}, 'messages');
  await refused({top_logprobs: 99, logprobs: true}, 'top_logprobs');
  await assert.rejects(client.chat.completions.create({...settings, messages: [{role: 'user', content: 'word '.repeat(20000)}]}),
    (error) => error.status === 400 && error.error.code === 'context_length_exceeded');
  const broken = await fetch(`${url}/v1/chat/completions`, {method: 'POST', headers: {'content-type': 'application/json'}, body: '{"messages": ['});
  assert.equal(broken.status, 400);
  assert.equal((await broken.json()).error.code, 'invalid_json');
});

test('models are listed with their context length; health needs no key', async (t) => {
  const {url} = await startServer(t);
  const [model] = (await connect(url).models.list()).data;
  assert.equal(model.object, 'model');
  assert.ok(model.context_length >= 512);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});

test('a client that goes away mid-stream frees its place', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const long = {...settings, messages: [{role: 'user', content: 'Tell me a long story.'}], max_tokens: 1500, stream: true};
  for (let i = 0; i < 12; ++i) {                       // more than may wait at once for one user
    const stream = await client.chat.completions.create(long);
    for await (const chunk of stream) { if (chunk.choices[0].delta.content) break; }
    stream.controller.abort();
  }
  const whole = await client.chat.completions.create(settings);
  assert.ok(whole.choices[0].message.content.length > 0);
});
