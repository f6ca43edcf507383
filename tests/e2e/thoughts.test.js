// A model that thinks before it answers, on a real server: a tiny Qwen3 of random weights whose template opens the thoughts.
import assert from 'node:assert/strict';
import test from 'node:test';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {startServer} from './support/server.js';
import {thinker} from './support/thinker.js';

const budget = 5;

const start = async (t) => {
  const server = await startServer(t, {args: ['--model', thinker(t), '--threads', '1']});
  const client = await ChatClient.connect(server.url, {cookie: await newIdentity(server.url)});
  return {server, client};
};

const deltasOf = (client, stream) => client.events.filter((event) => event.type === 'delta' && event.stream === stream);
const textIn = (deltas, channel) => deltas.filter((delta) => (delta.channel ?? 'answer') === channel).map(({text}) => text).join('');
const tokensIn = (deltas, channel) => deltas.filter((delta) => (delta.channel ?? 'answer') === channel).reduce((sum, {from, to}) => sum + to - from, 0);

/** Random weights end when they like: a seed with which this model goes on thinking. */
const seedOfAThinker = async (client) => {
  for (let seed = 1; seed <= 100; seed++) {
    const {accepted, have} = await client.ask('Why?', {params: {seed, temperature: 1, max_tokens: 24}});
    if (have === 24 && tokensIn(deltasOf(client, accepted.stream), 'answer') === 0) return {seed, accepted};
  }
  throw new Error('no seed of a hundred thinks for 24 tokens');
};

test('a budget closes the thoughts after exactly so many tokens, which are those it would have thought anyway', async (t) => {
  const {client} = await start(t);
  assert.equal(client.ready.models[0].thinks, true);
  const {seed, accepted: free} = await seedOfAThinker(client);
  const {accepted} = await client.ask('Why?', {params: {seed, temperature: 1, max_tokens: 24, thinking_budget: budget}});
  const deltas = deltasOf(client, accepted.stream);
  const thought = textIn(deltas, 'reasoning');
  assert.ok(!thought.includes('think>'), thought);
  const kept = thought.replace(/\n$/, '');   // the closing begins with a line break
  assert.equal(textIn(deltasOf(client, free.stream), 'reasoning').slice(0, kept.length), kept);
  const page = await client.request({type: 'history.get', conversation: accepted.conversation});
  const message = page.data.messages[1];
  assert.equal(message.reasoning, thought);
  assert.equal(message.content, textIn(deltas, 'answer'));
  // Thought and closing: a line break, the mark, two line breaks, whatever tokens these are; the mark ends the channel.
  assert.ok(tokensIn(deltas, 'reasoning') >= budget + 1 && tokensIn(deltas, 'reasoning') <= budget + 3, `${tokensIn(deltas, 'reasoning')}`);
});

test('without thoughts the template is asked for an answer, and all of it is one', async (t) => {
  const {client} = await start(t);
  const {accepted, have} = await client.ask('Why?', {params: {max_tokens: 12, thinking_budget: 0}});
  assert.equal(tokensIn(deltasOf(client, accepted.stream), 'answer'), have);
});
