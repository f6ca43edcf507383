// The OpenAI API as a shell script meets it: curl, and nothing that knows the protocol.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import test from 'node:test';
import {promisify} from 'node:util';
import {startServer} from './support/server.js';

const run = promisify(execFile);

/** What curl printed: the body, and the status and content type behind it. */
const curl = async (url, ...args) => {
  const {stdout} = await run('curl', ['--silent', '--show-error', '--no-buffer', '--max-time', '120', '--write-out', '\n%{http_code} %{content_type}', ...args, url]);
  const at = stdout.lastIndexOf('\n');
  const [status, ...type] = stdout.slice(at + 1).split(' ');
  return {body: stdout.slice(0, at), status: Number(status), type: type.join(' ')};
};
const json = (body) => ['--header', 'content-type: application/json', '--data', typeof body === 'string' ? body : JSON.stringify(body)];
const question = {model: 'demo', temperature: 0, max_tokens: 24, messages: [{role: 'user', content: 'Hello!'}]};

test('curl gets a whole reply, the same as a stream, and one sentence for what cannot be', async (t) => {
  const {url} = await startServer(t);
  const whole = await curl(`${url}/v1/chat/completions`, ...json(question));
  assert.equal(whole.status, 200, whole.body);
  assert.match(whole.type, /^application\/json/);
  const {content} = JSON.parse(whole.body).choices[0].message;
  assert.ok(content.length > 0);

  const stream = await curl(`${url}/v1/chat/completions`, ...json({...question, stream: true}));
  assert.equal(stream.status, 200, stream.body);
  assert.match(stream.type, /^text\/event-stream/);
  const lines = stream.body.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
  assert.equal(lines.at(-1), '[DONE]');
  const pieces = lines.slice(0, -1).map((line) => JSON.parse(line).choices[0]?.delta.content ?? '');
  assert.equal(pieces.join(''), content);

  const models = await curl(`${url}/v1/models`);
  assert.equal(models.status, 200);
  assert.equal(JSON.parse(models.body).object, 'list');
  for (const broken of ['{"messages": [', '{"messages": []}', '{"messages": 7}', '{"temperature": "hot", "messages": [{"role": "user", "content": "hi"}]}']) {
    const refused = await curl(`${url}/v1/chat/completions`, ...json(broken));
    assert.equal(refused.status, 400, broken);
    const {error} = JSON.parse(refused.body);
    assert.ok(error.message.length > 0 && !error.message.includes('\n'), broken);
  }
});
