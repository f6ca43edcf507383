// Texts as vectors and as classes, held against transformers' numbers (tests/golden/embeddings, bert-cls).
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import OpenAI from 'openai';
import {golden, root, startServer} from './support/server.js';
import {checkAgainst} from './support/openapi.js';

const embeddings = path.join(root, 'tests/golden/embeddings');
const expected = JSON.parse(readFileSync(path.join(embeddings, 'expected.json'), 'utf8'));
const encoder = path.join(embeddings, 'bert-mean');
const length = (vector) => Math.hypot(...vector);
const nearBy = (a, b, within, what) => {
  assert.equal(a.length, b.length, what);
  const worst = Math.max(...a.map((x, i) => Math.abs(x - b[i])));
  assert.ok(worst <= within, `${what}: off by ${worst}`);
};

for (const [kind, folder] of [['mean', encoder], ['last', golden('qwen2-tied')]]) {
  test(`embeddings by the ${kind} state are those of transformers, through the official client`, async (t) => {
    const {url} = await startServer(t, {args: ['--model', folder, '--dtype', 'fp32']});
    const client = new OpenAI({baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0});
    const cases = expected[kind];
    const all = await client.embeddings.create({model: 'any', input: cases.map((one) => one.text)});   // as base64
    assert.equal(all.usage.prompt_tokens, cases.reduce((sum, one) => sum + one.ids.length, 0));
    for (const [i, one] of cases.entries()) {
      assert.equal(all.data[i].index, i);
      nearBy(all.data[i].embedding, one.embedding, 1e-4, one.text);
    }
    const floats = await client.embeddings.create({model: 'any', input: cases[0].text, encoding_format: 'float'});
    assert.deepEqual(floats.data[0].embedding.map(Math.fround), all.data[0].embedding.map(Math.fround), 'alone and in a batch the same bits');
    const ids = await client.embeddings.create({model: 'any', input: [cases[1].ids, cases[2].ids], encoding_format: 'float'});
    nearBy(ids.data[1].embedding, cases[2].embedding, 1e-4, 'ids');
    const short = (await client.embeddings.create({model: 'any', input: cases[0].text, dimensions: 8, encoding_format: 'float'})).data[0].embedding;
    const cut = cases[0].embedding.slice(0, 8);
    nearBy(short, cut.map((x) => x / length(cut)), 1e-4, 'eight dimensions');
  });
}

test('an encoder embeds, and says of everything else that it cannot', async (t) => {
  const {url} = await startServer(t, {args: ['--model', encoder, '--dtype', 'fp32']});
  const check = await checkAgainst(url);
  await check('POST', '/v1/embeddings', {input: ['a', 'b'], encoding_format: 'base64'});
  const model = (await check('GET', '/v1/models')).data[0];
  assert.deepEqual(model.capabilities, ['embeddings']);
  const messages = [{role: 'user', content: 'hi'}];
  const impossible = [['/v1/chat/completions', {messages}], ['/v1/completions', {prompt: 'a'}], ['/v1/responses', {input: 'a'}],
    ['/classify', {input: 'a'}], ['/apply-template', {messages}], ['/conversation/', {query: 'a'}]];
  for (const [route, body] of impossible) {
    const answer = await check('POST', route, body, 400);
    assert.equal((answer.error ?? answer).code, 'not_supported', route);
  }
  const long = await check('POST', '/v1/embeddings', {input: 'word '.repeat(400)}, 400);
  assert.equal(long.error.code, 'context_length_exceeded');
  assert.equal(long.error.n_ctx, 64);
  assert.ok(long.error.n_prompt_tokens > 64);
  for (const [body, param] of [[{}, 'input'], [{input: []}, 'input'], [{input: ''}, 'input'], [{input: [['a']]}, 'input[0]'], [{input: {a: 1}}, 'input'],
    [{input: 'a', dimensions: 33}, 'dimensions'], [{input: 'a', dimensions: 0}, 'dimensions'], [{input: 'a', encoding_format: 'int'}, 'encoding_format'],
    [{input: Array(257).fill('a')}, 'input'], [{input: [1e6]}, 'input'], [{input: [1.5]}, 'input']]) {
    assert.equal((await check('POST', '/v1/embeddings', body, 400)).error.param, param, JSON.stringify(body).slice(0, 80));
  }
});

test('a classifier answers /classify as hearth classify and transformers do', async (t) => {
  const {classify: cases} = JSON.parse(readFileSync(path.join(golden('bert-cls'), 'expected.json'), 'utf8'));
  const {url} = await startServer(t, {args: ['--model', golden('bert-cls'), '--dtype', 'fp32']});
  const check = await checkAgainst(url);
  const inputs = cases.map(({text, pair}) => pair === null ? text : {text, text_pair: pair});
  const answer = await check('POST', '/classify', {input: inputs});
  for (const [i, one] of cases.entries()) {
    nearBy(answer.data[i].logits, one.logits, 1e-4, one.text);
    nearBy(answer.data[i].probs, one.probs, 1e-4, one.text);
    assert.equal(answer.data[i].label, one.label);
  }
  assert.deepEqual((await check('GET', '/v1/models')).data[0].capabilities, ['classify']);
  for (const body of [{}, {input: []}, {input: 5}, {input: [{pair: 'x'}]}, {input: {text: 'a', text_pair: 1}}])
    await check('POST', '/classify', body, 400);
});
