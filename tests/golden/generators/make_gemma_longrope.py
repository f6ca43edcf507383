#!/usr/bin/env python3
"""Tiny random Gemma 1, Gemma 3 and Phi-3 (longrope) folders with logits of the plain network below.

    python make_gemma_longrope.py --seed 20240706 [--out DIR]

Needs nothing but Python. Numbers are doubles, so that the logits are the exact ones of the stored bf16
weights; formulas are those of the published modelling code: rotary halves, (1 + w) norms, scaled
embedding, per-layer windows and ropes, short and long factors. Writes DIR/models/NAME/{config.json,
model.safetensors,expected.json}.
"""
import argparse
import json
import math
import random
import struct
from pathlib import Path


def bf16(x):
    """The nearest bfloat16, as a float."""
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return struct.unpack("<f", struct.pack("<I", bits))[0]


class Weights:
    def __init__(self, rng):
        self.rng, self.t = rng, {}

    def matrix(self, name, rows, columns, std):
        self.t[name] = [[bf16(self.rng.gauss(0, std)) for _ in range(columns)] for _ in range(rows)]

    def vector(self, name, size, mean):
        self.t[name] = [bf16(self.rng.gauss(mean, 0.2)) for _ in range(size)]

    def save(self, path):
        header, data = {"__metadata__": {"format": "pt"}}, b""
        for name, t in self.t.items():
            flat = [x for row in t for x in row] if isinstance(t[0], list) else t
            raw = b"".join(struct.pack("<f", x)[2:] for x in flat)
            shape = [len(t), len(t[0])] if isinstance(t[0], list) else [len(t)]
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def multiply(w, x):
    return [sum(a * b for a, b in zip(row, x)) for row in w]


def add(a, b):
    return [x + y for x, y in zip(a, b)]


def norm(x, w, eps, offset):
    scale = 1 / math.sqrt(sum(v * v for v in x) / len(x) + eps)
    return [v * scale * (offset + g) for v, g in zip(x, w)]


def rotate(head, angles, factor):
    half = len(angles)
    out = list(head)
    for j, angle in enumerate(angles):
        a, b = head[j], head[j + half]
        out[j] = (a * math.cos(angle) - b * math.sin(angle)) * factor
        out[j + half] = (b * math.cos(angle) + a * math.sin(angle)) * factor
    return out


