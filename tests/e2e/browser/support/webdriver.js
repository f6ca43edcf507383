// WebKit over classic WebDriver: Debian's WebKitWebDriver with its MiniBrowser, on a display that nobody sees.
import {spawn} from 'node:child_process';
import {createServer} from 'node:net';

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const {port} = /** @type {import('node:net').AddressInfo} */ (server.address());
    server.close(() => resolve(port));
  });
});

/** @param {import('node:test').TestContext} t @param {{driver: string, browser: string, xvfb: string}} binaries */
export const startWebKit = async (t, {driver, browser, xvfb}) => {
  const display = await new Promise((resolve, reject) => {
    const child = spawn(xvfb, ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], {stdio: ['ignore', 'ignore', 'ignore', 'pipe']});
    t.after(() => child.kill('SIGKILL'));
    child.stdio[3]?.once('data', (data) => resolve(`:${String(data).trim()}`));
    child.once('exit', (code) => reject(new Error(`Xvfb ended (${code})`)));
  });
  const port = await freePort();
  const child = spawn(driver, [`--port=${port}`], {stdio: 'ignore', detached: true,
    env: {...process.env, DISPLAY: display, GDK_BACKEND: 'x11', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', WEBKIT_FORCE_SANDBOX: '0', WEBKIT_DISABLE_COMPOSITING_MODE: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1'}});
  t.after(() => { try { process.kill(-(child.pid ?? 0), 'SIGKILL'); } catch { /* it ended by itself */ } });
  const ask = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {method, headers: {'content-type': 'application/json'}, ...(body && {body: JSON.stringify(body)})});
    const {value} = await answer.json();
    if (value?.error) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  for (let tries = 0; ; tries++) {
    try {
      await ask('GET', '/status');
      break;
    } catch (error) {
      if (tries > 2400) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  const {sessionId} = await ask('POST', '/session', {capabilities: {alwaysMatch: {timeouts: {script: 90_000}, 'webkitgtk:browserOptions': {binary: browser, args: ['--automation']}}}});
  t.after(() => ask('DELETE', `/session/${sessionId}`).catch(() => undefined));
  const session = `/session/${sessionId}`;
  return {
    open: (url) => ask('POST', `${session}/url`, {url}),
    evaluate: async (expression) => {
      const script = `const done = arguments[arguments.length - 1];
        (async () => ({value: (await (${expression})) ?? null}))().catch((error) => ({error: String(error)})).then((answer) => done(JSON.stringify(answer)));`;
      const {value, error} = JSON.parse(await ask('POST', `${session}/execute/async`, {args: [], script}));
      if (error) throw new Error(error);
      return value;
    },
    press: (keys) => ask('POST', `${session}/actions`, {actions: [{type: 'key', id: 'keyboard', actions: [...keys].flatMap((key) => [{type: 'keyDown', value: key}, {type: 'keyUp', value: key}])}]}),
  };
};
