// The include direction of DESIGN §2, read off the #include lines: who may see whom.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const sources = execFileSync('git', ['ls-files', 'engine', 'server'], {cwd: root, encoding: 'utf8'})
  .split('\n').filter((file) => /\.(h|cpp|cu)$/.test(file));

/** @type {{from: string, line: number, header: string}[]} */
const includes = sources.flatMap((from) =>
  readFileSync(path.join(root, from), 'utf8').split('\n').flatMap((text, index) => {
    const match = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/.exec(text);
    return match ? [{from, line: index + 1, header: match[1]}] : [];
  }));

/** Fails with the offending lines when an include of `from` matches `banned` and is not in `allowed`. */
const forbid = (from, banned, allowed = /^$/) => {
  const bad = includes.filter((i) => from.test(i.from) && banned.test(i.header) && !allowed.test(i.header))
    .map((i) => `${i.from}:${i.line} includes ${i.header}`);
  assert.deepEqual(bad, []);
};

const torch = /^(torch|ATen|c10|caffe2)\//;
const network = /^boost\/|^server\/net\/asio\.h$/;
// Plain data that several modules share: structs without behaviour, and the seam itself.
const sharedData = /^engine\/(base\/.*|runtime\/(request|step_runner|thoughts|token_stream)\.h|sampling\/(sampling_params|sampling_overrides|token_candidates)\.h|checkpoint\/(model_spec|tensor_view|runner_options|generation_config)\.h)$/;

test('there is something to check', () => assert.ok(includes.length > 50, `${includes.length} includes`));

test('only engine/torch includes torch', () => forbid(/^(?!engine\/torch\/)/, torch));

test('nothing in engine includes server', () => forbid(/^engine\//, /^server\//));

for (const module of ['text', 'runtime', 'sampling', 'checkpoint']) {
  const others = ['text', 'runtime', 'sampling', 'checkpoint', 'cpu', 'cuda', 'torch', 'cli'].filter((m) => m !== module);
  // runtime draws tokens: it is the one caller of the sampler.
  const allowed = module === 'runtime' ? new RegExp(`${sharedData.source}|^engine/sampling/sampler\\.h$`) : sharedData;
  test(`engine/${module} does not see the insides of other modules`, () =>
    forbid(new RegExp(`^engine/${module}/`), new RegExp(`^engine/(${others.join('|')})/`), allowed));
}

// The three decoders: over checkpoint, behind the seam, and never the one inside the other.
for (const [decoder, others] of [['cpu', 'text|sampling|structured|cuda|torch|cli'], ['cuda', 'text|sampling|structured|cpu|torch|cli'],
  ['torch', 'text|sampling|structured|cpu|cuda|cli']]) {
  test(`engine/${decoder} implements the step runner over checkpoint`, () => {
    forbid(new RegExp(`^engine/${decoder}/`), new RegExp(`^engine/(${others})/`));
    forbid(new RegExp(`^engine/${decoder}/`), /^engine\/runtime\//, /^engine\/runtime\/(step_runner|batch_check)\.h$/);
  });
}

test('CUDA reaches only engine/cuda, and its decoder not even there', () => {
  const cuda = /^(cuda|cublas|nvrtc|cooperative_groups)/;
  forbid(/^(?!engine\/cuda\/)/, cuda);
  forbid(/^engine\/cuda\/(?!.*\.cu$|.*_cuda\.h$|kernels\/numbers\.h$)/, cuda);
});

test('kernel bodies include only each other, integers and mathematics', () =>
  forbid(/^engine\/cuda\/kernels\/.*\.h$/, /./,
    /^(stdint\.h|string\.h|math\.h|cstdint|cstddef|algorithm|cuda_fp16\.h|engine\/cuda\/kernels\/.*\.h)$/));

test('torch is reached through its loader alone', () =>
  forbid(/^(?!engine\/torch\/)/, /^engine\/torch\//, /^engine\/torch\/module_loader\.h$/));

test('the engine\'s commands are the top: nothing in engine includes them', () =>
  forbid(/^engine\/(?!cli\/)/, /^engine\/cli\//));

test('structured replies know tokens and constraints, no model and no text side', () =>
  forbid(/^engine\/structured\//, /^engine\/(?!structured\/)/, /^engine\/(base\/.*|sampling\/token_constraint\.h)$/));

test('the engine includes no network', () => forbid(/^engine\//, network));

test('instruction-set units include only intrinsics and integers', () =>
  forbid(/^engine\/cpu\/kernels\/.*\.cpp$/, /./, /^(immintrin\.h|stdint\.h|stddef\.h|cstdint|cstddef|engine\/cpu\/kernels\/.*\.h)$/));

test('session is a state machine: no Asio, no threads, no database', () =>
  forbid(/^server\/session\//, /^boost\/|^sqlite3\.h$|^(thread|mutex|condition_variable|future)$|^server\/(net|store|api)\//));

test('session sees of the engine only text, sampling settings and plain data', () =>
  forbid(/^server\/session\//, /^engine\//, new RegExp(`${sharedData.source}|^engine/text/`)));

test('Asio and Beast reach only server/net, through one header', () => {
  forbid(/^(?!server\/net\/)/, network);
  forbid(/^server\/net\/(?!asio\.h$)/, /^boost\/(asio|beast)/);
});

test('api knows no sockets', () => forbid(/^server\/api\//, /^server\/net\//));

test('store knows no network', () => forbid(/^server\/store\//, /^server\/(net|api)\//));

// An optimised build leaves assert out; CHECK stays.
test('no check can be left out of a build', () => forbid(/./, /^(cassert|assert\.h)$/));
