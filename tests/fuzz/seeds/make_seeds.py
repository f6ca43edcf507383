#!/usr/bin/env python3
"""Writes the seeds of the engine's fuzz targets: small files, each with one feature of its format. Same bytes in every run.

    python make_seeds.py
"""
import json
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def write(target, seeds):
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


# --- pytorch_model.bin: a stored zip with data.pkl, data/0 and version ---------------------------------------------------------------


def archive(pickle, storages, root="archive", method=0):
    files = [(f"{root}/data.pkl", pickle), *((f"{root}/data/{key}", data) for key, data in storages.items()), (f"{root}/version", b"3\n")]
    body, directory = b"", b""
    for name, data in files:
        head = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\3\4" + head + name.encode() + data
    return body + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)


def tensor(type_="FloatStorage", elements=6, offset=0, sizes=(2, 3), strides=(3, 1)):
    storage = b"(" + text("storage") + b"ctorch\n" + type_.encode() + b"\n" + text("0") + text("cpu") + number(elements) + b"tQ"
    shape = b"".join(b"(" + b"".join(number(n) for n in values) + b"t" for values in (sizes, strides))
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + shape + b"\x89ccollections\nOrderedDict\n)RtR"


def state_dict(*tensors, begin=b"}", end=b""):
    return b"\x80\x02" + begin + b"".join(text(f"w{i}") + t + b"s" for i, t in enumerate(tensors)) + end + b"."


FLOATS = struct.pack("<6f", *range(6))
PARAMETER = b"ctorch._utils\n_rebuild_parameter\n" + tensor() + b"\x88ccollections\nOrderedDict\n)R\x87R"
write("torch_archive_fuzz", {
    "plain": archive(state_dict(tensor()), {"0": FLOATS}),
    "transposed": archive(state_dict(tensor(strides=(1, 2))), {"0": FLOATS}),
    "two_views": archive(state_dict(tensor(sizes=(3,), strides=(1,)), tensor(sizes=(3,), strides=(1,), offset=3)), {"0": FLOATS}),
    "half": archive(state_dict(tensor("HalfStorage", 12, 0, (12,), (1,))), {"0": FLOATS}),
    "parameter": archive(state_dict(PARAMETER), {"0": FLOATS}),
    "ordered_dict": archive(state_dict(tensor(), begin=b"ccollections\nOrderedDict\n)R", end=b"}" + text("_metadata") + b"}sb"), {"0": FLOATS}),
    "memo": archive(b"\x80\x02}q\x00(" + text("w") + b"q\x01" + tensor() + b"q\x02" + text("v") + b"h\x02u.", {"0": FLOATS}),
    "protocol4": archive(b"\x80\x04\x95" + struct.pack("<Q", 4) + b"}\x94\x8c\x01w" + tensor() + b"\x94s.", {"0": FLOATS}),
    "global": archive(state_dict(b"cos\nsystem\n" + text("true") + b"\x85R"), {"0": FLOATS}),
    "past_the_end": archive(state_dict(tensor(elements=6, sizes=(7,), strides=(1,))), {"0": FLOATS}),
    "deflated": archive(state_dict(tensor()), {"0": FLOATS}, method=8),
    "bare_pickle": state_dict(tensor()),
    "bare_numbers": b"\x80\x02(N\x88\x89K\x01M\x02\x01J\xff\xff\xff\xff\x8a\x02\x01\x80G" + bytes(8) + b")]}t.",
})

# --- safetensors ---------------------------------------------------------------------------------------------------------------------


def safetensors(header, num_bytes=0):
    data = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(data)) + data + bytes(range(num_bytes % 256)) * (num_bytes and 1)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


write("safetensors_fuzz", {
    "empty": safetensors({}),
    "two": safetensors({"__metadata__": {"format": "pt"}, "a": entry("F32", [2, 2], 0, 16), "b": entry("BF16", [3], 16, 22)}, 22),
    "scalar": safetensors({"a": entry("I64", [], 0, 8)}, 8),
    "nothing": safetensors({"a": entry("F16", [0, 7], 0, 0)}),
    "four_bit": safetensors({"a": entry("F4", [4], 0, 2)}, 2),
    "padded": safetensors(b' {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}\n ', 1),
    "overlap": safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 2, 6)}, 6),
    "overflow": safetensors({"a": entry("F32", [2, 1 << 63], 0, 0)}),
    "twice": safetensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
    "lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
})

