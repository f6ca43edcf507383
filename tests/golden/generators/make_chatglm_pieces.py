#!/usr/bin/env python3
"""tests/golden/tokenizers/chatglm2_pieces.json: the pieces of ChatGLM2's vocabulary that the published vectors can touch.

    python make_chatglm_pieces.py Chatglm2_6b_vocab.txt

The list is resource/tokenizer/Chatglm2_6b_vocab.txt of github.com/wangzhaode/mnn-llm (commit d459506, Apache-2.0): one piece a line in the
order of the ids, in base64, a blank for "▁". Byte pair encoding only ever looks at pieces that are parts of the text, so these few
give the same ids as all 64,789. A piece's rank is its id; the vectors, which others made with the real file, hold with it.
"""
import base64
import json
import sys
from pathlib import Path

TOKENIZERS = Path(__file__).resolve().parent.parent / "tokenizers"
FIRST, LAST = 259, 64789  # before: unknown, control and byte pieces; after: special tokens

vectors = json.loads((TOKENIZERS / "chatglm_vectors.json").read_text())
texts = [case["text"] for name in ("chatglm2", "chatglm3") for case in vectors[name]["encode"]]
texts += [message["content"] for chat in vectors["chatglm3"]["chat"] for message in chat["messages"]]
parts = {text[i:j] for text in (" " + text for text in [*texts, "\n"]) for i in range(len(text)) for j in range(i + 1, len(text) + 1)}
lines = Path(sys.argv[1]).read_text().split("\n")
pieces = [(i, base64.b64decode(lines[i]).decode()) for i in range(FIRST, LAST)]
kept = ",\n".join(json.dumps([i, piece.replace(" ", "▁")], ensure_ascii=False) for i, piece in pieces if piece in parts)
(TOKENIZERS / "chatglm2_pieces.json").write_text(f"[\n{kept}\n]\n")
