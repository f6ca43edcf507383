// RFC 6455 as Hearth keeps it: framing, fragments, UTF-8, control frames, close codes, limits. A list of cases made from tables; each opens
// its own connection. `expect` is what must come: a close code, or an answer that shows that the connection lives.
import assert from 'node:assert/strict';
import {newIdentity} from '../e2e/support/chat_client.js';
import {closeFrame, frame, RawWebSocket} from './support/raw_websocket.js';

const ping = (t = 1) => JSON.stringify({type: 'ping', t});
const pong = {answers: true};
const closes = (...codes) => ({codes});
const text = (payload, more = {}) => frame({payload, ...more});
/** A text of an exact size that is a ping. */
const sized = (bytes) => { const base = JSON.stringify({type: 'ping', t: 1, x: ''}); return base.replace('""', `"${'x'.repeat(bytes - base.length)}"`); };

const framing = () => {
  const cases = [];
  for (const size of [32, 125, 126, 127, 128, 1000, 65534, 65535, 65536, 65537, 200_000, 1_048_576]) {
    cases.push([`a text of ${size} bytes`, [text(sized(size))], pong]);
  }
  cases.push(['a text of one byte more than is allowed', [text(sized(1_048_577))], closes(1009)]);
  cases.push(['a length of 2^63', [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])], closes(1002, 1009)]);
  for (const form of [16, 64]) cases.push([`a short text with a ${form}-bit length`, [text(ping(), {lengthForm: form})], closes(1002)]);
  for (const rsv of [1, 2, 3, 4, 5, 6, 7]) cases.push([`reserved bits ${rsv}`, [text(ping(), {rsv})], closes(1002)]);
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    cases.push([`reserved opcode ${opcode}`, [frame({opcode})], closes(1002)]);
    cases.push([`reserved opcode ${opcode} with a payload`, [frame({opcode, payload: 'x'})], closes(1002)]);
  }
  cases.push(['a frame without a mask', [text(ping(), {masked: false})], closes(1002)]);
  cases.push(['a binary frame', [frame({opcode: 2, payload: ping()})], closes(1003)]);
  cases.push(['an empty binary frame', [frame({opcode: 2})], closes(1003)]);
  cases.push(['an empty text', [text('')], closes(4400)]);
  return cases;
};

const fragments = () => {
  const message = Buffer.from(ping(7));
  const cases = [];
  for (let at = 0; at <= message.length; at += 3) {
    const parts = [text(message.subarray(0, at), {fin: false}), frame({opcode: 0, payload: message.subarray(at)})];
    cases.push([`a text in two, cut at ${at}`, parts, pong]);
    cases.push([`the same with a ping between`, [parts[0], frame({opcode: 9, payload: 'p'}), parts[1]], pong]);
  }
  cases.push(['a text byte by byte', [...message].map((byte, i) => frame({opcode: i === 0 ? 1 : 0, fin: i === message.length - 1, payload: Buffer.from([byte])})), pong]);
  cases.push(['a continuation of nothing', [frame({opcode: 0, payload: 'x'})], closes(1002)]);
  cases.push(['an unfinished continuation of nothing', [frame({opcode: 0, fin: false})], closes(1002)]);
  cases.push(['a new text inside a text', [text('{', {fin: false}), text(ping())], closes(1002)]);
  cases.push(['a close inside a text', [text('{', {fin: false}), closeFrame(1000)], closes(1000)]);
  return cases;
};

const utf8 = () => {
  const wrap = (bytes) => Buffer.concat([Buffer.from('{"type":"ping","t":1,"x":"'), Buffer.from(bytes), Buffer.from('"}')]);
  const cases = [];
  const good = [[0xc2, 0x80], [0xdf, 0xbf], [0xe0, 0xa0, 0x80], [0xef, 0xbf, 0xbf], [0xf0, 0x90, 0x80, 0x80], [0xf4, 0x8f, 0xbf, 0xbf], [0xce, 0xba]];
  const bad = [[0x80], [0xbf], [0xc0, 0xaf], [0xc1, 0xbf], [0xe0, 0x80, 0xaf], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf],
    [0xf0, 0x80, 0x80, 0xaf], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], [0xfe], [0xff], [0xc2], [0xe2, 0x82], [0xf0, 0x9f, 0x98]];
  for (const bytes of good) {
    const name = Buffer.from(bytes).toString('hex');
    cases.push([`the character ${name}`, [text(wrap(bytes))], pong]);
    const whole = wrap(bytes);
    for (let at = 26; at <= 26 + bytes.length; ++at) {
      cases.push([`${name} cut at ${at}`, [text(whole.subarray(0, at), {fin: false}), frame({opcode: 0, payload: whole.subarray(at)})], pong]);
    }
  }
  for (const bytes of bad) cases.push([`not UTF-8: ${Buffer.from(bytes).toString('hex')}`, [text(wrap(bytes))], closes(1007)]);
  return cases;
};

