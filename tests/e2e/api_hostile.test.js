// Bodies that nobody should send: each is answered with its status, and the server goes on.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import {startServer} from './support/server.js';

const routes = {
  '/v1/chat/completions': {messages: [{role: 'user', content: 'hi'}]},
  '/v1/completions': {prompt: 'hi'},
  '/conversation/': {query: 'hi'},
};
const numbers = ['temperature', 'top_p', 'top_k', 'min_p', 'typical_p', 'repetition_penalty', 'presence_penalty', 'frequency_penalty',
  'max_tokens', 'max_completion_tokens', 'min_tokens', 'n', 'seed', 'prompt_logprobs'];
const post = (url, path, body) => fetch(`${url}${path}`, {method: 'POST', headers: {'content-type': 'application/json'}, body});
const put = (body, name, raw) => `${JSON.stringify(body).slice(0, -1)}, "${name}": ${raw}}`;

// What is no number of the field's kind is refused before any slot is taken.
test('hostile numbers are refused by name on every route', async (t) => {
  const {url} = await startServer(t);
  for (const [path, body] of Object.entries(routes)) {
    for (const name of numbers) {
      for (const raw of ['NaN', 'Infinity', '1e309', '-1e309', '9223372036854775808', '-9e18', '"1"', '[]', '[1]', '{}', 'true']) {
        const response = await post(url, path, put(body, name, raw));
        const text = await response.text();
        assert.equal(response.status, 400, `${path} ${name} ${raw}: ${text}`);
        const answer = JSON.parse(text);
        const {code, param} = answer.error ?? answer;
        if (raw === 'NaN' || raw === 'Infinity') assert.equal(code, 'invalid_json');
        else assert.equal(param, name, `${path} ${name} ${raw}`);
      }
    }
  }
});

/** A generator of its own, so that a failure can be played again. */
const generator = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

//
test('three thousand mutilated bodies are answered and none harms the server', async (t) => {
  const {url, pid} = await startServer(t);
  const random = generator(20261121);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const pieces = [...'{}[]",:\\0189.eE+-', 'true', 'null', '"messages"', '"role"', '1e400', '\u0000', '\\ud800', '<|im_end|>', '"$ref":"#"'];
  const bodies = [
    ['/v1/chat/completions', {messages: [{role: 'user', content: [{type: 'text', text: 'hé'}]}], max_tokens: 1, stop: ['a'], logit_bias: {5: -1}, response_format: {type: 'json_schema', json_schema: {schema: {type: 'object', properties: {a: {type: 'string'}}}}}}],
    ['/v1/completions', {prompt: [[1, 2], [3]], max_tokens: 1, echo: true, logprobs: 1}],
    ['/v1/responses', {input: [{type: 'message', role: 'user', content: 'x'}, {type: 'function_call_output', call_id: 'c', output: 'y'}], max_output_tokens: 1, tools: [{type: 'function', name: 'f', parameters: {}}]}],
    ['/v1/messages', {system: 's', messages: [{role: 'user', content: [{type: 'tool_result', tool_use_id: 'x', content: 'y'}]}], max_tokens: 1, tools: [{name: 'f', input_schema: {}}], tool_choice: {type: 'any'}}],
    ['/api/chat', {messages: [{role: 'user', content: 'x'}], format: {type: 'integer'}, options: {num_predict: 1, stop: ['x']}, stream: false}],
    ['/tokenize', {prompt: 'x', add_special_tokens: true}],
    ['/detokenize', {tokens: [1, 2, 3]}],
    ['/conversation/', {query: 'x', max_new_tokens: 1}],
  ].map(([path, body]) => [path, JSON.stringify(body)]);
  const one = async () => {
    const [path, whole] = pick(bodies);
    let body = whole;
    for (let edits = 1 + Math.floor(random() * 3); edits > 0; --edits) {
      const at = Math.floor(random() * body.length);
      const cut = random() < 0.5 ? Math.floor(random() * 6) : 0;
      body = body.slice(0, at) + (random() < 0.7 ? pick(pieces) : '') + body.slice(at + cut);
    }
    const response = await post(url, path, body);
    const text = await response.text();
    assert.ok([200, 400, 404, 429].includes(response.status), `${path} ${response.status}: ${body}\n${text}`);
  };
  for (let round = 0; round < 375; ++round) await Promise.all(Array.from({length: 8}, one));
  process.kill(pid, 0);   // still there
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
});

test('a stream that is left frees its place at once', async (t) => {
  const {url} = await startServer(t, {args: ['--limits-running-per-user', '1', '--limits-queued-per-user', '1']});
  const body = JSON.stringify({messages: [{role: 'user', content: 'Tell me a long story.'}], max_tokens: 2000, ignore_eos: true, stream: true});
  for (let round = 0; round < 8; ++round) {
    const leave = new AbortController();
    const response = await fetch(`${url}/v1/chat/completions`, {method: 'POST', headers: {'content-type': 'application/json'}, body, signal: leave.signal});
    assert.equal(response.status, 200, 'the one before has given its place back');
    assert.equal(response.headers.get('x-accel-buffering'), 'no');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    const reader = response.body.getReader();
    await reader.read();
    leave.abort();
    await reader.closed.catch(() => {});
    await settled(url);
  }
});

/** Waits until a small question is let in again: the server notices the hang-up when its socket tells. */
const settled = async (url) => {
  for (;;) {
    const response = await post(url, '/v1/completions', JSON.stringify({prompt: 'x', max_tokens: 1}));
    await response.text();
    if (response.status === 200) return;
    assert.equal(response.status, 429);
    assert.ok(Number(response.headers.get('retry-after')) >= 1);
  }
};

test('messages that are more than a template writes are refused by name', async (t) => {
  const {url} = await startServer(t);
  // As large as a body may be: the marks around the message make the prompt a little more than the template's megabyte.
  const around = JSON.stringify({messages: [{role: 'user', content: ''}]}).length;
  const body = JSON.stringify({messages: [{role: 'user', content: 'x'.repeat(1024 * 1024 - around)}]});
  const response = await fetch(`${url}/apply-template`, {method: 'POST', headers: {'content-type': 'application/json'}, body});
  assert.equal(response.status, 400);
  assert.equal((await response.json()).code, 'template_limit');
});

test('what HTTP alone refuses has its code: another method, another kind of body, another host', async (t) => {
  const {url, port} = await startServer(t);
  const ask = (method, headers, body = '') => new Promise((resolve, reject) => {
    const request = http.request({port, host: '127.0.0.1', path: '/tokenize', method, headers}, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      resolve({status: response.statusCode, code: JSON.parse(text).code});
    });
    request.once('error', reject);
    request.end(body);
  });
  assert.deepEqual(await ask('PUT', {'content-type': 'application/json'}), {status: 405, code: 'method_not_allowed'});
  assert.deepEqual(await ask('POST', {'content-type': 'text/plain'}, '{}'), {status: 415, code: 'unsupported_media_type'});
  assert.deepEqual(await ask('POST', {'content-type': 'application/json', host: 'evil.example'}, '{}'), {status: 421, code: 'host_not_allowed'});
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});
