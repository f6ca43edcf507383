// P5: three times as many messages as the machine can answer. What it takes it answers at the rate it has, the rest is refused at once, and it is over by itself.
import {newIdentity} from '../e2e/support/chat_client.js';
import {LeanClient} from './support/lean_client.js';
import {seeded} from './support/random.js';

/** As many replies at once as the server takes (`--limits-live` of run.mjs). */
export const liveReplies = 64;
/** So many keep it busy and are never refused. */
const busyReplies = 48;

/** Nobody sends more than half of what the protocol allows a second: who is refused is refused because the server is full. */
const asksPerSecond = 10;
const now = () => performance.now();
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? 0;
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const round = (x) => Math.round(x * 10) / 10;
const enter = async (server) => LeanClient.connect(server.url, await newIdentity(server.url));
const ask = (client) => client.ask('What is a token?', {temperature: 0, max_tokens: 24});

/** Replies a second when it is busy: everybody asks again as soon as they have their answer. */
const measureCapacity = async (clients, seconds) => {
  let isOver = false;
  let finished = 0;
  const loops = clients.map(async (client) => { while (!isOver) { await ask(client); ++finished; } });
  await wait(3000);   // warm
  const [before, begin] = [finished, now()];
  await wait(seconds * 1000);
  const capacity = (finished - before) / ((now() - begin) / 1000);
  isOver = true;
  await Promise.all(loops);
  return capacity;
};

/** Arrivals that do not wait for answers, at so many a second. Times in ms. */
const flood = async (clients, perSecond, seconds, random) => {
  const result = {asked: 0, done: [], refusals: [], codes: {}, open: new Set(), begin: now(), end: 0};
  for (let next = result.begin; next < result.begin + seconds * 1000; next += -Math.log(1 - random()) * 1000 / perSecond) {
    if (next > now()) await wait(next - now());
    const sent = now();
    const one = ask(clients[result.asked++ % clients.length]).then(() => { result.done.push(now()); }, (error) => {
      result.refusals.push(now() - sent);
      result.codes[error.code ?? error.message] = (result.codes[error.code ?? error.message] ?? 0) + 1;
    }).finally(() => result.open.delete(one));
    result.open.add(one);
  }
  result.end = now();
  return result;
};

/** Somebody who had not asked before, until they have an answer. */
const untilAnswered = async (client) => {
  for (;;) {
    try {
      return await ask(client);
    } catch (error) {
      if (!error.retryable) throw error;
      await wait(error.retry_after_ms ?? 100);
    }
  }
};

/**
 * @param {{url: string}} server
 * @param {{calibrate?: number, seconds?: number, factor?: number, seed?: number, log?: (line: string) => void}} [options]
 */
export const overload = async (server, {calibrate = 15, seconds = 60, factor = 3, seed = 1, log = () => {}} = {}) => {
  const clients = [];
  const enterUntil = async (count) => { while (clients.length < count) clients.push(await enter(server)); };
  await enterUntil(busyReplies);
  const capacity = await measureCapacity(clients, calibrate);
  log(`capacity: ${round(capacity)} replies a second`);
  await enterUntil(Math.max(2 * busyReplies, Math.ceil(capacity * factor / asksPerSecond)));
  const newcomer = await enter(server);

  const {asked, done, refusals, codes, open, begin, end} = await flood(clients, capacity * factor, seconds, seeded(seed));
  // A first reply's time is not yet the rate: what was done in the flood, from the first one on.
  const during = done.filter((at) => at <= end);
  const goodput = (during.length - 1) / ((end - during[0]) / 1000);
  await untilAnswered(newcomer);
  const recoveryMs = now() - end;
  await Promise.all(open);
  const drainedMs = now() - end;
  for (const client of [...clients, newcomer]) client.socket.terminate();

  const result = {capacity: round(capacity), people: clients.length, asked, askedPerSecond: round(asked / ((end - begin) / 1000)), goodput: round(goodput),
    percent: round(100 * goodput / capacity), refused: refusals.length, codes,
    refusalMs: {median: round(quantile(refusals, 0.5)), p99: round(quantile(refusals, 0.99)), worst: round(quantile(refusals, 1))},
    recoveryMs: round(recoveryMs), drainedMs: round(drainedMs)};
  const failures = [];
  if (result.percent < 90) failures.push('less than 90 % of the capacity');
  if (refusals.length === 0) failures.push('nothing was refused');
  if (Object.keys(codes).some((code) => code !== 'busy')) failures.push('refused for another reason than busy');
  if (result.refusalMs.p99 >= 50) failures.push('a refusal took 50 ms');
  if (recoveryMs >= 5000) failures.push('a newcomer waited for 5 s when it was over');
  return {...result, failures};
};
