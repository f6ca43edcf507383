// What is yours, on a real server: out, gone, in again, and opened elsewhere.
import assert from 'node:assert/strict';
import {copyFileSync, mkdirSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {ChatClient, newIdentity} from './support/chat_client.js';
import {checkAgainst} from './support/openapi.js';
import {hearth, startServer, temporaryFolder} from './support/server.js';

/** Calls of one browser. */
const asBrowser = (url, cookie) => {
  const call = async (method, route, body, headers = {}) => {
    const response = await fetch(`${url}/api/v1/${route}`, {method, body: body && JSON.stringify(body),
      headers: {cookie, origin: url, 'sec-fetch-site': 'same-origin', ...(body ? {'content-type': 'application/json'} : {}), ...headers}});
    const text = await response.text();
    return {status: response.status, headers: response.headers, text, body: text.startsWith('{') ? JSON.parse(text) : undefined};
  };
  return {get: (route, headers) => call('GET', route, undefined, headers), post: (route, body = {}, headers = {}) => call('POST', route, body, headers),
    remove: (route) => call('DELETE', route)};
};

/** An export without what another identity may not share: ids stand as places. */
const withoutIds = ({conversations}) => conversations.map(({id, head, messages, ...conversation}) => {
  const place = (message) => messages.findIndex((one) => one.id === message);
  return {...conversation, head: place(head), messages: messages.map(({id: own, parent, ...message}) => ({...message, at: place(own), parent: place(parent)}))};
}).sort((a, b) => a.title.localeCompare(b.title));

const greedy = {params: {temperature: 0, max_tokens: 12}};

test('an export of everything, erased and imported, gives the same conversations', async (t) => {
  const {url} = await startServer(t);
  const cookie = await newIdentity(url, {name: 'Ada'});
  const browser = asBrowser(url, cookie);
  const client = await ChatClient.connect(url, {cookie});
  const {accepted} = await client.ask('Hello!', {...greedy, system: 'Be kind.'});
  await client.ask('Again, with a <b>bold</b> 词', {...greedy, conversation: accepted.conversation});
  const other = await client.create('', {...greedy, content: undefined, conversation: accepted.conversation, parent: accepted.user_message, regenerate: true});
  await client.finished(other.stream);
  await client.request({type: 'conversation.update', conversation: accepted.conversation, pinned: true});
  const second = await client.ask('Something else', greedy);
  await client.request({type: 'history.rename', conversation: second.accepted.conversation, title: 'Zebras'});
  const gone = await client.ask('Never mind', greedy);
  await client.request({type: 'history.delete', conversation: gone.accepted.conversation});

  const file = await browser.get('export');
  assert.equal(file.status, 200);
  assert.match(file.headers.get('content-disposition'), /^attachment; filename="hearth-\d{4}-\d\d-\d\d\.json"/);
  assert.equal(file.body.format, 'hearth.export.v1');
  assert.equal(file.body.user.name, 'Ada');
  assert.deepEqual(file.body.conversations.map(({messages}) => messages.length).sort(), [2, 5]);
  assert.equal((await browser.post('import', file.body)).body.known, 2, 'what is still there is known');
  const usage = (await browser.get('session')).body;
  assert.equal(usage.conversations, 2);
  assert.equal(usage.messages, 7);
  assert.ok(usage.bytes > 0 && usage.quota_bytes > usage.bytes);

  assert.equal((await browser.post('session/erase')).status, 400, 'it asks to be meant');
  const erased = await browser.post('session/erase', {confirm: 'erase'});
  assert.deepEqual(erased.body, {erased: true});
  assert.match(erased.headers.get('set-cookie'), /Max-Age=0/);
  assert.equal(await client.closed, 4401);
  await assert.rejects(ChatClient.connect(url, {cookie}), /closed with 4401/, 'the cookie is good no more');

  const after = asBrowser(url, await newIdentity(url));
  const report = await after.post('import', file.body);
  assert.equal(report.status, 200);
  assert.deepEqual({...report.body, conversations: undefined}, {format: 'hearth', imported: 2, extended: 0, known: 0, refused: 0, conversations: undefined});
  assert.deepEqual(withoutIds((await after.get('export')).body), withoutIds(file.body));
  assert.equal((await after.post('import', file.body)).body.known, 2, 'and again makes no duplicates');
});

test('conversations of ChatGPT and of Open WebUI come in, are found, and go on', async (t) => {
  const {url} = await startServer(t);
  const cookie = await newIdentity(url);
  const browser = asBrowser(url, cookie);
  const node = (parent, role, text) => ({parent, message: {author: {role}, create_time: 1700000000.5, content: {content_type: 'text', parts: [text]}}});
  const chatgpt = [{title: 'A trip', conversation_id: 'c-1', create_time: 1700000000, update_time: 1700000100, current_node: 'a1',
    mapping: {root: {parent: null, message: null}, s: node('root', 'system', ''), u1: node('s', 'user', 'Where to in autumn?'), a1: node('u1', 'assistant', 'To Rome.'), a2: node('u1', 'assistant', 'To Oslo.')}}];
  const openWebUi = [{id: 'w-1', title: 'Tokens', created_at: 1700000000, updated_at: 1700000100, chat: {history: {currentId: 'm2', messages: {
    m1: {id: 'm1', role: 'user', content: 'What is a zymurgy?', parentId: null, timestamp: 1700000000}, m2: {id: 'm2', role: 'assistant', content: 'Brewing.', parentId: 'm1', model: 'llama', timestamp: 1700000001}}}}}];
  const client = await ChatClient.connect(url, {cookie});
  assert.deepEqual((await browser.post('import', chatgpt)).body.format, 'chatgpt');
  await client.event((event) => event.type === 'changed' && event.what === 'restored');
  const {body} = await browser.post('import', openWebUi);
  assert.equal(body.format, 'openwebui');
  assert.equal(body.imported, 1);
  const {data} = await client.request({type: 'history.search', query: 'zymurgy'});
  assert.equal(data.hits[0].conversation.title, 'Tokens');
  const {data: {conversations}} = await client.request({type: 'history.list'});
  const trip = conversations.find(({title}) => title === 'A trip');
  const {data: {messages}} = await client.request({type: 'history.get', conversation: trip.id});
  assert.deepEqual(messages.map(({role, content}) => [role, content]), [['user', 'Where to in autumn?'], ['assistant', 'To Rome.'], ['assistant', 'To Oslo.']]);
  assert.equal(trip.head, messages[1].id);
  const {text} = await client.ask('Why?', {...greedy, conversation: trip.id});
  assert.ok(text.length > 0, 'it goes on here');

  const markdown = await browser.get(`conversations/${trip.id}/export?format=markdown`);
  assert.match(markdown.headers.get('content-disposition'), /filename="A-trip\.md"/);
  assert.match(markdown.text, /^# A trip\n\n## You\n\nWhere to in autumn\?\n\n## Reply\n\nTo Rome\./);
  const elsewhere = await browser.get(`conversations/${trip.id}/export`, {'sec-fetch-site': 'cross-site'});
  assert.deepEqual([elsewhere.status, elsewhere.body.code], [403, 'origin_not_allowed'], 'a page of another site gets no file');
  const stranger = asBrowser(url, await newIdentity(url));
  assert.equal((await stranger.get(`conversations/${trip.id}/export`)).status, 404);
  for (const [file, code] of [['"no"', 'invalid_parameter'], ['{', 'invalid_json']]) {
    const answer = await fetch(`${url}/api/v1/import`, {method: 'POST', body: file, headers: {cookie, origin: url, 'content-type': 'application/json'}});
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).code, code);
  }
});

