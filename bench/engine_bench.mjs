// Medians of several runs of `hearth bench`, the number formats by turns, as a table for bench/results/.
//
//     node bench/engine_bench.mjs --model FOLDER [--bin build/release/hearth] [--dtypes bf16,int8,int4] [--runs 5] [--quick]
import {execFileSync} from 'node:child_process';
import {parseArgs} from 'node:util';

const {values: options} = parseArgs({options: {
  bin: {type: 'string', default: 'build/release/hearth'},
  model: {type: 'string'},
  dtypes: {type: 'string', default: 'bf16,int8,int4'},
  runs: {type: 'string', default: '5'},
  quick: {type: 'boolean', default: false},
}});
if (!options.model) throw new Error('--model FOLDER is needed');

const bench = (dtype) => JSON.parse(execFileSync(options.bin,
  ['bench', '--model', options.model, '--dtype', dtype, '--json', ...(options.quick ? ['--quick'] : [])],
  {encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'inherit']}));

const dtypes = options.dtypes.split(',');
/** @type {Map<string, any[]>} */
const reports = new Map(dtypes.map((dtype) => [dtype, []]));
for (let run = 0; run < Number(options.runs); ++run) {
  for (const dtype of dtypes) reports.get(dtype)?.push(bench(dtype));
}

/** "12.3 (11.9 … 12.8)" */
const spread = (values, digits = 1) => {
  const sorted = [...values].sort((a, b) => a - b);
  const text = (value) => value.toFixed(digits);
  return `${text(sorted[sorted.length >> 1])} (${text(sorted[0])} … ${text(sorted[sorted.length - 1])})`;
};
const percent = (values) => spread(values.map((value) => value * 100), 0);

const first = reports.get(dtypes[0])?.[0];
const all = [...reports.values()].flat();
console.log(`${first.machine}; ${options.runs} runs of each format by turns; medians (smallest … largest).\n`);
console.log(`Plain reads of a buffer of the model's size: ${spread(all.map((report) => report.read_gb_s))} GB/s. Peaks of all threads: fp32 ` +
  `${spread(all.map((report) => report.peaks.fp32_gflops), 0)} GFLOP/s, bf16 ${spread(all.map((report) => report.peaks.bf16_gflops), 0)}, int8 ` +
  `${spread(all.map((report) => report.peaks.int8_gops), 0)} Gop/s.\n`);
for (const dtype of dtypes) {
  const runs = reports.get(dtype) ?? [];
  console.log(`### ${dtype}\n\n${runs[0].decoder}; logits ${[...new Set(runs.map((report) => report.logits_hash))].join(', ')}.`);
  console.log(`Loaded in ${spread(runs.map((report) => report.load_s), 2)} s; weights ${runs[0].memory.weights_mb.toFixed(0)} MB, anonymous memory ` +
    `after loading ${spread(runs.map((report) => report.memory.anonymous_after_load_mb), 0)} MB.`);
  console.log(`Decode and plain reads by turns (${runs[0].paired.pairs} pairs a run): ${percent(runs.map((report) => report.paired.bandwidth_fraction))} % of the read bandwidth.\n`);
  console.log('| phase | people | context | tokens/s | of the bandwidth, % | of the multipliers, % |\n|---|---|---|---|---|---|');
  runs[0].results.forEach(({phase, batch, context}, i) => {
    const of = (key) => runs.map((report) => report.results[i][key]);
    const fraction = (key) => (runs[0].results[i][key] === undefined ? '' : percent(of(key)));
    console.log(`| ${phase} | ${batch} | ${context} | ${spread(of('tokens_per_s'))} | ${fraction('bandwidth_fraction')} | ${fraction('peak_fraction')} |`);
  });
  console.log('');
}
