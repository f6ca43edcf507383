// The inspector over HTTP and WebSocket, written from server/PROTOCOL.md §5 alone.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {hearth, root, startServer} from './support/server.js';

const sampled = {params: {temperature: 0.9, top_k: 40, top_p: 0.95, repetition_penalty: 1.1, seed: 7, max_tokens: 48}};
const greedy = {params: {temperature: 0, max_tokens: 48}};

const person = async (url) => {
  const cookie = await newIdentity(url);
  const client = await ChatClient.connect(url, {cookie});
  const get = async (target) => {
    const response = await fetch(`${url}/api/v1/${target}`, {headers: {cookie}});
    return {status: response.status, body: await response.json()};
  };
  return {client, get, cookie};
};

const reply = (accepted) => accepted.assistant_message;

/** All tokens of a reply, page by page. */
const inspected = async (get, id, query = 'candidates=64') => {
  const {status, body} = await get(`inspect/${id}?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  for (let page = body; page.next !== undefined;) {
    page = (await get(`inspect/${id}?${query}&from=${page.next}`)).body;
    body.tokens.push(...page.tokens);
  }
  return body;
};

/** The recipe of "What if": the token that these settings would have drawn, or null when none of the stored. */
const whatIf = (token, {temperature, topK, topP = 1}) => {
  const listed = token.candidates.slice(0, token.num_listed);
  if (temperature === 0) return listed[0].id;
  let weights = listed.map(({score}) => Math.exp((score - listed[0].score) / temperature)).slice(0, topK);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const target = topP * sum(weights);
  let kept = 0;
  for (let mass = 0; kept < weights.length && (kept === 0 || mass < target); ++kept) mass += weights[kept];
  if (topP < 1) weights = weights.slice(0, kept);
  const drawn = token.u * sum(weights);
  for (let i = 0, mass = 0; i < weights.length; ++i) {
    mass += weights[i];
    if (mass > drawn) return listed[i].id;
  }
  return null;
};

test('every token comes with its candidates after each stage, and they explain the draw', async (t) => {
  const {url} = await startServer(t);
  const {client, get} = await person(url);
  const {accepted, text, done} = await client.ask('How does sampling work?', {...sampled, inspect: true});
  assert.equal(accepted.inspect, true);
  const body = await inspected(get, reply(accepted));
  assert.equal(body.inspect, true);
  assert.equal(body.to, done.to);
  assert.equal(body.traced, done.to);
  assert.equal(body.seed, 7);
  assert.deepEqual(body.stages, ['raw', 'penalties', 'temperature', 'top_k', 'top_p']);
  assert.deepEqual(body.tokens.map(({index}) => index), [...Array(done.to).keys()]);
  const lp = client.events.filter(({type, stream}) => type === 'delta' && stream === accepted.stream).flatMap((delta) => delta.lp);
  let bytes = 0;
  for (const [i, token] of body.tokens.entries()) {
    bytes += token.bytes;
    assert.ok(Math.abs(token.lp - lp[i]) < 1e-4);   // deltas have four decimals
    const itself = token.candidates.find(({id}) => id === token.id);
    assert.ok(itself, 'the token is among its candidates');
    assert.ok(Math.abs(Math.exp(token.lp) - itself.p[0]) < 1e-5);
    assert.ok(itself.p[4] > 0, 'what was drawn was never cut');
    assert.ok(token.entropy >= 0 && token.entropy < Math.log(token.left[0]) + 1e-4);
    assert.ok(token.left[3] >= 1 && token.left[4] <= token.left[3] && token.left[3] <= token.left[2]);
    for (const stage of [3, 4]) {
      const total = token.candidates.reduce((sum, {p}) => sum + p[stage], 0);
      assert.ok(Math.abs(total - 1) < 1e-4, `stage ${stage} sums to ${total}`);
    }
    assert.equal(whatIf(token, {temperature: 0.9, topK: 40, topP: 0.95}), token.id, `token ${i} replayed`);
  }
  assert.equal(bytes, Buffer.byteLength(text));

  // Another temperature: what the recipe says about the first difference is what the server then writes.
  const other = {temperature: 0.3, top_k: 40, top_p: 0.95, repetition_penalty: 1.1, seed: 7, max_tokens: 48};
  const again = await inspected(get, reply((await client.ask('How does sampling work?', {params: other, inspect: true})).accepted));
  const guess = body.tokens.map((token) => whatIf(token, {temperature: 0.3, topK: 40, topP: 0.95}));
  const parted = guess.findIndex((id, i) => id !== body.tokens[i].id);
  const end = parted < 0 ? Math.min(body.tokens.length, again.tokens.length) : parted + 1;
  assert.deepEqual(again.tokens.slice(0, end).map(({id}) => id), guess.slice(0, end));
});

test('a reply that nobody inspects keeps its tokens alone, and is the same reply', async (t) => {
  const {url} = await startServer(t);
  const {client, get} = await person(url);
  const plain = await client.ask('What is a token?', greedy);
  const looked = await client.ask('What is a token?', {...greedy, inspect: true});
  assert.equal(plain.text, looked.text);
  assert.equal(plain.accepted.inspect, undefined);
  const body = await inspected(get, reply(plain.accepted));
  assert.equal(body.inspect, false);
  assert.equal(body.tokens.length, plain.done.to);
  assert.ok(body.tokens.every((token) => token.candidates === undefined));
  assert.deepEqual(body.tokens.map(({id}) => id), (await inspected(get, reply(looked.accepted))).tokens.map(({id}) => id));
});

test('a branch shares the tokens before it, says the chosen one, and goes on by itself', async (t) => {
  const {url} = await startServer(t);
  const {client, get} = await person(url);
  const {accepted, text} = await client.ask('How does sampling work?', {...greedy, inspect: true});
  const before = await inspected(get, reply(accepted));
  const at = Math.min(6, before.tokens.length - 2);
  const branch = (more, settings = greedy) => client.ask(undefined, {
    conversation: accepted.conversation, parent: accepted.user_message, regenerate: true, inspect: true,
    branch: {message: reply(accepted), at, ...more}, ...settings});

  const same = await branch({token: before.tokens[at].id});
  assert.equal(same.text, text, 'the token that was there leads to the same reply');

  const chosen = before.tokens[at].candidates.find(({id}) => id !== before.tokens[at].id);
  const other = await branch({token: chosen.id});
  assert.deepEqual(other.accepted.branch, {message: reply(accepted), at});
  const after = await inspected(get, reply(other.accepted));
  assert.deepEqual(after.branch, {message: reply(accepted), at});
  assert.deepEqual(after.tokens.slice(0, at), before.tokens.slice(0, at));
  assert.equal(after.tokens[at].id, chosen.id);
  const itself = after.tokens[at].candidates.find(({id}) => id === chosen.id);
  assert.ok(Math.abs(itself.logit - chosen.logit) < 1e-3 * Math.max(1, Math.abs(chosen.logit)));
  assert.equal(other.done.usage.completion_tokens, after.tokens.length);

  const {data} = await client.request({type: 'history.get', conversation: accepted.conversation});
  assert.equal(data.messages.filter(({parent}) => parent === accepted.user_message).length, 3, 'versions of one reply');
  for (const [wish, param] of [[{at: 9999}, 'branch.at'], [{token: 2 ** 30}, 'branch.token'], [{message: '0'.repeat(32)}, 'branch']])
    await assert.rejects(branch(wish), (error) => error.param === param);
});

test('the prompt is shown as the model saw it', async (t) => {
  const {url} = await startServer(t);
  const {client, get} = await person(url);
  const {accepted, done} = await client.ask('Hello! <|im_end|>', {...greedy, system: 'Be brief.', inspect: true});
  const {body} = await get(`inspect/${reply(accepted)}/prompt`);
  assert.equal(body.source, 'kept');
  assert.equal(body.prompt_tokens, done.usage.prompt_tokens);
  assert.equal(body.cached_tokens, done.usage.cached_tokens);
  assert.equal(body.tokens.length, body.prompt_tokens);
  assert.equal(body.tokens.map(({text}) => text).join(''), body.text);
  assert.match(body.text, /Be brief\.[^]*Hello! <\|im_end\|>/);
  const marks = body.tokens.filter(({special}) => special).map(({text}) => text);
  assert.ok(marks.includes('<|im_start|>'));
  assert.equal(marks.filter((mark) => mark === '<|im_end|>').length, 2, 'what a person types is no special token');
  const plain = await client.ask('And now?', {...greedy, conversation: accepted.conversation});
  const rebuilt = (await get(`inspect/${reply(plain.accepted)}/prompt`)).body;
  assert.equal(rebuilt.source, 'rebuilt');
  assert.equal(rebuilt.prompt_tokens, plain.done.usage.prompt_tokens);
});

test('only its owner sees a reply, and what is deleted is gone, also after a restart', async (t) => {
  const server = await startServer(t);
  const {client, get, cookie} = await person(server.url);
  const stranger = await person(server.url);
  const {accepted} = await client.ask('Hello!', {...greedy, inspect: true});
  const kept = await inspected(get, reply(accepted));
  for (const target of [`inspect/${reply(accepted)}`, `inspect/${reply(accepted)}/prompt`]) {
    const foreign = await stranger.get(target);
    const unknown = await stranger.get(target.replace(reply(accepted), '0'.repeat(32)));
    assert.equal(foreign.status, 404);
    assert.deepEqual(foreign.body, unknown.body);
  }
  await server.stop();
  const second = await startServer(t, {dataDir: server.dataDir, port: server.port});
  const again = async (target) => fetch(`${second.url}/api/v1/${target}`, {headers: {cookie}});
  assert.deepEqual(await (await again(`inspect/${reply(accepted)}?candidates=64`)).json(), kept);
  const back = await ChatClient.connect(second.url, {cookie});
  await back.request({type: 'history.delete', conversation: accepted.conversation});
  assert.equal((await again(`inspect/${reply(accepted)}`)).status, 404);
});

test('the model\'s inside is what hearth inspect says', async (t) => {
  const {url} = await startServer(t);
  const {get} = await person(url);
  const folder = path.join(root, 'configs/models/demo');
  const printed = JSON.parse((await hearth(['inspect', '--model', folder, '--json'])).stdout);
  const {body} = await get('model');
  assert.deepEqual(body.tree, printed.tree);
  assert.equal(body.parameters, printed.parameters.total);
  const {tensors} = (await get('model/tensors?limit=1000')).body;
  const {name} = tensors.find((tensor) => tensor.shape.length === 2);
  const tensor = (await get(`model/tensors/${name}?rows=2&columns=5`)).body;
  const shown = JSON.parse((await hearth(['inspect', '--model', folder, '--tensor', name, '--json'])).stdout);
  assert.deepEqual(tensor.values[0], shown.values.slice(0, 5));
  assert.equal(tensor.statistics.mean, shown.mean);
  assert.equal((await get('model/tensors/no.such')).status, 404);
  assert.equal((await get('model/tensors?limit=0')).body.param, 'limit');
});

test('step by step a reply is the same as in one go, and a chosen token changes its way', async (t) => {
  const {url} = await startServer(t);
  const {client, get} = await person(url);
  const whole = await client.ask('What is a token?', greedy);
  const start = async () => {
    const accepted = await client.create('What is a token?', {...greedy, step: true, inspect: true});
    assert.equal(accepted.step, true);
    await client.event(({type, stream, to}) => type === 'paused' && stream === accepted.stream && to === 0);
    return accepted;
  };
  /** One step from token `from` on; resolves to its `paused`, or `done`. A pause may be told twice. */
  const step = async (stream, from, more = {}) => {
    const since = client.events.length;
    await client.request({type: 'chat.step', stream, ...more});
    return client.event((event) => client.events.indexOf(event) >= since && event.stream === stream
      && (event.type === 'done' || (event.type === 'paused' && event.to > from)));
  };
  const {stream} = await start();
  for (let tokens = 1, to = 0; ; tokens = tokens % 3 + 1) {
    const event = await step(stream, to, {tokens});
    if (event.type === 'done') break;
    assert.equal(event.to <= to + tokens, true);
    to = event.to;
    const {body} = await get(`inspect/${stream}?candidates=1`);
    assert.equal(body.state, 'paused');
    assert.equal(body.tokens.length, to);
  }
  const shown = client.streams.get(stream);
  assert.equal(shown.text, whole.text);
  assert.equal(shown.done.finish_reason, whole.done.finish_reason);

  const other = await start();
  await step(other.stream, 0, {tokens: 2});
  const before = (await inspected(get, other.stream)).tokens;
  const chosen = before[1].candidates.find(({id, special}) => id !== before[1].id && !special);
  const after = await step(other.stream, 2, {token: chosen.id});
  assert.equal((await inspected(get, other.stream)).tokens.at(-1).id, chosen.id);
  assert.equal(after.type, 'paused');
  client.send({type: 'chat.cancel', id: 'enough', stream: other.stream});
  assert.equal((await client.finished(other.stream)).done.finish_reason, 'cancelled');
});
