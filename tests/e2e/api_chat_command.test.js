// `hearth chat` as a person and as a script uses it: pipes, a model folder, a server, and a real terminal (script of bsdutils).
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createServer} from 'node:http';
import path from 'node:path';
import test from 'node:test';
import {binary, hearth, root, startServer} from './support/server.js';

const demo = path.join(root, 'configs/models/demo');
const question = 'What is a token?';

test('a folder through pipes: each line is a message, and the replies are those of generate', async () => {
  const generated = await hearth(['generate', '--model', demo, '--prompt', question, '--temperature', '0']);
  const {code, stdout, stderr} = await hearth(['chat', '--model', demo, '--temperature', '0'], {input: `${question}\n/new\n${question}\n`});
  assert.equal(code, 0, stderr);
  assert.equal(stdout, generated.stdout.repeat(2));
  assert.ok(!stdout.includes('\x1b') && !stderr.includes('\x1b'), 'no escape codes');
});

test('a server instead of a folder: the same replies, one conversation, its errors in a sentence', async (t) => {
  const {url} = await startServer(t);
  const lines = 'My name is Anna.\nWhat is my name?\n/history\n';
  const local = await hearth(['chat', '--model', demo, '--temperature', '0'], {input: lines});
  const remote = await hearth(['chat', '--url', url, '--temperature', '0'], {input: lines});
  assert.equal(remote.code, 0, remote.stderr);
  assert.equal(remote.stdout, local.stdout);
  assert.match(remote.stdout, /user: My name is Anna\.\nassistant: /);
  const refused = await hearth(['chat', '--url', url], {input: `${'word '.repeat(20000)}\nhello\n`});
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^hearth: .*tokens/m);
  assert.ok(refused.stdout.length > 1, 'the next message is answered');
});

test('what cannot be is told before anything is read', async () => {
  assert.equal((await hearth(['chat'])).code, 2);
  assert.equal((await hearth(['chat', '--model', demo, '--url', 'http://x'])).code, 2);
  assert.equal((await hearth(['chat', '--url', 'https://x'])).code, 2);
  const nobody = await hearth(['chat', '--url', 'http://127.0.0.1:9']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /^hearth: Nobody answers/);
});

/** `hearth chat` on a terminal of its own: what it shows, keys, and its exit code. */
const onTerminal = (t, args) => {
  const command = [binary, 'chat', ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {stdio: ['pipe', 'pipe', 'inherit'], env: {...process.env, TERM: 'xterm', SHELL: '/bin/sh'}});
  t.after(() => child.kill('SIGKILL'));
  let screen = '';
  let seen = 0;
  let wake = () => {};
  child.stdout.setEncoding('utf8').on('data', (text) => { screen += text; wake(); });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const shows = async (text) => {
    while (screen.indexOf(text, seen) < 0) {
      await Promise.race([new Promise((resolve) => { wake = resolve; }), exited.then(() => assert.fail(`ended before ${JSON.stringify(text)}:\n${screen}`))]);
    }
    seen = screen.indexOf(text, seen) + text.length;
  };
  return {shows, press: (keys) => child.stdin.write(keys), exited};
};

/** A server whose reply begins and goes on until somebody leaves. */
const endlessServer = async (t) => {
  let left = () => {};
  const gone = new Promise((resolve) => { left = resolve; });
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') return response.end(JSON.stringify({data: [{id: 'endless'}]}));
    response.writeHead(200, {'content-type': 'text/event-stream'});
    response.write('data: {"choices": [{"delta": {"content": "Once upon"}}]}\n\n');
    response.on('close', left);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => { server.closeAllConnections?.(); server.close(); });
  return {url: `http://127.0.0.1:${server.address().port}`, gone};
};

test('on a terminal, Ctrl-C stops the reply, and two of them end the chat', async (t) => {
  const {url, gone} = await endlessServer(t);
  const chat = onTerminal(t, ['--url', url]);
  await chat.shows('endless at 127.0.0.1');
  await chat.shows('> ');
  chat.press('你好\r');
  await chat.shows('Once upon');
  chat.press('\x03');
  await chat.shows('Stopped.');
  await gone;
  await chat.shows('> ');
  chat.press('/history\r');
  await chat.shows('user: 你好\r\nassistant: Once upon');
  await chat.shows('> ');
  chat.press('\x03');
  await chat.shows('again ends');
  await chat.shows('> ');
  chat.press('\x03');
  assert.equal(await chat.exited, 130);
});

test('on a terminal with a folder, Ctrl-C leaves the program alive', async (t) => {
  const chat = onTerminal(t, ['--model', demo, '--ignore-eos', '--max-new-tokens', '100000']);
  await chat.shows('/help lists the commands');
  await chat.shows('> ');
  chat.press('Tell me a story.\r');
  await chat.shows('Tell me a story.\x1b[K\x1b[?2004l\r\n');   // the line as it was entered; now comes the reply
  await chat.shows(' ');
  chat.press('\x03/max_tokens 3\r');
  await chat.shows('max_tokens = 3');
  await chat.shows('> ');
  chat.press('hello\r');
  await chat.shows('has reached its longest');
  await chat.shows('> ');
  chat.press('\x04');
  assert.equal(await chat.exited, 0);
});