const control = () => {
  const cases = [];
  for (const size of [0, 1, 124, 125]) cases.push([`a ping of ${size} bytes`, [frame({opcode: 9, payload: 'p'.repeat(size)})], {pong: size}]);
  cases.push(['a ping of 126 bytes', [frame({opcode: 9, payload: 'p'.repeat(126)})], closes(1002)]);
  cases.push(['a ping in fragments', [frame({opcode: 9, fin: false, payload: 'p'})], closes(1002)]);
  cases.push(['a pong nobody asked for', [frame({opcode: 10, payload: 'x'}), text(ping())], pong]);
  cases.push(['a pong of 126 bytes', [frame({opcode: 10, payload: 'p'.repeat(126)})], closes(1002)]);
  cases.push(['ten pings', Array.from({length: 10}, () => frame({opcode: 9, payload: 'p'})).concat(text(ping())), pong]);
  return cases;
};

const closing = () => {
  const cases = [];
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
    cases.push([`close ${code}`, [closeFrame(code)], closes(code)]);
    cases.push([`close ${code} with a reason`, [closeFrame(code, 'bye')], closes(code)]);
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999]) {
    cases.push([`close ${code}, which must not be sent`, [closeFrame(code)], closes(1002)]);
  }
  // RFC 6455 leaves what lies above 4999 undefined; Beast gives it back.
  for (const code of [5000, 65535]) cases.push([`close ${code}`, [closeFrame(code)], closes(1002, code)]);
  cases.push(['close without a code', [frame({opcode: 8})], closes(1005, 1000)]);
  cases.push(['close with half a code', [frame({opcode: 8, payload: Buffer.from([3])})], closes(1002)]);
  cases.push(['close with a reason of 123 bytes', [closeFrame(1000, 'x'.repeat(123))], closes(1000)]);
  cases.push(['close with a reason of 124 bytes', [closeFrame(1000, 'x'.repeat(124))], closes(1002)]);
  cases.push(['close with a reason that is not UTF-8', [frame({opcode: 8, payload: Buffer.from([3, 232, 0xff])})], closes(1007, 1002)]);
  cases.push(['close in fragments', [frame({opcode: 8, fin: false})], closes(1002)]);
  return cases;
};

export const cases = () => [...framing(), ...fragments(), ...utf8(), ...control(), ...closing()];

/** Runs all of them. @returns {Promise<{passed: number, failures: string[]}>} */
export const conformance = async (server) => {
  const failures = [];
  let passed = 0;
  let cookie = '';
  const all = cases();
  for (const [index, [name, frames, expected]] of all.entries()) {
    if (index % 100 === 0) cookie = await newIdentity(server.url);
    const raw = await RawWebSocket.connect({port: server.port, cookie});
    try {
      raw.text({type: 'hello'});
      assert.ok(await raw.message((message) => message.type === 'ready'), 'ready');
      raw.send(...frames);
      await check(raw, expected);
      ++passed;
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    } finally {
      raw.destroy();
    }
  }
  return {passed, failures};
};

const check = async (raw, expected) => {
  if (expected.answers) {
    if (await raw.message((message) => message.type === 'pong')) return undefined;
    return assert.fail(`closed with ${await raw.closeCode()} instead of an answer`);
  }
  if (expected.pong !== undefined) {
    return assert.equal((await raw.control(10))?.payload.length, expected.pong);
  }
  if (expected.codes[0] === 4400) {   // the first strike is answered, and the connection lives
    return assert.equal((await raw.message((message) => message.type === 'error'))?.error.code, 'invalid_json');
  }
  const code = await raw.closeCode();
  assert.ok(expected.codes.includes(code), `closed with ${code}, not ${expected.codes.join(' or ')}`);
};
