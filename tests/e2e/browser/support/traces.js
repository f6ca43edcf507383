// Traces as GET /api/v1/inspect/{message} tells them, computed from raw probabilities so that every stage is consistent.

const others = [' Sydney', ' Melbourne', ' Perth', ' Brisbane', ' Adelaide', ' a', ' the', ' not'];

/** @param {number[]} p */
const normal = (p) => { const sum = p.reduce((a, b) => a + b, 0); return p.map((x) => x / sum); };

/** @param {{text: string, p: number[], own: number, index: number, u: number, sampling: any}} shape p: raw, highest first; own: which of them was written */
const tokenOf = ({text, p, own, index, u, sampling}) => {
  const raw = normal(p);
  const warm = normal(raw.map((x) => x ** (1 / sampling.temperature)));
  let run = 0;
  const last = warm.findIndex((x) => (run += x) >= sampling.top_p);
  const top = normal(warm.map((x, i) => (i <= last ? x : 0)));
  let other = index;
  const candidates = raw.map((_, i) => {
    const name = i === own ? text : others[other++ % others.length];
    return {id: i === own ? 1000 + index : 2000 + i + index, text: name, bytes: Buffer.byteLength(name), logit: 20 + Math.log(raw[i]), score: 20 + Math.log(raw[i]), p: [raw[i], warm[i], top[i]]};
  });
  return {index, id: 1000 + index, text, bytes: Buffer.byteLength(text), lp: Math.log(raw[own]), rank: own, u, entropy: raw.reduce((sum, x) => sum - x * Math.log(x), 0),
    left: [151936, 151936, last + 1], candidates, num_candidates: candidates.length, tail: null};
};

/**
 * The trace of a reply: `shapes` for the tokens that matter, every other one was certain.
 * @param {string} message @param {string[]} texts @param {Record<number, {p: number[], own: number, u: number}>} shapes
 */
export const traceOf = (message, texts, shapes = {}, more = {}) => {
  const sampling = {do_sample: true, temperature: 0.7, top_k: 0, top_p: 0.9, min_p: 0, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0};
  const tokens = texts.map((text, index) => tokenOf({text, index, sampling, u: 0.5, p: [0.97, 0.02, 0.01], own: 0, ...shapes[index]}));
  return {message, conversation: '0'.repeat(32), model: 'demo', state: 'done', to: texts.length, traced: texts.length, inspect: true, seed: 42, prompt_tokens: 23, cached_tokens: 11, sampling,
    stages: ['raw', 'temperature', 'top_p'], tail_betas: [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4], from: 0, tokens, ...more};
};

/** The question that the design shows. */
export const australia = {
  text: 'The capital of Australia is Canberra. Many people guess Sydney, because it is the largest city, but Canberra was built for the purpose: a compromise between Sydney and Melbourne, agreed in 1908.',
  texts: ['The', ' capital', ' of', ' Australia', ' is', ' Canberra', '.', ' Many', ' people', ' guess', ' Sydney', ',', ' because', ' it', ' is', ' the', ' largest', ' city', ',', ' but', ' Canberra', ' was',
    ' built', ' for', ' the', ' purpose', ':', ' a', ' compromise', ' between', ' Sydney', ' and', ' Melbourne', ',', ' agreed', ' in', ' ', '1', '9', '0', '8', '.'],
  shapes: {5: {p: [0.41, 0.22, 0.12, 0.06, 0.045, 0.03, 0.02, 0.015], own: 1, u: 0.7}, 7: {p: [0.5, 0.2, 0.12, 0.08], own: 3, u: 0.99}, 9: {p: [0.4, 0.3, 0.1, 0.06], own: 3, u: 0.99},
    12: {p: [0.55, 0.4], own: 1, u: 0.8}, 22: {p: [0.5, 0.3, 0.1, 0.012], own: 3, u: 0.999}, 26: {p: [0.5, 0.3, 0.08], own: 2, u: 0.96}, 34: {p: [0.6, 0.2, 0.1, 0.008], own: 3, u: 0.999}, 40: {p: [0.6, 0.39], own: 1, u: 0.9}},
};

const prompt = [['<|im_start|>', 151644, true], ['system', 8948], ['\n', 198], ['You', 2610], [' are', 525], [' a', 264], [' helpful', 10950], [' assistant', 17847], ['.', 13], ['<|im_end|>', 151645, true], ['\n', 198],
  ['<|im_start|>', 151644, true], ['user', 872], ['\n', 198], ['详细介绍', 113511], ['下', 16872], ['你自己', 107828], ['。', 1773], ['<|im_end|>', 151645, true], ['\n', 198], ['<|im_start|>', 151644, true], ['assistant', 77091], ['\n', 198]];
/** @param {string} message */
export const promptOf = (message) => ({message, source: 'kept', prompt_tokens: 23, cached_tokens: 11, dropped: [], from: 0, text: prompt.map(([text]) => text).join(''),
  tokens: prompt.map(([text, id, special]) => ({id, text, ...(special && {special})}))});

export const modelSheet = {model: 'demo', decoder: 'cpu, bf16', spec: {architecture: 'Qwen2ForCausalLM', num_hidden_layers: 8, hidden_size: 256, vocab_size: 8192}, parameters: 4936576,
  weight_bytes: 19746304, dtypes: {F32: 19746304}, kv_bytes_per_token: {fp32: 8192, bf16: 4096}, files: ['model.safetensors'],
  tree: {name: 'Qwen2ForCausalLM', parameters: 4936576, children: [{name: 'model', parameters: 4936576, children: [
    {name: 'embed_tokens', parameters: 2097152, kind: 'Embedding', detail: '8192, 256', dtype: 'F32'},
    {name: 'layers', parameters: 2839168, children: [{name: '0-7', parameters: 2839168, copies: 8, children: [
      {name: 'self_attn', parameters: 196608, children: [{name: 'q_proj', parameters: 65536, kind: 'Linear', detail: '256, 256', dtype: 'F32'}, {name: 'k_proj', parameters: 32768, kind: 'Linear', detail: '128, 256', dtype: 'F32'}]},
      {name: 'mlp', parameters: 158000, children: [{name: 'gate_proj', parameters: 79000, kind: 'Linear', detail: '688, 256', dtype: 'F32'}]}]}]},
    {name: 'norm', parameters: 256, kind: 'RMSNorm', detail: '256', dtype: 'F32'}]}]}};

/** @param {string} name */
export const tensorOf = (name) => ({name, dtype: 'F32', shape: [256, 256], bytes: 262144, row: 0, column: 0,
  values: Array.from({length: 12}, (_, y) => Array.from({length: 40}, (_, x) => Math.sin(x * 12.9898 + y * 78.233) * 0.08)),
  statistics: {min: -0.31, max: 0.29, mean: 0.0002, standard_deviation: 0.031, num_not_finite: 0}});
