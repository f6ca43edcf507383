// The official client as judge of what goes beyond a plain chat: several replies, scores, tools, JSON, responses.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import OpenAI from 'openai';
import {golden, hearth, startServer} from './support/server.js';
import {checkAgainst} from './support/openapi.js';

const connect = (url) => new OpenAI({baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0});
const messages = [{role: 'user', content: 'Count from 3 to 9.'}];
const settings = {model: 'hearth', messages, temperature: 0, max_tokens: 48};
const post = (url, path, body) => fetch(`${url}${path}`, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(body)});

test('every answer is what /openapi.json says', async (t) => {
  const {url} = await startServer(t);
  const check = await checkAgainst(url);
  const prompt = 'Hello';
  await check('POST', '/v1/chat/completions', {messages, max_tokens: 8, n: 2, logprobs: true, top_logprobs: 2, prompt_logprobs: 1});
  await check('POST', '/v1/completions', {prompt: ['a', 'b'], max_tokens: 4, echo: true, logprobs: 2});
  await check('POST', '/v1/responses', {input: 'Hello', max_output_tokens: 8});
  await check('POST', '/v1/messages', {messages, max_tokens: 8});
  await check('POST', '/v1/messages/count_tokens', {messages});
  await check('GET', '/v1/models');
  await check('POST', '/conversation/', {query: 'Hello', max_new_tokens: 8});
  await check('POST', '/tokenize', {prompt, return_token_strs: true});
  await check('POST', '/detokenize', {tokens: [100, 101]});
  await check('POST', '/apply-template', {messages});
  await check('POST', '/api/chat', {messages, stream: false, options: {num_predict: 8}});
  await check('POST', '/api/generate', {prompt, stream: false, options: {num_predict: 8}});
  await check('GET', '/api/tags');
  for (const path of ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages', '/tokenize', '/api/chat', '/conversation/']) {
    await check('POST', path, {temperature: 'hot'}, 400);
  }
});

test('several replies come as choices, whole and streamed', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const several = {...settings, temperature: 1.2, n: 3, seed: 5};
  const whole = await client.chat.completions.create(several);
  assert.deepEqual(whole.choices.map((c) => c.index), [0, 1, 2]);
  const texts = ['', '', ''];
  for await (const chunk of await client.chat.completions.create({...several, stream: true})) {
    for (const choice of chunk.choices) texts[choice.index] += choice.delta.content ?? '';
  }
  assert.deepEqual(texts, whole.choices.map((c) => c.message.content));
  const alone = await client.chat.completions.create({...settings, temperature: 1.2, seed: 6});
  assert.equal(alone.choices[0].message.content, texts[1], 'the seeds count up');
});

test('completions continue texts and ids, and score them', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const {tokens} = await (await post(url, '/tokenize', {messages})).json();
  const chat = await client.chat.completions.create(settings);
  const ids = await client.completions.create({model: 'hearth', prompt: tokens, temperature: 0, max_tokens: 48});
  assert.equal(ids.choices[0].text, chat.choices[0].message.content);

  const text = chat.choices[0].message.content;
  const scored = await client.completions.create({model: 'hearth', prompt: text, echo: true, logprobs: 1, max_tokens: 0});
  const {tokens: pieces, token_logprobs: scores} = scored.choices[0].logprobs;
  assert.equal(pieces.join(''), text);
  assert.equal(scores[0], null);
  assert.ok(scores.slice(1).every((score) => score <= 0));

  let streamed = '';
  for await (const chunk of await client.completions.create({model: 'hearth', prompt: tokens, temperature: 0, max_tokens: 48, stream: true})) {
    streamed += chunk.choices[0]?.text ?? '';
  }
  assert.equal(streamed, ids.choices[0].text);
});

/** Log-probabilities of row `at` of a file of little-endian float32 logits [T, vocabulary]. */
const logProbabilities = (file, vocabulary, at) => {
  const bytes = readFileSync(file);
  const row = Array.from({length: vocabulary}, (_, i) => bytes.readFloatLE(4 * (at * vocabulary + i)));
  const highest = Math.max(...row);
  const total = highest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - highest), 0));
  return row.map((x) => x - total);
};

for (const name of ['qwen2-tied', 'llama3-gqa']) {
  test(`${name}: the scores of a prompt are those of transformers`, async (t) => {
    const {url} = await startServer(t, {args: ['--model', golden(name), '--dtype', 'fp32']});
    const folder = golden(name);
    const {cases, vocab_size: vocabulary} = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'));
    let compared = 0;
    for (const {input_ids: ids, positions, logits} of cases.filter((one) => one.logits)) {
      const answer = await post(url, '/v1/completions', {prompt: ids, max_tokens: 0, prompt_logprobs: 5});
      const {choices: [{prompt_logprobs: scores}]} = await answer.json();
      assert.equal(scores.length, ids.length);
      for (const [row, position] of positions.entries()) {
        const expected = logProbabilities(`${folder}/${logits.file}`, vocabulary, row);
        for (const [id, {logprob}] of Object.entries(scores[position + 1] ?? {})) {
          assert.ok(Math.abs(logprob - expected[Number(id)]) < 1e-3, `${name} ${position} ${id}: ${logprob}, not ${expected[Number(id)]}`);
          ++compared;
        }
      }
    }
    assert.ok(compared > 50, `${compared} compared`);
  });
}

