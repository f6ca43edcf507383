// `hearth chat` as a person and as a script uses it: pipes, a model folder, and a real terminal (script of bsdutils).
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import {binary, hearth, root} from './support/server.js';

const demo = path.join(root, 'configs/models/demo');
const question = 'What is a token?';

test('a folder through pipes: each line is a message, and the replies are those of generate', async () => {
  const generated = await hearth(['generate', '--model', demo, '--prompt', question, '--temperature', '0']);
  const {code, stdout, stderr} = await hearth(['chat', '--model', demo, '--temperature', '0'], {input: `${question}\n/new\n${question}\n`});
  assert.equal(code, 0, stderr);
  assert.equal(stdout, generated.stdout.repeat(2));
  assert.ok(!stdout.includes('\x1b') && !stderr.includes('\x1b'), 'no escape codes');
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
