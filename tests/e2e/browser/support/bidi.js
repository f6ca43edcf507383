// Firefox over WebDriver BiDi, without a driver in between: what a smoke test needs, no more.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {WebSocket} from 'ws';

/** @param {import('node:test').TestContext} t @param {string} binary @returns {Promise<{open: (url: string) => Promise<void>, evaluate: (expression: string) => Promise<any>, press: (keys: string) => Promise<void>}>} */
export const startFirefox = async (t, binary) => {
  const profile = mkdtempSync(path.join(tmpdir(), 'hearth-firefox-'));
  const child = spawn(binary, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    {stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, MOZ_HEADLESS: '1', MOZ_DISABLE_CONTENT_SANDBOX: '1', HOME: profile}});
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(profile, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
  });
  const address = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({input: stream}).on('line', (line) => {
        const match = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(line);
        if (match) resolve(match[1]);
      });
    }
    void ended.then((code) => reject(new Error(`firefox ended (${code})`)));
  });
  const socket = new WebSocket(`${address}/session`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  t.after(() => socket.terminate());
  let next = 0;
  const waiting = new Map();
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === 'error') asked?.reject(new Error(`${message.error}: ${message.message}`));
    else asked?.resolve(message.result);
  });
  const command = (method, params) => new Promise((resolve, reject) => {
    waiting.set(++next, {resolve, reject});
    socket.send(JSON.stringify({id: next, method, params}));
  });
  await command('session.new', {capabilities: {}});
  const {contexts: [{context}]} = await command('browsingContext.getTree', {});
  return {
    open: async (url) => { await command('browsingContext.navigate', {context, url, wait: 'complete'}); },
    evaluate: async (expression) => {
      const {result, exceptionDetails} = await command('script.evaluate', {expression: `(async () => JSON.stringify(await (${expression})))()`, target: {context}, awaitPromise: true});
      if (exceptionDetails) throw new Error(exceptionDetails.text);
      return result.value === undefined ? undefined : JSON.parse(result.value);
    },
    press: async (keys) => {
      const actions = [...keys].flatMap((key) => [{type: 'keyDown', value: key}, {type: 'keyUp', value: key}]);
      await command('input.performActions', {context, actions: [{type: 'key', id: 'keyboard', actions}]});
    },
  };
};
