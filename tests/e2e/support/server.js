// A real Hearth server for a test: its own data folder, a free port, stopped by its process id.
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import https from 'node:https';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** The binary under test: HEARTH_BIN, else the newest known build. */
export const binary = process.env.HEARTH_BIN ??
  ['build/test/hearth', 'build/release/hearth'].map((file) => path.join(root, file)).find(existsSync) ?? '';

export const golden = (name) => path.join(root, 'tests/golden/models', name);

/** @type {WeakMap<object, (() => unknown)[]>} what is still to be done at the end of a test */
const endings = new WeakMap();

/** Done when the test ends, the last first: a server has ended before its folder goes. (t.after would begin with the first.) @param {import('node:test').TestContext} t @param {() => unknown} ending */
const atEnd = (t, ending) => {
  const all = endings.get(t) ?? [];
  if (all.length === 0) t.after(async () => { while (all.length) await all.pop()?.(); });
  endings.set(t, all);
  all.push(ending);
};

/** A folder that is removed when the test ends. @param {import('node:test').TestContext} t */
export const temporaryFolder = (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hearth-test-'));
  atEnd(t, () => rmSync(folder, {recursive: true, force: true}));
  return folder;
};

/**
 * @typedef {object} Server
 * @property {string} url        http://127.0.0.1:PORT, or https
 * @property {number} port
 * @property {string} dataDir
 * @property {number} pid
 * @property {() => string} log  everything it printed so far
 * @property {(signal?: NodeJS.Signals) => Promise<{code: number | null, signal: string | null}>} stop
 */

/**
 * Starts `hearth serve` and waits until the model is ready (or, with untilReady false, until it listens).
 * @param {import('node:test').TestContext} t stops the server when this test ends
 * @param {{args?: string[], dataDir?: string, port?: number, untilReady?: boolean, env?: Record<string, string>, wrap?: string[]}} [options]
 * @returns {Promise<Server>}
 */
export const startServer = async (t, {args = [], dataDir = temporaryFolder(t), port = 0, untilReady = true, env = {}, wrap = []} = {}) => {
  assert.ok(binary && existsSync(binary), 'build Hearth first: ./dev build test');
  const [file, ...before] = [...wrap, binary];
  const child = spawn(file, [...before, 'serve', '--port', String(port), '--data-dir', dataDir, ...args],
    {stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, ...env}});
  let log = '';
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({code, signal})));
  const listening = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({input: stream}).on('line', (line) => {
        log += `${line}\n`;
        const match = /(https?):\/\/[^\s/]+:(\d+)/.exec(line);
        if (match) resolve({url: `${match[1]}://127.0.0.1:${match[2]}`, port: Number(match[2])});
      });
    }
    exited.then(({code, signal}) => reject(new Error(`hearth serve ended (${code ?? signal}) before it listened:\n${log}`)));
  });
  const stop = async (signal = /** @type {NodeJS.Signals} */ ('SIGTERM')) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return /** @type {Promise<{code: number | null, signal: string | null}>} */ (exited);
  };
  atEnd(t, () => stop('SIGKILL'));
  const {url, port: boundPort} = /** @type {{url: string, port: number}} */ (await listening);
  if (untilReady) await ready(url, () => child.exitCode !== null, () => log);
  return {url, port: boundPort, dataDir, pid: child.pid ?? 0, log: () => log, stop};
};

/**
 * A server on this data folder loads no further than to its weights before `release` was called: what it once measured of the processor it reads from a pipe.
 * @param {string} dataDir @returns {() => Promise<void>} release
 */
export const holdLoading = (dataDir) => {
  const pipe = path.join(dataDir, 'tuning.json');
  execFileSync('mkfifo', [pipe]);
  return () => writeFile(pipe, '{}');   // nothing that it could use: it measures
};

/** Any certificate will do: it is the server's own. @returns {Promise<{ok: boolean, body: string}>} */
const readiness = async (url) => {
  if (url.startsWith('http:')) {
    const response = await fetch(`${url}/readyz`);
    return {ok: response.ok, body: await response.text()};
  }
  return new Promise((resolve, reject) => https.get(`${url}/readyz`, {rejectUnauthorized: false, agent: false}, (response) => {
    let body = '';
    response.on('data', (data) => { body += data; }).on('end', () => resolve({ok: response.statusCode === 200, body}));
  }).on('error', reject));
};

/** Asks /readyz until it says 200; fails when the server ended or says that the model failed. */
const ready = async (url, ended, log) => {
  for (;;) {
    if (ended()) throw new Error(`hearth serve ended while loading:\n${log()}`);
    const {ok, body} = await readiness(url);
    if (ok) return;
    if (body.includes('model_failed')) throw new Error(`the model did not load: ${body}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** Runs a hearth command to its end. @returns {Promise<{code: number | null, stdout: string, stderr: string}>} */
export const hearth = (args, {input = ''} = {}) => new Promise((resolve, reject) => {
  const child = spawn(binary, args, {stdio: ['pipe', 'pipe', 'pipe']});
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text; });
  child.once('error', reject);
  child.once('close', (code) => resolve({code, stdout, stderr}));
  child.stdin.on('error', () => {});   // a command that needs no input may close it early
  child.stdin.end(input);
});
