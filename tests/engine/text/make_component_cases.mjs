// Writes component_cases.json: small tokenizer.json files, one per component, with the ids and texts that the tokenizers
// library gives for them.   npm install tokenizers@0.23.2 && node make_component_cases.mjs NODE_MODULES > component_cases.json
import {createRequire} from 'node:module';
import path from 'node:path';

const modules = path.resolve(process.argv[2]);
const require = createRequire(path.join(modules, 'x.js'));
const {Tokenizer} = require('tokenizers');
const {version} = require('tokenizers/package.json');

// One token per character of these, so that ids show where words and normal forms begin and end.
const chars = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHI0123456789 .,!?\'"-_<>|/[]()\n\t▁éèüßàñç中文字あア①½Ⅷ️\u0301\u0327\u00a0\u3000가각각ﬁΩ한'];
const base = ['<unk>', ...Array.from({length: 256}, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`), ...new Set(chars)];
const merges = [['a', 'b'], ['ab', 'c'], ['▁', 'a'], ['▁a', 'b'], ['e', 'r'], ['h', 'e'], ['▁', 'he'], ['1', '2'], ['12', '3'], ['中', '文'], [' ', ' '], ['  ', '  '], ['<', 'x'], ['<x', '>']];
const vocab = Object.fromEntries([...base, ...merges.map((pair) => pair.join(''))].map((token, id) => [token, id]));

// Every byte of the byte alphabet.
const alphabet = (() => {
  const own = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 0x100;
  return Array.from({length: 256}, (_, b) => String.fromCodePoint(own(b) ? b : next++));
})();
const byteMerges = [['h', 'e'], ['Ġ', 'he'], ['l', 'l'], ['ä', '½'], ['1', '2']];
const byteVocab = Object.fromEntries([...alphabet, ...byteMerges.map((pair) => pair.join(''))].map((token, id) => [token, id]));

const byteDecoder = {type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true};
const added = (content, options = {}) => ({id: 0, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...options});
const model = (options = {}) => ({type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges, ...options});
const byteModel = (options = {}) => ({...model({unk_token: null, ...options}), vocab: byteVocab, merges: byteMerges});
const pipeline = (parts) => ({version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, model: model(), ...parts});
const split = (pattern, behavior, invert = false) => ({type: 'Split', pattern, behavior, invert});
const sequence = (key, ...list) => ({type: 'Sequence', [key]: list});

const texts = ['', ' ', 'abc', ' abcab  he', 'he said: "ab-c", 123 4', 'Élan é e\u0301 ﬁne Ⅷ ½ ①', '中文字 あア 한 각', 'a<x>b <x> ab<x>', '  he\n\tab \u00a0 x\u3000a  ', '𝒳ab😀😀c', "he's it's WE'LL", 'ab▁ab ▁', '12312 1a2', '(ab)[c].,!', 'q\u0301\u0327q\u0327\u0301 각 각', '.ab. .ab.', 'X\u180eab\u200bc'];
const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];

const pipelines = {
  'no components': {},
  'fused unknown': {model: model({fuse_unk: true})},
  'byte fallback': {model: model({byte_fallback: true, fuse_unk: true})},
  'no unknown token': {model: model({unk_token: null})},
  'ignore_merges': {pre_tokenizer: {type: 'WhitespaceSplit'}, model: model({ignore_merges: true, merges: []})},
  ...Object.fromEntries(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents'].map((type) => [type, {normalizer: {type}, model: model({byte_fallback: true})}])),
  'NFD, StripAccents': {normalizer: sequence('normalizers', {type: 'NFD'}, {type: 'StripAccents'}), model: model({byte_fallback: true})},
  'Strip both': {normalizer: {type: 'Strip', strip_left: true, strip_right: true}},
  'Strip left': {normalizer: {type: 'Strip', strip_left: true, strip_right: false}},
  'Strip right': {normalizer: {type: 'Strip', strip_left: false, strip_right: true}},
  'Prepend and Replace': {normalizer: sequence('normalizers', {type: 'Prepend', prepend: '▁'}, {type: 'Replace', pattern: {String: ' '}, content: '▁'})},
  'Replace by expression': {normalizer: {type: 'Replace', pattern: {Regex: '\\s+'}, content: ' '}},
  ...Object.fromEntries(behaviors.flatMap((behavior) => [
    [`Split text ${behavior}`, {pre_tokenizer: split({String: 'ab'}, behavior)}],
    [`Split expression ${behavior}`, {pre_tokenizer: split({Regex: '\\w+'}, behavior)}],
    [`Split expression ${behavior}, inverted`, {pre_tokenizer: split({Regex: '\\s+'}, behavior, true)}],
    [`Punctuation ${behavior}`, {pre_tokenizer: {type: 'Punctuation', behavior}}],
  ])),
  'Digits': {pre_tokenizer: {type: 'Digits', individual_digits: false}},
  'Digits, each': {pre_tokenizer: {type: 'Digits', individual_digits: true}},
  'Whitespace': {pre_tokenizer: {type: 'Whitespace'}},
  'WhitespaceSplit': {pre_tokenizer: {type: 'WhitespaceSplit'}},
  'BertPreTokenizer': {pre_tokenizer: {type: 'BertPreTokenizer'}},
  'CharDelimiterSplit': {pre_tokenizer: {type: 'CharDelimiterSplit', delimiter: 'b'}},
  'FixedLength': {pre_tokenizer: {type: 'FixedLength', length: 3}},
  ...Object.fromEntries(['always', 'first', 'never'].flatMap((prepend_scheme) => [true, false].map((cut) => [`Metaspace ${prepend_scheme} ${cut ? 'split' : 'whole'}`, {
    added_tokens: [added('<x>')],
    pre_tokenizer: {type: 'Metaspace', replacement: '▁', prepend_scheme, split: cut},
    decoder: {type: 'Metaspace', replacement: '▁', prepend_scheme, split: cut},
  }]))),
  'Split then Metaspace': {pre_tokenizer: sequence('pretokenizers', split({Regex: '[0-9]+'}, 'Isolated'), {type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true})},
  'Gemma': {normalizer: {type: 'Replace', pattern: {String: ' '}, content: '▁'}, pre_tokenizer: split({String: ' '}, 'MergedWithPrevious'), model: model({byte_fallback: true, fuse_unk: true}),
    decoder: sequence('decoders', {type: 'Replace', pattern: {String: '▁'}, content: ' '}, {type: 'ByteFallback'}, {type: 'Fuse'})},
  'Llama': {normalizer: sequence('normalizers', {type: 'Prepend', prepend: '▁'}, {type: 'Replace', pattern: {String: ' '}, content: '▁'}), model: model({byte_fallback: true, fuse_unk: true}),
    decoder: sequence('decoders', {type: 'Replace', pattern: {String: '▁'}, content: ' '}, {type: 'ByteFallback'}, {type: 'Fuse'}, {type: 'Strip', content: ' ', start: 1, stop: 0})},
  'Strip each token': {decoder: {type: 'Strip', content: ' ', start: 1, stop: 0}},
  'Fuse, Strip': {decoder: sequence('decoders', {type: 'Fuse'}, {type: 'Strip', content: ' ', start: 2, stop: 0})},
  'Replace by expression when decoding': {decoder: {type: 'Replace', pattern: {Regex: '[ab]+'}, content: '*'}},
  'WordPiece decoder': {decoder: {type: 'WordPiece', prefix: '##', cleanup: true}},
  'WordPiece decoder, plain': {decoder: {type: 'WordPiece', prefix: 'a', cleanup: false}},
  'ByteLevel': {pre_tokenizer: {type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true}, decoder: byteDecoder, model: byteModel()},
  'ByteLevel, prefix space': {pre_tokenizer: {type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true}, decoder: byteDecoder, model: byteModel()},
  'ByteLevel, no expression': {pre_tokenizer: {type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false}, decoder: byteDecoder, model: byteModel({ignore_merges: true})},
  'Tekken': {pre_tokenizer: sequence('pretokenizers', split({Regex: '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'}, 'Isolated'), {type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false}), decoder: byteDecoder, model: byteModel()},
  'DeepSeek': {pre_tokenizer: sequence('pretokenizers', split({Regex: '\\p{N}{1,3}'}, 'Isolated'), split({Regex: '[一-龥぀-ゟ゠-ヿ]+'}, 'Isolated'),
    split({Regex: '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'}, 'Isolated'),
    {type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false}), decoder: byteDecoder, model: byteModel()},
  'added: lstrip and rstrip': {added_tokens: [added('<x>', {lstrip: true, rstrip: true})]},
  'added: single word': {added_tokens: [added('ab', {single_word: true}), added('<x>')]},
  'added: normalized': {added_tokens: [added('É', {normalized: true, special: false}), added('AB', {normalized: true, special: true})], normalizer: {type: 'Lowercase'}},
  'added: normalized behind Prepend': {added_tokens: [added('<x>', {normalized: true})], normalizer: sequence('normalizers', {type: 'Prepend', prepend: '▁'}, {type: 'Replace', pattern: {String: ' '}, content: '▁'})},
  'added: the longest wins': {added_tokens: [added('a'), added('ab'), added('abcab'), added('bc')]},
  'added: new ids in order': {added_tokens: [added('he said'), added('<x>'), added('WE')], model: model()},
  'TemplateProcessing': {added_tokens: [added('[CLS]'), added('[SEP]')], post_processor: {type: 'TemplateProcessing', single: [{SpecialToken: {id: '[CLS]', type_id: 0}}, {Sequence: {id: 'A', type_id: 0}}, {SpecialToken: {id: '[SEP]', type_id: 0}}, {SpecialToken: {id: '[SEP]', type_id: 0}}], pair: [{Sequence: {id: 'A', type_id: 0}}, {Sequence: {id: 'B', type_id: 1}}],
    special_tokens: {'[CLS]': {id: '[CLS]', ids: [5, 6], tokens: ['[CLS]', 'x']}, '[SEP]': {id: '[SEP]', ids: [7], tokens: ['[SEP]']}}}},
  'BertProcessing': {post_processor: {type: 'BertProcessing', sep: ['a', 7], cls: ['b', 8]}},
  'RobertaProcessing': {post_processor: {type: 'RobertaProcessing', sep: ['a', 7], cls: ['b', 8], trim_offsets: true, add_prefix_space: false}},
};

const cases = [];
for (const [name, parts] of Object.entries(pipelines)) {
  const json = pipeline(parts);
  const tokenizer = Tokenizer.fromString(JSON.stringify(json));
  const results = [];
  for (const text of texts) {
    const ids = (await tokenizer.encode(text, null, {addSpecialTokens: false})).getIds();
    const special = (await tokenizer.encode(text, null, {addSpecialTokens: true})).getIds();
    results.push({text, ids, ...(String(special) === String(ids) ? {} : {ids_special: special}), decode: await tokenizer.decode(ids, false)});
  }
  // The two vocabularies stand once, at the top.
  const {vocab: _, ...rest} = json.model;
  cases.push({name, tokenizer: {...json, model: {...rest, vocab: json.model.vocab === vocab ? 'chars' : 'bytes'}}, cases: results});
}
const one = (value) => JSON.stringify(value);
console.log(`{"tokenizers": ${one(version)},\n"vocabularies": {"chars": ${one(vocab)},\n"bytes": ${one(byteVocab)}},\n"pipelines": [\n${cases.map(one).join(',\n')}\n]}`);
