// A core for the server and another for the clients that measure it, so that neither takes the other's time.
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

/** The cores that this process may use, as taskset counts them. @returns {number[]} */
export const allowedCores = () => /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1].split(',').flatMap((range) => {
  const [first, last = first] = range.split('-').map(Number);
  return Array.from({length: last - first + 1}, (_, i) => first + i);
});

/** Keeps this process on the last core. @returns {string[]} what keeps a command on the first one; nothing where there is only one */
export const partCores = () => {
  const cores = allowedCores();
  if (cores.length < 2) return [];
  spawnSync('taskset', ['--all-tasks', '--pid', '--cpu-list', String(cores.at(-1)), String(process.pid)]);
  return ['taskset', '--cpu-list', String(cores[0])];
};