# --- tokenizer.model -----------------------------------------------------------------------------------------------------------------


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(key, value):
    if isinstance(value, float):
        return varint(key << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(key << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(key << 3 | 2) + varint(len(value)) + value


def model(kind, pieces, trainer=b"", normalizer=b""):
    out = b"".join(field(1, field(1, piece) + field(2, score) + field(3, type_)) for piece, score, type_ in pieces)
    return out + field(2, field(3, kind) + trainer) + field(3, normalizer)


PIECES = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("▁", -3.0, 1), ("a", -1.0, 1), ("b", -2.0, 1), ("ab", -0.5, 1), ("▁a", -1.5, 1), ("<n>", 0.0, 4), ("你", -4.0, 1)]
BYTES = [(f"<0x{b:02X}>", 0.0, 6) for b in range(256)]


def sample(family, says, data):
    says = says.encode()
    return bytes([family, len(says)]) + says + data


# "é" → "e" and "ﬁ" → "fi": a double array of one node a byte.
def charsmap(pairs):
    units, blob = [0] * 1024, b""
    for source, target in pairs:
        offset, node = 1, 0
        units[0] = offset << 10
        for at, byte in enumerate(source.encode()):
            node = (node ^ (units[node] >> 10)) ^ byte
            offset += 256
            units[node] = (offset << 10 | byte) & 0xFFFFFFFF
        units[node] |= 256
        units[node ^ (units[node] >> 10)] = len(blob) | 0x80000000
        blob += target.encode() + b"\0"
    return struct.pack("<I", len(units) * 4) + struct.pack(f"<{len(units)}I", *units) + blob


write("sentencepiece_fuzz", {
    "unigram": sample(0, "ab  a 你", model(1, PIECES)),
    "bpe": sample(0, " abba", model(2, PIECES)),
    "bytes": sample(0, "aé\nb", model(2, PIECES + BYTES, field(35, 1))),
    "glm1": sample(1, "a\n\tb   a", model(1, PIECES + [("<|tab|>", 0.0, 4), ("<|blank_2|>", 0.0, 4)], b"", field(4, 1))),
    "glm2": sample(2, "[gMASK] ab", model(2, PIECES, b"", field(3, 0))),
    "glm3": sample(3, "<|user|>\n ab", model(2, PIECES)),
    "yuan": sample(4, "a<n>b<sep>", model(2, PIECES + [("<sep>", 0.0, 4), ("<eod>", 0.0, 4)])),
    "mapped": sample(0, "éa", model(1, PIECES, b"", field(2, charsmap([("é", "a")])))),
})

# --- tokenizer.json, a zero byte, a text ---------------------------------------------------------------------------------------------

VOCAB = {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "▁": 4, "▁a": 5, " ": 6}
BPE = {"type": "BPE", "unk_token": "<unk>", "vocab": VOCAB, "merges": ["a b", "▁ a"]}


def tokenizer(says, **parts):
    return json.dumps({"added_tokens": [{"id": 7, "content": "<s>", "special": True, "normalized": False}], "model": BPE, **parts}, ensure_ascii=False) + "\0" + says


write("tokenizer_fuzz", {
    "text": "a  b<|a|> <b>c\n\u00e9\u4f60",
    "bpe": tokenizer("ab <s>a"),
    "normalizers": tokenizer("É ab", normalizer={"type": "Sequence", "normalizers": [
        {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}),
    "split": tokenizer("ab1a b", pre_tokenizer={"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{N}|\\s+(?!\\S)"}, "behavior": "Isolated"}, {"type": "Digits", "individual_digits": True}]}),
    "metaspace": tokenizer(" ab a", pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}, decoder={"type": "Metaspace", "replacement": "▁"}),
    "unigram": tokenizer("abab", model={"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["b", -2], ["ab", -0.5]]}),
    "word_piece": tokenizer("Ab, a", model={"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9,
                                            "vocab": {"[UNK]": 0, "a": 1, "##b": 2, ",": 3}}, normalizer={"type": "BertNormalizer"}, pre_tokenizer={"type": "BertPreTokenizer"},
                            decoder={"type": "WordPiece", "prefix": "##"}),
    "template": tokenizer("a", post_processor={"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                                               "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [7], "tokens": ["<s>"]}}}),
    "bytes": tokenizer("é", model={**BPE, "byte_fallback": True, "vocab": {**VOCAB, "<0xC3>": 8, "<0xA9>": 9}},
                       decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}),
    "precompiled": tokenizer("ab", normalizer={"type": "Precompiled", "precompiled_charsmap": "BAAAAAEAAABhAA=="}),
    "slow_pattern": tokenizer("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a|a)*b"}, "behavior": "Removed"}),
})