test('a recovery phrase brings the history back in another browser; leaving ends only this one', async (t) => {
  const {url} = await startServer(t);
  const cookie = await newIdentity(url, {name: 'Ada'});
  const browser = asBrowser(url, cookie);
  const client = await ChatClient.connect(url, {cookie});
  await client.ask('Remember me', greedy);
  const {phrase: first} = (await browser.post('session/recovery')).body;
  assert.match(first, /^([a-z]{5}[ -]){7}[a-z]{5}$/);
  const {phrase} = (await browser.post('session/recovery')).body;
  assert.equal((await browser.get('session')).body.recovery, true);

  const open = (words) => fetch(`${url}/api/v1/session`, {method: 'POST', headers: {'content-type': 'application/json', origin: url}, body: JSON.stringify({phrase: words})});
  const old = await open(first);
  assert.equal(old.status, 403, 'an older phrase holds no longer');
  assert.equal((await old.json()).param, 'phrase');
  const answer = await open(phrase.toUpperCase().replaceAll('-', ' '));
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).user.name, 'Ada');
  const second = answer.headers.get('set-cookie').split(';')[0];
  assert.notEqual(second, cookie);
  const elsewhere = await ChatClient.connect(url, {cookie: second});
  assert.deepEqual((await elsewhere.request({type: 'history.list'})).data.conversations.map(({title}) => title), ['Remember me']);

  assert.deepEqual((await browser.post('session/forget')).body, {forgotten: true});
  assert.equal(await client.closed, 4401);
  await elsewhere.request({type: 'history.list'});
});