test('greedy text is what hearth generate writes', async (t) => {
  const {url} = await startServer(t);
  const chat = await connect(url).chat.completions.create(settings);
  const {code, stdout} = await hearth(['generate', '--model', 'configs/models/demo', '--prompt', messages[0].content, '--temperature', '0', '--max-new-tokens', '48', '--json']);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).text, chat.choices[0].message.content);
});

test('the assistant\'s message can be begun', async (t) => {
  const {url} = await startServer(t);
  const whole = (await connect(url).chat.completions.create(settings)).choices[0].message.content;
  const begun = whole.slice(0, whole.indexOf(' ', 4));
  const rest = await (await post(url, '/v1/chat/completions', {...settings, messages: [...messages, {role: 'assistant', content: begun}], continue_final_message: true, add_generation_prompt: false})).json();
  assert.ok((begun + rest.choices[0].message.content).startsWith(whole));
});

test('what must be JSON is JSON of the schema', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const schema = {type: 'object', required: ['name', 'colours'], additionalProperties: false, properties: {
    name: {type: 'string', maxLength: 12}, colours: {type: 'array', items: {enum: ['red', 'blue']}, maxItems: 2}}};
  for (const temperature of [0, 1.5]) {
    const reply = await client.chat.completions.create({...settings, temperature, seed: 3, max_tokens: 200, response_format: {type: 'json_schema', json_schema: {name: 'person', schema}}});
    assert.equal(reply.choices[0].finish_reason, 'stop');
    const value = JSON.parse(reply.choices[0].message.content);
    assert.deepEqual(Object.keys(value), ['name', 'colours']);
    assert.ok([...value.name].length <= 12);
    assert.ok(value.colours.length <= 2 && value.colours.every((c) => ['red', 'blue'].includes(c)));
  }
  await assert.rejects(client.chat.completions.create({...settings, response_format: {type: 'json_schema', json_schema: {name: 'x', schema: {type: 'string', pattern: 'a'}}}}),
    (error) => error.status === 400 && error.param === 'response_format');
});

test('tools that must be called are called, in the form of the template', async (t) => {
  const {url} = await startServer(t, {args: ['--model', golden('qwen3')]});
  const client = connect(url);
  const tools = [{type: 'function', function: {name: 'weather', parameters: {type: 'object', required: ['unit'], properties: {unit: {enum: ['C', 'F']}}}}}];
  const wanted = {model: 'x', messages: [{role: 'user', content: 'How warm?'}], tools, tool_choice: 'required', max_tokens: 200, temperature: 1, seed: 1};
  const whole = await client.chat.completions.create(wanted);
  const [choice] = whole.choices;
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, null);
  assert.equal(choice.message.tool_calls[0].function.name, 'weather');
  assert.ok(['C', 'F'].includes(JSON.parse(choice.message.tool_calls[0].function.arguments).unit));

  const stream = client.chat.completions.stream(wanted);
  const final = await stream.finalChatCompletion();
  assert.deepEqual(final.choices[0].message.tool_calls[0].function.arguments, choice.message.tool_calls[0].function.arguments);

  const answered = await client.chat.completions.create({...wanted, tool_choice: 'auto', max_tokens: 4, messages: [...wanted.messages, choice.message,
    {role: 'tool', tool_call_id: choice.message.tool_calls[0].id, content: '20'}]});
  assert.ok(answered.usage.prompt_tokens > whole.usage.prompt_tokens);
});

test('responses are the same reply in their own shape', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const chat = await client.chat.completions.create(settings);
  const wanted = {model: 'hearth', input: messages[0].content, temperature: 0, max_output_tokens: 48};
  const whole = await client.responses.create(wanted);
  assert.equal(whole.output_text, chat.choices[0].message.content);
  let text = '';
  let last;
  for await (const event of await client.responses.create({...wanted, stream: true})) {
    if (event.type === 'response.output_text.delta') text += event.delta;
    last = event;
  }
  assert.equal(text, whole.output_text);
  assert.equal(last.type, `response.${whole.status}`);
  await assert.rejects(client.responses.create({...wanted, previous_response_id: 'resp_1'}), (error) => error.status === 400 && error.param === 'previous_response_id');
});

test('thirty-two at once all get the same greedy reply', async (t) => {
  const {url} = await startServer(t);
  const client = connect(url);
  const all = await Promise.all(Array.from({length: 32}, () => client.chat.completions.create({...settings, max_tokens: 24})));
  assert.equal(new Set(all.map((reply) => reply.choices[0].message.content)).size, 1);
});

test('MISSION S0: a query gets its response, exit a farewell', async (t) => {
  const {url} = await startServer(t);
  const greedy = await connect(url).chat.completions.create({...settings, max_tokens: 1024});
  assert.deepEqual(await (await post(url, '/conversation/', {query: messages[0].content})).json(), {response: greedy.choices[0].message.content});
  assert.deepEqual(await (await post(url, '/conversation/', {query: 'exit'})).json(), {response: 'Goodbye.'});
  const empty = await post(url, '/conversation/', {});
  assert.equal(empty.status, 400);
});
