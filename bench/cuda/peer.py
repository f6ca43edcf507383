#!/usr/bin/env python3
"""transformers' generate on the same GPU and folder: tokens a second of a greedy reply of 128 tokens after 64. peer.py FOLDER"""
import json
import sys
import time

import torch
import transformers

config = transformers.AutoConfig.from_pretrained(sys.argv[1])
model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16).to('cuda').eval()
ids = torch.randint(0, config.vocab_size, (1, 64), device='cuda')
times = []
for _ in range(4):
    torch.cuda.synchronize()
    begin = time.monotonic()
    with torch.inference_mode():
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=128, max_new_tokens=128, pad_token_id=0)
    torch.cuda.synchronize()
    times.append(time.monotonic() - begin)
print(json.dumps({'peer': f'transformers {transformers.__version__}, torch {torch.__version__}', 'tokens_per_s': 128 / sorted(times[1:])[1]}))