test('a key speaks for its user, over HTTP and on a socket, until it is revoked', async (t) => {
  const {url} = await startServer(t);
  const browser = asBrowser(url, await newIdentity(url));
  const made = await browser.post('keys', {label: 'laptop'});
  assert.equal(made.status, 201);
  const bearer = {authorization: `Bearer ${made.body.key}`};
  const ask = (more = {}) => fetch(`${url}/v1/chat/completions`, {method: 'POST', headers: {'content-type': 'application/json', ...bearer},
    body: JSON.stringify({messages: [{role: 'user', content: 'Hello!'}], max_tokens: 8, ...more})});
  assert.equal((await ask()).status, 200);
  const client = await ChatClient.connect(url, {headers: bearer});
  const {accepted} = await client.ask('By a program', greedy);
  assert.match((await browser.get('export')).text, /By a program/, 'it shares the history of its user');
  const mine = await fetch(`${url}/api/v1/keys`, {headers: bearer});
  assert.equal(mine.status, 403, 'a key shows no keys');

  // A reply that is written on demand: nobody demands, so it is never done.
  const held = await client.create('Tell me a story.', {step: true});
  const events = await fetch(`${url}/api/v1/streams/${held.stream}/events`, {headers: bearer});
  assert.deepEqual((await browser.remove(`keys/${made.body.id}`)).body, {revoked: true});
  assert.equal(await client.closed, 4401);
  assert.match(await events.text(), /event: close\ndata: \{"code":4401/);
  const refused = await ask();
  assert.equal(refused.status, 401);
  assert.equal((await refused.json()).error.code, 'unauthorized');
  assert.deepEqual((await browser.get('keys')).body, {keys: []});
  assert.equal((await browser.get(`conversations/${accepted.conversation}/export`)).status, 200, 'what it wrote stays');
});

test("the operator's keys are made and revoked while the server runs", async (t) => {
  const {url, dataDir} = await startServer(t);
  const key = async (...args) => {
    const done = await hearth(['key', ...args, '--data-dir', dataDir]);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  };
  const secret = (await key('create', '--label', 'robot')).trim();
  const [listed] = JSON.parse(await key('list', '--json'));
  assert.equal(listed.label, 'robot');
  assert.match(await key('list'), new RegExp(`${listed.id} +chat +\\d{4}-\\d\\d-\\d\\d +never +robot`));
  const headers = {authorization: `Bearer ${secret}`};
  const statusUntil = async (wanted) => {   // the server looks twice a second
    for (;;) {
      const {status} = await fetch(`${url}/api/v1/session`, {headers});
      if (status === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await statusUntil(200);
  const {user} = await (await fetch(`${url}/api/v1/session`, {headers})).json();
  assert.equal(user.name, 'robot');
  const client = await ChatClient.connect(url, {headers});
  await client.ask('Hello!', greedy);
  await key('revoke', listed.id);
  assert.equal(await client.closed, 4401);
  await statusUntil(401);
  const unknown = await hearth(['key', 'revoke', listed.id, '--data-dir', dataDir]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^hearth: There is no key '[0-9a-f]{16}'/);
});

test('a backup is made while the server writes, and is a history', async (t) => {
  const first = await startServer(t);
  const cookie = await newIdentity(first.url);
  const client = await ChatClient.connect(first.url, {cookie});
  const {text} = await client.ask('Keep me', greedy);
  const running = await client.create('Tell me a long story.', {params: {temperature: 0, frequency_penalty: -2, max_tokens: 1900}});
  const copy = path.join(temporaryFolder(t), 'copy.db');
  const done = await hearth(['backup', copy, '--data-dir', first.dataDir]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /: 1 users, 2 conversations, 4 messages, \d+ bytes\n$/);
  const again = await hearth(['backup', copy, '--data-dir', first.dataDir]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /exists already/);
  client.send({type: 'chat.cancel', id: 'x', stream: running.stream});
  await client.event((event) => event.type === 'done' && event.stream === running.stream);
  await first.stop();

  const dataDir = path.join(temporaryFolder(t), 'data');
  mkdirSync(dataDir);
  copyFileSync(copy, path.join(dataDir, 'hearth.db'));
  const second = await startServer(t, {dataDir, port: first.port});
  const back = await ChatClient.connect(second.url, {cookie});
  const {data: {conversations}} = await back.request({type: 'history.list'});
  assert.deepEqual(conversations.map(({title}) => title).sort(), ['Keep me', 'Tell me a long story.']);
  const kept = conversations.find(({title}) => title === 'Keep me');
  const {data} = await back.request({type: 'history.get', conversation: kept.id});
  assert.equal(data.messages[1].content, text);
});

test('a whole client without a WebSocket: ask, read the events, be cut, and read on', async (t) => {
  const {url} = await startServer(t);
  const cookie = await newIdentity(url);
  const browser = asBrowser(url, cookie);
  const accepted = await browser.post('chat', {id: 'c-1', content: 'Tell me a long story.', params: {temperature: 0, max_tokens: 60}});
  assert.equal(accepted.status, 202, accepted.text);
  const {stream} = accepted.body;
  const eventsFrom = async (have, until = Infinity) => {
    const response = await fetch(`${url}/api/v1/streams/${stream}/events`, {headers: {cookie, 'last-event-id': String(have)}});
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    let events = [];
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, {stream: true});
      events = text.split('\n\n').slice(0, -1).filter((one) => !one.startsWith(':')).map((one) => Object.fromEntries(one.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2))));
      if (events.filter(({event}) => event === 'delta').length >= until) break;
    }
    await reader.cancel();
    return events.map((one) => ({...one, data: JSON.parse(one.data)}));
  };
  const first = await eventsFrom(0, 1);
  const last = first.findLast(({event}) => event === 'delta');
  const rest = await eventsFrom(Number(last.id));
  const done = rest.at(-1);
  assert.equal(done.event, 'done');
  const deltas = [...first, ...rest].filter(({event}) => event === 'delta').map(({data}) => data);
  deltas.reduce((have, {from, to}) => { assert.equal(from, have); return to; }, 0);
  assert.equal(deltas.at(-1).to, done.data.to);
  const text = deltas.map((delta) => delta.text ?? '').join('');
  const {body} = await browser.post('chat', {type: 'history.get', id: 'g', conversation: accepted.body.conversation});
  assert.equal(body.data.messages[1].content, text);
  const again = await browser.post('chat', {id: 'c-1', content: 'Tell me a long story.', params: {temperature: 0, max_tokens: 60}});
  assert.equal(again.body.duplicate, true);
  assert.equal((await eventsFrom(done.data.to)).at(-1).event, 'done', 'done comes again');
  const foreign = await fetch(`${url}/api/v1/streams/${stream}/events`, {headers: {cookie: await newIdentity(url)}});
  assert.equal(foreign.status, 404);
});

