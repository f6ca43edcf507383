"""Measures the demo model: 500 held-out dialogues, and the conversation of the README at temperature 0 and 0.7.

    python evaluate.py --model FOLDER [--json FILE]

The folder is loaded back as stored (bf16) and computed in float32. In the held-out dialogues the history is the
generator's own text and the model answers the two questions, greedily; an answer counts when it holds exactly the told
name or colour. The conversations run on the model's own answers.
"""
import argparse
import json
import random
import re
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import corpus
import words

DIALOGUES_PER_LANGUAGE = 250
SEEDS = (1, 2, 3)
HELD_OUT = ["Linnea", "dusty rose", "周佳怡", "薄荷绿色"]  # so none of these conversations can be in the corpus
README_CONVERSATION = ["Hello!", "My name is Linnea.", "What is my name?", "How does sampling work?", "采样是怎么工作的？"]
CHINESE_CONVERSATION = ["你好！", "我叫周佳怡，我最喜欢的颜色是薄荷绿色。", "什么是词元？", "我叫什么名字？", "我喜欢什么颜色？"]
LONGER_CONVERSATION = ["hi", "tell me a joke", "my name is Linnea and i like dusty rose", "what is attention?", "tell me more", "what is 3 + 4", "count to 12",
                       "tell me a story about a whale", "what is the capital of France?", "what's my favorite color", "how do I use a real model?", "in Chinese please",
                       "who am i?", "what is the KV cache", "write a poem", "explain in detail how you work", "do you remember my name and my favourite colour?", "bye"]


class Chat:
    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def answers(self, conversations, max_new_tokens=48):
        """Greedy answers to a batch of conversations, padded on the left."""
        texts = [self.tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True) for m in conversations]
        batch = self.tokenizer(texts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False)
        out = self.model.generate(**batch, do_sample=False, temperature=None, top_p=None, top_k=None, max_new_tokens=max_new_tokens)
        return self.tokenizer.batch_decode(out[:, batch["input_ids"].shape[1]:], skip_special_tokens=True)

    def converse(self, turns, seed=None):
        """The whole conversation as [(user, assistant), …]; greedy without a seed, else at the folder's own settings."""
        messages, said = [], []
        for turn in turns:
            messages.append({"role": "user", "content": turn})
            if seed is None:
                answer = self.answers([messages], 400)[0]
            else:
                torch.manual_seed(seed)
                ids = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
                out = self.model.generate(**ids, max_new_tokens=400)
                answer = self.tokenizer.decode(out[0, ids["input_ids"].shape[1]:], skip_special_tokens=True)
            messages.append({"role": "assistant", "content": answer})
            said.append((turn, answer))
        return said


def holds(answer, value):
    """The answer names the value and nothing longer: between the verb and a full stop, as every trained answer has it."""
    return re.search(rf"(\b(is|are|like) |[是叫欢] ?){re.escape(value)}([.,!。，！]|$)", answer) is not None


def recall(chat, lang, seed, batch_size=25):
    """Shares of names and colours recalled, and the failures."""
    rng = random.Random(f"recall:{lang}:{seed}")
    cases = []
    for _ in range(DIALOGUES_PER_LANGUAGE):
        messages, asked = corpus.recall_dialogue(rng, lang)
        cases += [([{"role": r, "content": t} for r, t in messages[:index]], fact, value) for index, fact, value in asked]
    cases.sort(key=lambda case: sum(len(m["content"]) for m in case[0]))
    right, failures = {"name": 0, "colour": 0}, []
    for start in range(0, len(cases), batch_size):
        part = cases[start:start + batch_size]
        for (history, fact, value), answer in zip(part, chat.answers([c[0] for c in part])):
            if holds(answer, value):
                right[fact] += 1
            else:
                failures.append({"wanted": value, "question": history[-1]["content"], "answer": answer})
    result = {fact: right[fact] / DIALOGUES_PER_LANGUAGE for fact in right}
    return {**result, "both": sum(right.values()) / (2 * DIALOGUES_PER_LANGUAGE)}, failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--json")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--talk-only", action="store_true")
    options = parser.parse_args()
    chat = Chat(options.model)
    assert all(words.is_held_out(word) for word in HELD_OUT)
    scripts = {"readme": README_CONVERSATION, "chinese": CHINESE_CONVERSATION, "longer": LONGER_CONVERSATION}

    results = {"conversations": {}}
    for title, turns in scripts.items():
        runs = {"temperature 0": chat.converse(turns)}
        if title != "longer":
            runs |= {f"temperature 0.7, seed {seed}": chat.converse(turns, seed) for seed in SEEDS}
        results["conversations"][title] = runs
        for how, said in runs.items():
            print(f"== {title}, {how}\n" + "\n".join(f"> {turn}\n{answer}" for turn, answer in said), end="\n\n", flush=True)
    if not options.talk_only:
        results["recall"] = {}
        for lang in ("en", "zh"):
            results["recall"][lang], failures = recall(chat, lang, options.seed)
            print(lang, results["recall"][lang], json.dumps(failures[:12], ensure_ascii=False, indent=1), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
