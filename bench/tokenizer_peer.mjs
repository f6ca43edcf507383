// Times the tokenizers library (its Node binding, one thread) on the same files as tokenizer_bench.
//   npm install tokenizers@0.23.2
//   RAYON_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false UV_THREADPOOL_SIZE=1 node bench/tokenizer_peer.mjs NODE_MODULES MODEL_DIR FILE…
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';

const [modules, model, ...files] = process.argv.slice(2);
const {Tokenizer} = createRequire(path.resolve(modules, 'x.js'))('tokenizers');
const rounds = 15;

const hashOf = (ids) => {
  let hash = 2166136261;
  for (const id of ids) for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ (id >> shift & 0xff), 16777619);
  return (hash >>> 0).toString(16).padStart(8, '0');
};

const begin = performance.now();
const tokenizer = Tokenizer.fromFile(path.join(model, 'tokenizer.json'));
console.log(`load ${(performance.now() - begin).toFixed(0)} ms`);
// Pieces of about 4 KiB, cut behind newlines, as in tokenizer_bench.
const piecesOf = (text) => text.match(/[^\n]*\n|[^\n]+$/g).reduce((pieces, line) => {
  if (Buffer.byteLength(pieces.at(-1)) >= 4096) pieces.push('');
  pieces[pieces.length - 1] += line;
  return pieces;
}, ['']);

const measure = async (what, bytes, work) => {
  const times = [];
  for (let i = 0; i < rounds + 2; ++i) {
    const start = performance.now();
    await work();
    if (i >= 2) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const speed = (ms) => (bytes / 1e3 / ms).toFixed(1);
  console.log(`  ${what.padEnd(8)} MB/s median ${speed(times[times.length >> 1])} min ${speed(times.at(-1))} max ${speed(times[0])}`);
};

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const bytes = Buffer.byteLength(text);
  const ids = (await tokenizer.encode(text, null, {addSpecialTokens: false})).getIds();
  console.log(`${file}: ${bytes} bytes, ${ids.length} ids, hash ${hashOf(ids)}`);
  await measure('encode', bytes, () => tokenizer.encode(text, null, {addSpecialTokens: false}));
  const pieces = piecesOf(text);
  await measure('pieces', bytes, () => tokenizer.encodeBatch(pieces, {addSpecialTokens: false}));
}
