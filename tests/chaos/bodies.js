// R-16 on a real server: mutated bodies on every route that reads JSON. None ends it, none gets an answer that is not documented, and what
// it holds does not grow with their number.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {Agent, request} from 'node:http';
import {between, seeded} from './support/random.js';

const text = (value) => JSON.stringify(value);
const user = (content) => [{role: 'user', content}];
const bodies = [
  ['/v1/chat/completions', {messages: user([{type: 'text', text: 'hé'}]), max_tokens: 1, stop: ['a'], logit_bias: {5: -1}, stream: true, stream_options: {include_usage: true}, n: 2, logprobs: true, top_logprobs: 2}],
  ['/v1/chat/completions', {messages: user('x'), max_tokens: 2, response_format: {type: 'json_schema', json_schema: {schema: {type: 'object', properties: {a: {enum: ['b', 1]}, c: {$ref: '#/$defs/d'}}, $defs: {d: {type: 'array', items: {type: 'number'}}}}}}}],
  ['/v1/chat/completions', {messages: user('x'), max_tokens: 2, tools: [{type: 'function', function: {name: 'f', parameters: {type: 'object', properties: {a: {type: 'integer'}}}}}], tool_choice: 'auto'}],
  ['/v1/completions', {prompt: [[1, 2], [3]], max_tokens: 1, echo: true, logprobs: 1, prompt_logprobs: 1}],
  ['/v1/responses', {input: [{type: 'message', role: 'user', content: 'x'}, {type: 'function_call_output', call_id: 'c', output: 'y'}], max_output_tokens: 16}],
  ['/v1/messages', {system: 's', messages: user([{type: 'tool_result', tool_use_id: 'x', content: 'y'}]), max_tokens: 1, tools: [{name: 'f', input_schema: {}}]}],
  ['/v1/messages/count_tokens', {messages: user('x')}],
  ['/api/chat', {messages: user('x'), format: {type: 'integer'}, options: {num_predict: 1, stop: ['x']}, stream: false}],
  ['/api/generate', {prompt: 'x', options: {num_predict: 1, top_k: 3}, raw: true}],
  ['/conversation/', {query: 'x', max_new_tokens: 1}],
  ['/v1/embeddings', {input: ['a', 'b'], encoding_format: 'base64', dimensions: 4}],
  ['/classify', {input: ['a', {text: 'b', text_pair: 'c'}]}],
  ['/tokenize', {prompt: 'x', add_special_tokens: true}],
  ['/detokenize', {tokens: [1, 2, 3]}],
  ['/apply-template', {messages: user('x'), chat_template_kwargs: {enable_thinking: true}}],
].map(([route, body]) => [route, text(body)]);
const words = [...'{}[]",:\\0', '-1', '1e309', '1.5', 'true', 'null', '""', '[]', '{}', '\\u0000', '\\ud800', 'NaN', '9223372036854775808', '"messages"', '"role"',
  '"type"', '"$ref":"#"', '<|im_end|>', '"n":5', '"stream":true', 'é', '🔥'].map((word) => Buffer.from(word)).concat([Buffer.from([0xff]), Buffer.from([0xc3])]);

const mutate = (random, whole) => {
  let body = Buffer.from(whole);
  for (let edits = between(random, 1, 4); edits > 0; --edits) {
    const at = between(random, 0, body.length);
    const count = between(random, 1, 8);
    const put = (piece, gone = 0) => Buffer.concat([body.subarray(0, at), piece, body.subarray(at + gone)]);
    const word = words[between(random, 0, words.length - 1)];
    const kind = between(random, 0, 5);
    if (kind === 0) body = put(Buffer.alloc(0), count);
    else if (kind === 1) body = put(word);
    else if (kind === 2) body = put(word, count);
    else if (kind === 3) body = put(body.subarray(between(random, 0, body.length), between(random, 0, body.length)).subarray(0, 64));
    else if (kind === 4) body = put(Buffer.from([between(random, 0, 255)]), 1);
    else if (between(random, 0, 7) === 0) body = body.subarray(0, at);
  }
  return body;
};

const residentKiB = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
// Refused, too large, unknown model, busy. No 5xx: nothing here is the server's fault.
const documented = new Set([200, 400, 404, 413, 429]);

/**
 * @param {{port: number, pid: number}} server
 * @param {{bodies?: number, parallel?: number, seed?: number, growth?: number, log?: (line: string) => void}} [options] growth: MiB that it may come to hold in the second half: in the first one it touches its KV cache, page by page, and remembers schemas
 */
export const mutatedBodies = async ({port, pid}, {bodies: count = 100_000, parallel = 16, seed = 20261121, growth = 8, log = () => {}} = {}) => {
  const agent = new Agent({keepAlive: true, maxSockets: parallel});
  const random = seeded(seed);
  /** @type {Record<string, number>} */
  const statuses = {};
  const failures = [];
  let sent = 0;
  let settledKiB = 0;
  const one = (route, body) => new Promise((resolve, reject) => {
    const outgoing = request({agent, host: '127.0.0.1', port, path: route, method: 'POST', headers: {'content-type': 'application/json', 'content-length': body.length}}, (response) => {
      response.resume().once('end', () => resolve(response.statusCode)).once('error', reject);
    });
    // An idle connection may be closed at the moment in which it is used again (RFC 9112 §9.3.1).
    outgoing.once('error', (error) => outgoing.reusedSocket && error.code === 'ECONNRESET' ? one(route, body).then(resolve, reject) : reject(error)).end(body);
  });
  const worker = async () => {
    while (sent < count) {
      if (++sent % 10_000 === 0) log(`${sent} bodies, ${residentKiB(pid)} KiB`);
      if (sent === Math.floor(count / 2)) settledKiB = residentKiB(pid);
      const [route, whole] = bodies[between(random, 0, bodies.length - 1)];
      const body = mutate(random, whole);
      const status = await one(route, body);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (!documented.has(status)) failures.push(`${status} ${route} ${body.toString('base64')}`);
    }
  };
  await Promise.all(Array.from({length: parallel}, worker));
  agent.destroy();
  process.kill(pid, 0);   // still there
  const grownMiB = Math.round((residentKiB(pid) - settledKiB) / 102.4) / 10;
  assert.ok(grownMiB <= growth, `it came to hold ${grownMiB} MiB more`);
  return {bodies: sent, statuses, grown_mib: grownMiB, resident_mib: Math.round(residentKiB(pid) / 1024), failures: failures.slice(0, 10)};
};
