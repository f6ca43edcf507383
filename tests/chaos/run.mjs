// ./dev chaos NAME [--key value …]: one of the long tests, alone, with its figures on the last line as JSON.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {mutatedBodies} from './bodies.js';
import {conformance} from './conformance.js';
import {disk} from './disk.js';
import {drain} from './drain.js';
import * as hostile from './hostile.js';
import {isolation} from './isolation.js';
import {killLoop} from './kills.js';
import {liveReplies, overload} from './overload.js';
import {resumeCuts} from './resume.js';
import {partCores} from './support/cores.js';

const binary = process.env.HEARTH_BIN ?? 'build/release/hearth';
const log = (line) => console.error(line);
const children = new Set();
process.on('exit', () => { for (const child of children) child.kill('SIGKILL'); });

/** Starts a server and waits until it is ready. */
const start = async ({dataDir, port = 0, args = [], wrap = [], ignoresFileLimit = false}) => {
  const command = [...wrap, binary, 'serve', '--port', String(port), '--data-dir', dataDir, '--log-level', 'warn', ...args];
  // A file that met its limit is then an error of write, not the end of the process.
  if (ignoresFileLimit) command.unshift('bash', '-c', 'trap "" XFSZ; exec "$0" "$@"');
  const child = spawn(command[0], command.slice(1), {stdio: ['ignore', 'pipe', ignoresFileLimit ? 'ignore' : 'inherit']});
  children.add(child);
  const exited = new Promise((resolve) => child.once('exit', () => { children.delete(child); resolve(undefined); }));
  let text = '';
  const bound = await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => {
      text += data;
      const match = /http:\/\/[^\s/]+:(\d+)/.exec(text);
      if (match) resolve(Number(match[1]));
    });
    exited.then(() => reject(new Error('the server ended')));
  });
  const url = `http://127.0.0.1:${bound}`;
  while (!(await fetch(`${url}/readyz`).catch(() => ({ok: false}))).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  const operator = /for the operator: (http:\/\/[^\s/]+)/.exec(text)?.[1];
  return {url, operator, port: bound, pid: child.pid, stop: (signal) => { child.kill(signal); return exited; }};
};

const onServer = (run, args = []) => async (options, folder) => run(await start({dataDir: folder, args}), options);

const chaos = {
  resume: onServer((server, options) => resumeCuts(server, {...options, log})),
  kills: (options, dataDir) => killLoop(start, {...options, dataDir, log}),
  conformance: onServer((server) => conformance(server)),
  idle: onServer(hostile.idle),
  'never-read': onServer(hostile.neverRead, ['--limits-live', '256', '--kv-memory', '8M', '--admin-port', '0']),
  dripping: onServer(hostile.dripping),
  overload: async (options, dataDir) => overload(await start({dataDir, args: ['--limits-live', String(liveReplies)], wrap: partCores()}), {...options, log}),
  rubbish: onServer(hostile.rubbish),
  bodies: onServer((server, options) => mutatedBodies(server, {...options, log}), ['--limits-max-tokens', '16']),
  isolation: onServer(isolation),
  drain: (options, dataDir) => drain(start, {...options, dataDir}),
  disk: (options, folder) => disk(start, {...options, folder, log}),
};

const [name, ...rest] = process.argv.slice(2);
if (!chaos[name]) {
  console.error(`chaos: give one of ${Object.keys(chaos).join(', ')}`);
  process.exit(2);
}
const options = {};
for (let i = 0; i + 1 < rest.length; i += 2) options[rest[i].replace(/^--/, '')] = Number(rest[i + 1]);
const folder = mkdtempSync(path.join(tmpdir(), 'hearth-chaos-'));
const began = Date.now();
try {
  const result = await chaos[name](options, folder);
  console.log(JSON.stringify({test: name, ...options, ...result, seconds: Math.round((Date.now() - began) / 100) / 10}));
  process.exitCode = result.failures?.length ? 1 : 0;
} finally {
  rmSync(folder, {recursive: true, force: true});
}
process.exit();
