// P3: with somebody else's ids nothing can be read, cancelled or changed, and the answer, its words and its time, is that to an id that never was.
import assert from 'node:assert/strict';
import {ChatClient, newIdentity} from '../e2e/support/chat_client.js';
import {seeded} from './support/random.js';

const unknown = (random) => Array.from({length: 32}, () => Math.floor(random() * 16).toString(16)).join('');

/** Every request that takes an id, once with Ada's and once with one that never was. */
const wishes = (conversation, stream) => [
  {type: 'stream.attach', stream, have: 0}, {type: 'chat.cancel', stream}, {type: 'chat.step', stream, tokens: 1}, {type: 'chat.answer', stream},
  {type: 'history.get', conversation}, {type: 'history.rename', conversation, title: 'x'}, {type: 'history.delete', conversation},
  {type: 'history.restore', conversation}, {type: 'conversation.update', conversation, pinned: true},
  {type: 'conversation.head', conversation, head: stream}, {type: 'chat.create', conversation, content: 'x'},
  {type: 'chat.create', conversation, parent: stream, content: 'x'}, {type: 'chat.continue', conversation, message: stream},
  {type: 'chat.edit', conversation, message: stream, content: 'x'}, {type: 'context.measure', conversation, content: 'x'},
];

const answerTo = (client, wish) => client.request(wish).then((answer) => ({data: answer.data}), ({code, status, message}) => ({code, status, message}));

/** @param {{url: string}} server @param {{samples?: number, seed?: number}} [options] */
export const isolation = async (server, {samples = 2000, seed = 1} = {}) => {
  const random = seeded(seed);
  const {url} = server;
  const cookies = [await newIdentity(url), await newIdentity(url)];
  const ada = await ChatClient.connect(url, {cookie: cookies[0]});
  const {accepted} = await ada.ask('My secret is PLUM-4711.', {params: {temperature: 0, max_tokens: 24}});
  const bobs = await Promise.all(Array.from({length: 6}, () => ChatClient.connect(url, {cookie: cookies[1]})));
  const live = await ada.create('Tell me a long story.', {params: {temperature: 0, frequency_penalty: -2, max_tokens: 1500}});
  let probes = 0;
  for (const [conversation, stream] of [[accepted.conversation, accepted.stream], [live.conversation, live.stream]]) {
    const foreign = wishes(conversation, stream);
    const never = wishes(unknown(random), unknown(random));
    for (const [i, wish] of foreign.entries()) {
      const bob = bobs[probes++ % bobs.length];
      assert.deepEqual(await answerTo(bob, wish), await answerTo(bob, never[i]), wish.type);
    }
  }
  for (const query of ['PLUM', 'secret', '4711']) assert.deepEqual((await bobs[0].request({type: 'history.search', query})).data.hits, []);
  const get = async (path) => { const response = await fetch(`${url}${path}`, {headers: {cookie: cookies[1]}}); return [response.status, await response.text()]; };
  for (const path of [(id) => `/api/v1/inspect/${id}`, (id) => `/api/v1/inspect/${id}/prompt`]) assert.deepEqual(await get(path(accepted.stream)), await get(path(unknown(random))));
  for (const bob of bobs) assert.ok(!JSON.stringify(bob.events).includes('PLUM'));
  ada.send({type: 'chat.cancel', id: 'enough', stream: live.stream});
  await ada.finished(live.stream);

  // The time of an answer: foreign and unknown in turns, below the rate limit of a socket. Welch's t over both.
  const times = {foreign: [], never: []};
  await Promise.all(bobs.map(async (bob, i) => {
    for (let k = 0; k < Math.ceil(samples / bobs.length); ++k) {
      for (const kind of (k + i) % 2 ? ['foreign', 'never'] : ['never', 'foreign']) {
        const begin = performance.now();
        await answerTo(bob, {type: 'stream.attach', stream: kind === 'foreign' ? accepted.stream : unknown(random), have: 0});
        times[kind].push(performance.now() - begin);
        bob.events.length = 0;
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    }
  }));
  const t = welch(middle(times.foreign), middle(times.never));
  for (const bob of bobs) await bob.close();
  assert.ok(Math.abs(t) < 4.5, `|t| = ${t}`);
  return {probes, samples: times.foreign.length, t: Math.round(t * 100) / 100};
};

/** Without the slowest tenth: what a busy machine adds says nothing of the server. */
const middle = (list) => [...list].sort((a, b) => a - b).slice(0, Math.ceil(list.length * 0.9));

const welch = (a, b) => {
  const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
  const error = (list) => { const m = mean(list); return list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1) / list.length; };
  return (mean(a) - mean(b)) / Math.sqrt(error(a) + error(b));
};
