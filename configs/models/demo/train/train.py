"""Trains the demo model on dialogues that corpus.py invents while it runs, and writes the model folder.

    python train.py --out FOLDER --work DIR [--steps N] [--seed N]

It may be stopped at any time: the same command continues from the last checkpoint in DIR. Only the assistant's tokens
count in the loss. Each row keeps its order but may skip positions between turns, so that distances up to the whole
context window are learned from short rows.
"""
import argparse
import math
import random
import re
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers import Qwen2ForCausalLM

import corpus
import folder

POOL = 1536                # dialogues invented at a time, sorted by length into batches of little padding
ROW_TOKENS_MAX = 1024
RATE_MAX, RATE_MIN, WARM_UP_STEPS = 2e-3, 5e-5, 80
CHECKPOINT_EVERY = 100
FACT_WEIGHT = 5.0          # recalled facts are few tokens, and the wording around them is soon learned


def encode(messages, bpe):
    """Ids of a marked dialogue, the weight of each in the loss, and where user turns start."""
    ids, weights, starts = [], [], []
    for role, marked in messages:
        text, told = told_spans(marked)
        head = bpe.encode(f"{folder.TURN_START}{role}\n").ids
        body = bpe.encode(f"{text}{folder.TURN_END}")
        tail = bpe.encode("\n").ids
        if role == "user":
            starts.append(len(ids))
        ids += head + body.ids + tail
        weights += [0.0] * len(head)
        weights += [0.0 if role != "assistant" else FACT_WEIGHT if any(a < end and begin < b for begin, end in told) else 1.0
                    for a, b in body.offsets]
        weights += [0.0] * len(tail)
    return ids[:ROW_TOKENS_MAX], weights[:ROW_TOKENS_MAX], [s for s in starts if s < ROW_TOKENS_MAX]


def told_spans(marked):
    """The text without its marks, and the [begin, end) of every told fact in it."""
    text, spans = "", []
    for part in re.split(f"({corpus.OPEN}[^{corpus.CLOSE}]*{corpus.CLOSE})", marked):
        if part.startswith(corpus.OPEN):
            spans.append((len(text), len(text) + len(part) - 2))
        text += corpus.plain(part)
    return text, spans


def positions(length, starts, rng):
    """0, 1, 2, … with up to three leaps at user turns in every other row."""
    place = list(range(length))
    room = folder.CONTEXT - length
    if rng.random() < 0.5:
        for start in rng.sample(starts, min(len(starts), rng.randint(1, 3))):
            leap = rng.randint(0, room // 2)
            room -= leap
            place[start:] = [p + leap for p in place[start:]]
    return place


def batches(seed, chunk, bpe, tokens_per_step):
    """Batches of one freshly invented pool; (seed, chunk) decides everything."""
    rng = random.Random(seed * 1_000_003 + chunk)
    rows = sorted((encode(corpus.dialogue(rng, marked=True), bpe) for _ in range(POOL)), key=lambda row: len(row[0]))
    groups, group = [], []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > tokens_per_step:
            groups.append(group)
            group = []
        group.append(row)
    groups.append(group)
    rng.shuffle(groups)
    for group in groups:
        yield collate(group, rng)


def collate(group, rng):
    width = -(-max(len(row[0]) for row in group) // 32) * 32
    ids = torch.zeros(len(group), width, dtype=torch.long)
    place = torch.zeros(len(group), width, dtype=torch.long)
    weight = torch.zeros(len(group), width)      # of the prediction made at each place
    for i, (row, weights, starts) in enumerate(group):
        n = len(row)
        ids[i, :n] = torch.tensor(row)
        place[i, :n] = torch.tensor(positions(n, starts, rng))
        weight[i, :n - 1] = torch.tensor(weights[1:])
    return ids, place, weight


def rate(step, steps):
    if step < WARM_UP_STEPS:
        return RATE_MAX * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / max(1, steps - WARM_UP_STEPS)
    return RATE_MIN + (RATE_MAX - RATE_MIN) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def loss_of(model, ids, place, weight):
    """Weighted mean loss over the assistant's tokens; only their rows go through the output head."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.model(input_ids=ids, position_ids=place, attention_mask=None, use_cache=False).last_hidden_state
        wanted = weight > 0
        logits = model.lm_head(hidden[wanted])
    losses = F.cross_entropy(logits.float(), ids.roll(-1, dims=1)[wanted], reduction="none")
    return (losses * weight[wanted]).sum() / weight[wanted].sum()


def optimiser_for(model):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                             lr=RATE_MAX, betas=(0.9, 0.98), fused=True)


def export(model, bpe, out):
    stored = Qwen2ForCausalLM(model.config).to(torch.bfloat16)
    stored.load_state_dict(model.state_dict())
    folder.write(out, stored, bpe)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--tokens-per-step", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="a quarter faster after two minutes; needs a C++ compiler")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)

    if not (work / "tokenizer.json").exists():
        folder.train_tokenizer(options.seed).save(str(work / "tokenizer.json"))
    bpe = Tokenizer.from_file(str(work / "tokenizer.json"))
    cfg = folder.config(bpe)
    cfg._attn_implementation = "sdpa"
    model = Qwen2ForCausalLM(cfg)
    optimiser = optimiser_for(model)
    step, chunk, minutes, tokens = 0, 0, 0.0, 0
    if (work / "checkpoint.pt").exists():
        saved = torch.load(work / "checkpoint.pt")
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        step, chunk, minutes, tokens = saved["step"], saved["chunk"], saved["minutes"], saved["tokens"]
    if options.compile:
        model.model.compile(dynamic=True)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, step {step}", flush=True)

    began, shown = time.time() - minutes * 60, []
    while step < options.steps:
        chunk += 1
        for ids, place, weight in batches(options.seed, chunk, bpe, options.tokens_per_step):
            for group in optimiser.param_groups:
                group["lr"] = rate(step, options.steps)
            loss = loss_of(model, ids, place, weight)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step, tokens = step + 1, tokens + ids.numel()
            shown.append(loss.item())
            if step % 20 == 0:
                print(f"step {step} loss {sum(shown) / len(shown):.4f} minutes {(time.time() - began) / 60:.1f} tokens {tokens}", flush=True)
                shown = []
            if step % CHECKPOINT_EVERY == 0 or step == options.steps:
                torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "chunk": chunk,
                            "minutes": (time.time() - began) / 60, "tokens": tokens}, work / "checkpoint.new")
                (work / "checkpoint.new").replace(work / "checkpoint.pt")
                export(model, bpe, options.out)
            if step == options.steps:
                break


if __name__ == "__main__":
    main()