# --- a chat template, a zero byte, a message -----------------------------------------------------------------------------------------

write("template_fuzz", {
    "chatml": "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}\0hello",
    "filters": "{{ messages[1].content | trim | upper | replace('A', 'b') | length }}{{ [3, 1, 2] | sort | join(',') }}{{ d | tojson }}\0 abc ",
    "scopes": "{% set ns = namespace(n=0) %}{% for m in messages if m.role != 'system' %}{% set ns.n = ns.n + loop.index %}{% endfor %}{{ ns.n }}",
    "macro": "{% macro f(x, y=2) %}{{ x ~ y }}{% endmacro %}{{ f(1) }}{% call f(3) %}{% endcall %}",
    "slices": "{{ messages[1].content[::-1] }}{{ messages[1:][0].role[1:-1] }}{{ 'a' 'b' * 3 }}\0xyz",
    "format": "{{ '%5.2f|%s' | format(1.5, 'a') }}{{ '{:>8}'.format('b') }}{{ strftime_now('%d %b %Y') }}",
    "raise": "{% if not messages[0].content %}{{ raise_exception('no') }}{% endif %}{% generation %}x{% endgeneration %}",
    "trimmed": "{%- for i in range(3) -%}\n  {{- i }} {# note #}\n{%- endfor %}{{ tools[0].parameters.type if tools is defined and tools else none }}",
    "tests": "{{ n is odd }}{{ n is divisibleby 3 }}{{ bos_token is string }}{{ x is undefined }}{{ 1 < 2 and not (3 in [4]) or 2 ** 3 // 2 % 5 }}",
})

# --- config.json ---------------------------------------------------------------------------------------------------------------------

SIZES = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
write("config_fuzz", {name: json.dumps(config) for name, config in {
    "qwen2": {"model_type": "qwen2", **SIZES, "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1, "tie_word_embeddings": True},
    "llama3": {"model_type": "llama", **SIZES, "rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                                                  "original_max_position_embeddings": 64}, "eos_token_id": [1, 2]},
    "yarn": {"model_type": "qwen3", **SIZES, "head_dim": 8, "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6, "original_max_position_embeddings": 64}},
    "phi3": {"model_type": "phi3", **SIZES, "max_position_embeddings": 128, "original_max_position_embeddings": 64,
             "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1], "long_factor": [2.0, 2.2]}},
    "gemma3": {"model_type": "gemma3_text", **SIZES, "head_dim": 8, "layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 8, "sliding_window": 4},
    "chatglm1": {"model_type": "chatglm", "inner_hidden_size": 64, "hidden_size": 16, "num_layers": 2, "num_attention_heads": 4, "vocab_size": 64, "position_encoding_2d": True},
    "chatglm2": {"model_type": "chatglm", "ffn_hidden_size": 24, "hidden_size": 16, "num_layers": 2, "num_attention_heads": 4, "multi_query_attention": True,
                 "multi_query_group_num": 2, "kv_channels": 4, "padded_vocab_size": 64, "seq_length": 128},
    "yuan": {"model_type": "yuan", **SIZES, "num_key_value_heads": 4},
    "bert": {"model_type": "bert", "architectures": ["BertForSequenceClassification"], **SIZES, "max_position_embeddings": 32, "type_vocab_size": 2, "id2label": {"0": "no", "1": "yes"}},
    "gptq": {"model_type": "llama", **SIZES, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 8, "desc_act": False}},
}.items()})
