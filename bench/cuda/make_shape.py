#!/usr/bin/env python3
"""Writes a model folder of a real shape with random bf16 weights, fast: one tile of random numbers, shifted for each tensor.

make_shape.py SHAPE FOLDER        needs numpy. For speed only: such a model says nothing.
"""
import json
import os
import struct
import sys

import numpy as np

SHAPES = {  # architecture, hidden, layers, heads, kv heads, intermediate, vocabulary, tied
    'qwen2-0.5b': ('qwen2', 896, 24, 14, 2, 4864, 151936, True),
    'qwen2-1.5b': ('qwen2', 1536, 28, 12, 2, 8960, 151936, True),
    'llama3-8b': ('llama', 4096, 32, 32, 8, 14336, 128256, False),
}
family, hidden, layers, heads, kv_heads, inner, vocab, tied = SHAPES[sys.argv[1]]
folder = sys.argv[2]
head_dim = hidden // heads
os.makedirs(folder, exist_ok=True)
with open(f'{folder}/config.json', 'w', encoding='utf-8') as file:
    json.dump({
        'architectures': ['Qwen2ForCausalLM' if family == 'qwen2' else 'LlamaForCausalLM'], 'model_type': family,
        'hidden_size': hidden, 'num_hidden_layers': layers, 'num_attention_heads': heads, 'num_key_value_heads': kv_heads,
        'intermediate_size': inner, 'vocab_size': vocab, 'tie_word_embeddings': tied, 'hidden_act': 'silu',
        'rms_norm_eps': 1e-6, 'rope_theta': 1e6, 'max_position_embeddings': 8192, 'torch_dtype': 'bfloat16'}, file)

names = [('model.embed_tokens.weight', (vocab, hidden))]
for i in range(layers):
    at = f'model.layers.{i}.'
    names += [(at + 'input_layernorm.weight', (hidden,)), (at + 'post_attention_layernorm.weight', (hidden,))]
    for name, rows in (('q', heads * head_dim), ('k', kv_heads * head_dim), ('v', kv_heads * head_dim)):
        names.append((f'{at}self_attn.{name}_proj.weight', (rows, hidden)))
        if family == 'qwen2':
            names.append((f'{at}self_attn.{name}_proj.bias', (rows,)))
    names += [(at + 'self_attn.o_proj.weight', (hidden, heads * head_dim)), (at + 'mlp.gate_proj.weight', (inner, hidden)),
              (at + 'mlp.up_proj.weight', (inner, hidden)), (at + 'mlp.down_proj.weight', (hidden, inner))]
names.append(('model.norm.weight', (hidden,)))
if not tied:
    names.append(('lm_head.weight', (vocab, hidden)))

header, offset = {'__metadata__': {'format': 'pt'}}, 0
for name, shape in names:
    size = int(np.prod(shape)) * 2
    header[name] = {'dtype': 'BF16', 'shape': list(shape), 'data_offsets': [offset, offset + size]}
    offset += size
tile = (np.random.default_rng(0).standard_normal(1 << 24, dtype=np.float32) * 0.02).view(np.uint32)
tile = (tile >> 16).astype(np.uint16)
ones = np.full(1 << 16, 0x3F80, np.uint16)
text = json.dumps(header).encode()
text += b' ' * (-len(text) % 8)
with open(f'{folder}/model.safetensors', 'wb') as file:
    file.write(struct.pack('<Q', len(text)) + text)
    for number, (name, shape) in enumerate(names):
        left, source = int(np.prod(shape)), ones if 'norm' in name else np.roll(tile, number * 7919)
        while left > 0:
            file.write(source[:left].data)
            left -= min(left, len(source))
