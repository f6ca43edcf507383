// How far the packed decoder's number formats are from fp32 on the replies of whole dialogues: KL divergence per token, the share of
// positions whose likeliest token is the same, and the perplexity of the replies that are there.
//
//     node bench/accuracy.mjs [--bin build/release/hearth] [--model configs/models/demo] [--dialogues FILE] [--dtypes bf16,int8,int4,bf16+int8-kv]
//
// `+int8-kv`: with keys and values in int8, too.
// fp32 is the reference decoder's (`hearth logits --dtype fp32`). The dialogues are held-out ones of the demo model's generator
// (configs/models/demo/train/corpus.py --held-out --seed 11 --count 60).
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';

const {values: options} = parseArgs({options: {
  bin: {type: 'string', default: 'build/release/hearth'},
  model: {type: 'string', default: 'configs/models/demo'},
  dialogues: {type: 'string', default: 'bench/data/held_out_dialogues.jsonl'},
  dtypes: {type: 'string', default: 'bf16,int8,int4,bf16+int8-kv'},
}});

const folder = mkdtempSync(path.join(tmpdir(), 'hearth-accuracy-'));
process.on('exit', () => rmSync(folder, {recursive: true, force: true}));

const hearth = (...args) => execFileSync(options.bin, args, {encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit']});

/** The ids of a dialogue, as the chat template writes it, with the assistant's turn opened at the end. */
const idsOf = (messages) => {
  const file = path.join(folder, 'messages.json');
  writeFileSync(file, JSON.stringify(messages));
  return JSON.parse(hearth('generate', '--model', options.model, '--messages', file, '--max-new-tokens', '1', '--json')).prompt_ids;
};

/** float32 [positions, vocabulary] @returns {{columns: number, rows: Float32Array[]}} */
const logitsOf = (ids, format) => {
  const [dtype, keepsInt8] = format.split('+');
  const file = path.join(folder, 'logits.npy');
  hearth('logits', '--model', options.model, '--ids', ids.join(','), '--dtype', dtype, ...(keepsInt8 ? ['--kv-dtype', 'int8'] : []), '--out', file);
  const bytes = readFileSync(file);
  const begin = 10 + bytes.readUInt16LE(8);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + bytes.length));
  const columns = all.length / ids.length;
  return ids.map((_, row) => all.subarray(row * columns, (row + 1) * columns));
};

const eos = [JSON.parse(readFileSync(path.join(options.model, 'generation_config.json'), 'utf8')).eos_token_id].flat();

/** The positions whose next token the model was to write: every reply and its end. */
const repliesOf = (messages, ids) => messages.flatMap(({role}, i) => {
  if (role !== 'assistant') return [];
  const begin = idsOf(messages.slice(0, i)).length;
  const end = ids.findIndex((id, at) => at >= begin && eos.includes(id));
  return Array.from({length: end - begin + 1}, (_, k) => begin - 1 + k);
});

const argmax = (row) => row.reduce((best, value, i) => (value > row[best] ? i : best), 0);

/** log of Σ exp(x). */
const logSum = (row) => {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const value of row) sum += Math.exp(value - top);
  return top + Math.log(sum);
};

class Tally {
  positions = 0; kl = 0; same = 0; surprise = 0;

  /** @param {Float32Array} exact @param {Float32Array} row @param {number} next the token that follows */
  add(exact, row, next) {
    const [a, b] = [logSum(exact), logSum(row)];
    let kl = 0;
    for (let i = 0; i < row.length; ++i) kl += Math.exp(exact[i] - a) * (exact[i] - a - (row[i] - b));
    this.positions += 1;
    this.kl += kl;
    this.same += argmax(exact) === argmax(row) ? 1 : 0;
    this.surprise += b - row[next];
  }

  get line() {
    return [(this.kl / this.positions).toExponential(2), `${((100 * this.same) / this.positions).toFixed(2)} %`,
      Math.exp(this.surprise / this.positions).toFixed(4), this.positions];
  }
}

const dtypes = ['fp32', ...options.dtypes.split(',')];
const tallies = new Map(dtypes.map((dtype) => [dtype, new Tally()]));
for (const line of readFileSync(options.dialogues, 'utf8').trim().split('\n')) {
  const messages = JSON.parse(line);
  const ids = idsOf(messages);
  const positions = repliesOf(messages, ids);
  const exact = logitsOf(ids, 'fp32');
  for (const dtype of dtypes) {
    const rows = dtype === 'fp32' ? exact : logitsOf(ids, dtype);
    for (const i of positions) tallies.get(dtype).add(exact[i], rows[i], ids[i + 1]);
  }
}
console.log('| dtype | KL divergence per token | same likeliest token | perplexity | positions |\n|---|---|---|---|---|');
for (const [dtype, tally] of tallies) console.log(`| ${dtype} | ${tally.line.join(' | ')} |`);
