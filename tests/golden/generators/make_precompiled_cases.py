#!/usr/bin/env python3
"""tests/golden/precompiled.json: what the tokenizers library makes of texts with the "Precompiled" normalizer.

    pip install tokenizers==0.23.3
    python make_precompiled_cases.py [--seed 20240711]

The character map and the pieces are those of models/chatglm1-tiny/ice_text.model, put into a tokenizer.json as T5's and XLM-R's are
made: Precompiled, two spaces become one, Metaspace, Unigram. `normal` is the normalised text (absent: the text itself), `ids` the ids.
"""
import argparse
import base64
import json
import random
import struct
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer

GOLDEN = Path(__file__).resolve().parent.parent
TEXTS = ["", " ", "abc", "Ａ①  你好\nﬁ", "ﬁ\u0301n", "e\u0301", "\u1112\u1161\u11ab", "ｶﾞ ｶ\u3099", "½ ⅷ ㈱ ㎏ ℡", "\u00a0a\u3000b\u200bc\ufeff",
         "a\u00adb", "\u0915\u094d\u0937", "\u0e01\u0e33", "👨‍👩‍👧 🇩🇪🇫 ☺️", "x\r\ny\rz\tw", "\x00\x01\x7f", "ÅＡ\u030a", "ﷺ", "…‥", "ﾊﾟ", "１２３", "ẛ̣", "Ǆǆ",
         "\u0958", "  two  spaces   three ", "▁ ▁a", "<n><|tab|>", "\u2126 \u212b", "가각", "\ud7a3", "中文！？：", "\u1e9b\u0323 \u0344"]
ALPHABET = [*"aeéz 1 .,:!", "\u0301", "\u0323", "\u3099", "\u200d", "ﬁ", "①", "Ａ", "ｶ", "ﾞ", "\u3000", "\u00a0", "\u200b", "\ufeff", "👋", "🏽", "\u0e33", "\u0915", "\u094d",
            "\u1112", "\u1161", "\u11ab", "한", "你", "好", "！", "\r", "\n", "\t", "½", "㈱", "…", "\u00ad", "\u0344", "🇩", "🇪", "\ufe0f", "ﷺ", "Ω"]


def fields(data):
    """Numbers and byte strings of a protocol buffer."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            yield key >> 3, data[at:at + size]
            at += size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=20240711)
    rng = random.Random(parser.parse_args().seed)
    vocab, charsmap = [], b""
    for number, value in fields((GOLDEN / "models/chatglm1-tiny/ice_text.model").read_bytes()):
        if number == 1:
            piece = dict(fields(value))
            vocab.append([piece[1].decode(), struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0])
        elif number == 3:
            charsmap = dict(fields(value))[2]
    tokenizer = Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False}}))
    texts = TEXTS + ["".join(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 12))) for _ in range(600)]
    cases = []
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(text)
        case = {"text": text, "ids": tokenizer.encode(text).ids}
        if normal != text:
            case["normal"] = normal
        cases.append(case)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (GOLDEN / "precompiled.json").write_text(
        '{"versions": {"tokenizers": "%s"}, "model": "chatglm1-tiny/ice_text.model", "cases": [\n%s\n]}\n' % (tokenizers.__version__, lines), encoding="utf-8")
    print(len(cases), "cases,", sum("normal" in case for case in cases), "change")


main()