def gelu_tanh(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def silu(x):
    return x / (1 + math.exp(-x))


class Network:
    """One sequence, all at once. `layers[i]` says window, inverse frequencies and their factor."""

    def __init__(self, config, weights, layers, gemma, sandwich, qk_norm):
        self.c, self.w, self.layers = config, weights.t, layers
        self.gemma, self.sandwich, self.qk_norm = gemma, sandwich, qk_norm
        self.heads, self.kv = config["num_attention_heads"], config["num_key_value_heads"]
        self.d = config.get("head_dim", config["hidden_size"] // self.heads)
        self.scale = config.get("query_pre_attn_scalar", self.d) ** -0.5

    def rms(self, x, name):
        return norm(x, self.w[name + ".weight"], self.c["rms_norm_eps"], 1 if self.gemma else 0)

    def split(self, x, count):
        return [x[i * self.d:(i + 1) * self.d] for i in range(count)]

    def project(self, name, x):
        if name + "qkv_proj.weight" in self.w:
            all_rows = multiply(self.w[name + "qkv_proj.weight"], x)
            a, b = self.heads * self.d, (self.heads + self.kv) * self.d
            return all_rows[:a], all_rows[a:b], all_rows[b:]
        return tuple(multiply(self.w[f"{name}{p}_proj.weight"], x) for p in "qkv")

    def attention(self, i, xs):
        name, layer = f"model.layers.{i}.self_attn.", self.layers[i]
        qs, ks, vs = [], [], []
        for position, x in enumerate(xs):
            q, k, v = self.project(name, x)
            q, k = self.split(q, self.heads), self.split(k, self.kv)
            if self.qk_norm:
                q = [self.rms(h, name + "q_norm") for h in q]
                k = [self.rms(h, name + "k_norm") for h in k]
            angles = [position * f for f in layer["frequencies"]]
            qs.append([rotate(h, angles, layer["factor"]) for h in q])
            ks.append([rotate(h, angles, layer["factor"]) for h in k])
            vs.append(self.split(v, self.kv))
        out = []
        for t, q in enumerate(qs):
            first = max(0, t - layer["window"] + 1) if layer["window"] else 0
            row = []
            for h in range(self.heads):
                group = h // (self.heads // self.kv)
                scores = [sum(a * b for a, b in zip(q[h], ks[s][group])) * self.scale for s in range(first, t + 1)]
                top = max(scores)
                weights = [math.exp(s - top) for s in scores]
                total = sum(weights)
                for j in range(self.d):
                    row.append(sum(w * vs[first + s][group][j] for s, w in enumerate(weights)) / total)
            out.append(multiply(self.w[name + "o_proj.weight"], row))
        return out

    def mlp(self, i, x):
        name = f"model.layers.{i}.mlp."
        if name + "gate_up_proj.weight" in self.w:
            both = multiply(self.w[name + "gate_up_proj.weight"], x)
            gate, up = both[:len(both) // 2], both[len(both) // 2:]
        else:
            gate, up = multiply(self.w[name + "gate_proj.weight"], x), multiply(self.w[name + "up_proj.weight"], x)
        act = gelu_tanh if self.gemma else silu
        return multiply(self.w[name + "down_proj.weight"], [act(g) * u for g, u in zip(gate, up)])

    def logits(self, ids):
        scale = struct.unpack("<f", struct.pack("<f", math.sqrt(self.c["hidden_size"])))[0] if self.gemma else 1
        hs = [[v * scale for v in self.w["model.embed_tokens.weight"][i]] for i in ids]
        for i in range(self.c["num_hidden_layers"]):
            name = f"model.layers.{i}."
            attended = self.attention(i, [self.rms(h, name + "input_layernorm") for h in hs])
            if self.sandwich:
                attended = [self.rms(a, name + "post_attention_layernorm") for a in attended]
            hs = [add(h, a) for h, a in zip(hs, attended)]
            before = "pre_feedforward_layernorm" if self.sandwich else "post_attention_layernorm"
            outs = [self.mlp(i, self.rms(h, name + before)) for h in hs]
            if self.sandwich:
                outs = [self.rms(o, name + "post_feedforward_layernorm") for o in outs]
            hs = [add(h, o) for h, o in zip(hs, outs)]
        head = self.w.get("lm_head.weight", self.w["model.embed_tokens.weight"])
        return [multiply(head, self.rms(h, "model.norm")) for h in hs]


def frequencies(theta, dim, extension=None, factor=1.0):
    return [1 / ((extension[j] if extension else 1) * factor * theta ** (2 * j / dim)) for j in range(dim // 2)]


def make_weights(rng, c, gemma, sandwich, qk_norm, fused, tied):
    w, h, n = Weights(rng), c["hidden_size"], c["intermediate_size"]
    heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
    d, mean = c.get("head_dim", h // heads), 0 if gemma else 1
    w.matrix("model.embed_tokens.weight", c["vocab_size"], h, 0.4)
    for i in range(c["num_hidden_layers"]):
        name = f"model.layers.{i}."
        w.vector(name + "input_layernorm.weight", h, mean)
        if fused:
            w.matrix(name + "self_attn.qkv_proj.weight", (heads + 2 * kv) * d, h, 1.4 / math.sqrt(h))
        else:
            for p, rows in (("q", heads * d), ("k", kv * d), ("v", kv * d)):
                w.matrix(f"{name}self_attn.{p}_proj.weight", rows, h, 1.4 / math.sqrt(h))
        if qk_norm:
            w.vector(name + "self_attn.q_norm.weight", d, mean)
            w.vector(name + "self_attn.k_norm.weight", d, mean)
        w.matrix(name + "self_attn.o_proj.weight", h, heads * d, 1 / math.sqrt(h))
        w.vector(name + "post_attention_layernorm.weight", h, mean)
        if sandwich:
            w.vector(name + "pre_feedforward_layernorm.weight", h, mean)
            w.vector(name + "post_feedforward_layernorm.weight", h, mean)
        if fused:
            w.matrix(name + "mlp.gate_up_proj.weight", 2 * n, h, 1.2 / math.sqrt(h))
        else:
            w.matrix(name + "mlp.gate_proj.weight", n, h, 1.2 / math.sqrt(h))
            w.matrix(name + "mlp.up_proj.weight", n, h, 1.2 / math.sqrt(h))
        w.matrix(name + "mlp.down_proj.weight", h, n, 1.2 / math.sqrt(n))
    w.vector("model.norm.weight", h, mean)
    if not tied:
        w.matrix("lm_head.weight", c["vocab_size"], h, 1 / math.sqrt(h))
    return w


def gemma1(rng):
    c = {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", "vocab_size": 67, "hidden_size": 32,
         "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 1,
         "head_dim": 12, "hidden_act": "gelu", "hidden_activation": None, "max_position_embeddings": 128,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "torch_dtype": "bfloat16"}
    w = make_weights(rng, c, True, False, False, False, True)
    layer = {"window": 0, "frequencies": frequencies(1e4, 12), "factor": 1.0}
    return c, w, Network(c, w, [layer] * 2, True, False, False)


def gemma3(rng):
    c = {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 67, "hidden_size": 32,
         "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
         "head_dim": 16, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 128,
         "rms_norm_eps": 1e-5, "rope_theta": 1e6, "rope_local_base_freq": 1e4, "query_pre_attn_scalar": 24,
         "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "sliding_window": 6, "sliding_window_pattern": 3,
         "torch_dtype": "bfloat16"}
    w = make_weights(rng, c, True, True, True, False, True)
    near = {"window": 6, "frequencies": frequencies(1e4, 16), "factor": 1.0}
    far = {"window": 0, "frequencies": frequencies(1e6, 16, factor=8.0), "factor": 1.0}
    return c, w, Network(c, w, [near, near, far, near], True, True, True)


def phi3(rng, is_long):
    # The folder says which: its positions stay below the original maximum, or may pass it.
    original, maximum = 64, 256 if is_long else 64
    short, long = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5], [1.5, 2.5, 4.0, 6.0, 9.0, 13.0]
    c = {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 67, "hidden_size": 64,
         "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": maximum, "original_max_position_embeddings": original, "rms_norm_eps": 1e-5,
         "partial_rotary_factor": 0.75, "rope_theta": 10000.0, "sliding_window": None,
         "rope_scaling": {"type": "longrope", "short_factor": short, "long_factor": long},
         "torch_dtype": "bfloat16"}
    w = make_weights(rng, c, False, False, False, True, False)
    ratio = maximum / original
    factor = math.sqrt(1 + math.log(ratio) / math.log(original)) if ratio > 1 else 1.0
    layer = {"window": 0, "frequencies": frequencies(1e4, 12, long if is_long else short), "factor": factor}
    return c, w, Network(c, w, [layer] * 2, False, False, False)


MODELS = {"gemma1-tiny": (gemma1, 20), "gemma3-tiny": (gemma3, 24), "phi3-short": (lambda r: phi3(r, False), 20),
          "phi3-long": (lambda r: phi3(r, True), 72)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", default=str(Path(__file__).resolve().parent.parent))
    args = parser.parse_args()
    for name, (make, length) in MODELS.items():
        rng = random.Random(f"{args.seed}/{name}")
        config, weights, network = make(rng)
        folder = Path(args.out) / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        weights.save(folder / "model.safetensors")
        ids = [rng.randrange(config["vocab_size"]) for _ in range(length)]
        rows = network.logits(ids)
        kept = [0, 1, length // 2, length - 1]
        expected = {"reference": "network of make_gemma_longrope.py in doubles over the stored bf16 weights",
                    "input_ids": ids, "positions": kept,
                    "logits": [[round(v, 7) for v in rows[p]] for p in kept],
                    "max_abs_logit": max(abs(v) for row in rows for v in row)}
        (folder / "expected.json").write_text(json.dumps(expected) + "\n")
        print(name, "max|logit|", round(expected["max_abs_logit"], 3))


if __name__ == "__main__":
    main()