test('the answers are those that /openapi.json describes', async (t) => {
  const {url} = await startServer(t);
  const check = await checkAgainst(url);   // without a cookie, at this machine: the user "local"
  await check('GET', '/api/v1/session');
  await check('POST', '/api/v1/import', [{title: 'x'}, {format: 'hearth.conversation.v1', messages: [{id: 'a', parent: null, role: 'user', content: 'Hi', created: 1, status: 'done'}]}]);
  await check('GET', '/api/v1/export');
  await check('GET', '/api/v1/keys');
  const held = await fetch(`${url}/api/v1/chat`, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({id: 'q', content: 'Hello!', step: true})});
  const {stream, conversation} = await held.json();
  const queue = await check('GET', '/api/v1/queue');
  assert.deepEqual(queue.replies, [{stream, conversation, state: 'paused'}]);
  assert.deepEqual([queue.taken, queue.places], [1, 256]);
  await check('POST', '/api/v1/chat', {type: 'history.list', id: 'l'});
  await check('POST', '/api/v1/session/recovery', {});
  await check('POST', '/api/v1/import', {hello: 1}, 400);
  await check('POST', '/api/v1/chat', {id: 'c', conversation: 'f'.repeat(32), content: 'Hi'}, 404);
  await check('POST', '/api/v1/session/erase', {confirm: 'erase'});
});
