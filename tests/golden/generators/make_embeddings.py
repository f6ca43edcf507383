"""Writes tests/golden/embeddings: a tiny BertModel as sentence-transformers keeps it (mean pooling, normalised), and the vectors that
transformers computes with it and, from the last token, with models/qwen2-tied.

    python make_embeddings.py        (torch, transformers; versions are in expected.json)
"""
import shutil
from pathlib import Path

import torch
import transformers
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from common import write_json

GOLDEN = Path(__file__).resolve().parent.parent
OUT = GOLDEN / "embeddings"
TEXTS = ["Hello, world!", "A much longer text about tokens, models and the people in the room.", "你好", "tokens"]


def make_bert(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(GOLDEN / "models/bert-cls" / name, folder / name)
    torch.manual_seed(31)
    config = BertConfig(vocab_size=493, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                        max_position_embeddings=64, initializer_range=0.2)
    BertModel(config).eval().save_pretrained(folder)
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}], indent=1)
    write_json(folder / "1_Pooling/config.json", {
        "word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}, indent=1)


def vectors(folder, pool):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    cases = []
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            states = model(**inputs).last_hidden_state[0]
        vector = torch.nn.functional.normalize(pool(states), dim=0)
        cases.append({"text": text, "ids": inputs["input_ids"][0].tolist(), "embedding": [round(x, 7) for x in vector.tolist()]})
    return cases


make_bert(OUT / "bert-mean")
write_json(OUT / "expected.json", {
    "generator": "generators/make_embeddings.py", "versions": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
    "mean": vectors(OUT / "bert-mean", lambda states: states.mean(0)),
    "last": vectors(GOLDEN / "models/qwen2-tied", lambda states: states[-1])})
