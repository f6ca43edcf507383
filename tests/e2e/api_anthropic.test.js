// The official Anthropic client as judge of /v1/messages, and Ollama's shapes.
import assert from 'node:assert/strict';
import test from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import {golden, startServer} from './support/server.js';

const connect = (url) => new Anthropic({baseURL: url, apiKey: 'none', maxRetries: 0});
const messages = [{role: 'user', content: 'Count from 3 to 9.'}];
const settings = {model: 'hearth', messages, max_tokens: 48, temperature: 0};
const post = (url, path, body) => fetch(`${url}${path}`, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body)});

test('messages: whole and streamed are the chat route\'s reply', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const chat = await new OpenAI({baseURL: `${url}/v1`, apiKey: 'none'}).chat.completions.create({...settings});
  const whole = await client.messages.create(settings);
  assert.equal(whole.content[0].text, chat.choices[0].message.content);
  assert.equal(whole.stop_reason, chat.choices[0].finish_reason === 'length' ? 'max_tokens' : 'end_turn');
  assert.equal(whole.usage.output_tokens, chat.usage.completion_tokens);
  const final = await client.messages.stream(settings).finalMessage();
  assert.equal(final.content[0].text, whole.content[0].text);
  assert.equal(final.stop_reason, whole.stop_reason);
  const counted = await client.messages.countTokens({model: 'hearth', messages});
  assert.equal(counted.input_tokens, chat.usage.prompt_tokens);
});

test('messages: errors are the client\'s own classes', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  await assert.rejects(client.messages.create({...settings, temperature: 7}), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.error.type, 'error');
    assert.match(error.error.error.message, /temperature/);
    return error instanceof Anthropic.BadRequestError;
  });
  await assert.rejects(client.messages.create({...settings, messages: [{role: 'user', content: 'word '.repeat(20000)}]}), Anthropic.BadRequestError);
});

test('messages: a demanded tool is used, and its result goes back', async (t) => {
  const {url} = await startServer(t, {args: ['--model', golden('qwen3')]});
  const client = connect(url);
  const wanted = {...settings, max_tokens: 200, tools: [{name: 'weather', input_schema: {type: 'object', required: ['unit'], properties: {unit: {enum: ['C', 'F']}}}}], tool_choice: {type: 'any'}};
  const whole = await client.messages.create(wanted);
  assert.equal(whole.stop_reason, 'tool_use');
  const [use] = whole.content;
  assert.equal(use.name, 'weather');
  assert.ok(['C', 'F'].includes(use.input.unit));
  const final = await client.messages.stream(wanted).finalMessage();
  assert.deepEqual(final.content[0].input, use.input);
  const after = await client.messages.create({...wanted, tool_choice: {type: 'auto'}, max_tokens: 4, messages: [...messages, {role: 'assistant', content: whole.content},
    {role: 'user', content: [{type: 'tool_result', tool_use_id: use.id, content: '20'}]}]});
  assert.ok(after.usage.output_tokens > 0);
});

test('Ollama\'s chat streams lines that join to the reply', async (t) => {
  const {url} = await startServer(t);
  const options = {temperature: 0, num_predict: 48};
  const lines = (await (await post(url, '/api/chat', {messages, options})).text()).trim().split('\n').map((line) => JSON.parse(line));
  const text = lines.map((line) => line.message.content).join('');
  const whole = await (await post(url, '/api/chat', {messages, options, stream: false})).json();
  assert.equal(text, whole.message.content);
  assert.ok(text.length > 0);
  assert.equal(lines.at(-1).done, true);
  assert.equal(lines.at(-1).eval_count, whole.eval_count);
  const generated = await (await post(url, '/api/generate', {prompt: messages[0].content, options, stream: false})).json();
  assert.equal(generated.response, text);
});
