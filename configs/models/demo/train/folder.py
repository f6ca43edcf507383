"""The model folder: its tokenizer, its shape and its files, all written by tokenizers and transformers."""
import json
import random
import re
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config

import corpus
import words

VOCAB_SIZE = 3072
CONTEXT = 2048
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Qwen2's own word pattern: contractions, words with one leading sign, single digits, signs, line ends, blanks
WORD_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CHAT_TEMPLATE = ("{% for message in messages %}"
                 "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
                 "{% endfor %}"
                 "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def tokenizer_pieces(seed, dialogues):
    """Corpus text cut around told facts, so that no token joins a name to the words beside it."""
    rng = random.Random(seed)
    for _ in range(dialogues):
        for role, text in corpus.dialogue(rng, marked=True):
            text = text.replace(" " + corpus.OPEN, corpus.OPEN + " ")
            for piece in re.split(f"[{corpus.OPEN}{corpus.CLOSE}]", text):
                yield from re.split(rf"(?<= )(?={corpus.HAN})", piece)
            yield role
    for character in words.ZH_GIVEN + [c for name in words.ZH_SURNAMES for c in name]:
        yield from [character] * 400      # each one token of its own, whatever its share of the corpus


def train_tokenizer(seed=1, dialogues=12000):
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORD_PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.ByteLevel(trim_offsets=False)
    specials = [AddedToken(t, normalized=False, special=True) for t in (END_OF_TEXT, TURN_START, TURN_END)]
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE - len(specials), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    bpe.train_from_iterator(tokenizer_pieces(seed, dialogues), trainer)
    bpe.add_special_tokens(specials)
    return bpe


def config(bpe):
    return Qwen2Config(
        vocab_size=VOCAB_SIZE, hidden_size=256, intermediate_size=768, num_hidden_layers=6, num_attention_heads=8,
        num_key_value_heads=4, max_position_embeddings=CONTEXT, rope_theta=10000.0, rms_norm_eps=1e-6,
        tie_word_embeddings=True, bos_token_id=bpe.token_to_id(END_OF_TEXT), eos_token_id=bpe.token_to_id(TURN_END),
        pad_token_id=bpe.token_to_id(END_OF_TEXT))


def write(folder, model, bpe):
    """Writes the whole Hugging Face folder; model is a Qwen2ForCausalLM in the dtype to be stored."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    end, turn_end = bpe.token_to_id(END_OF_TEXT), bpe.token_to_id(TURN_END)
    # repetition_penalty stays 1: recalling a name is a repetition
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.7, top_p=0.9, top_k=20, repetition_penalty=1.0, max_new_tokens=512,
        bos_token_id=end, eos_token_id=[turn_end, end], pad_token_id=end)
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=TURN_END, pad_token=END_OF_TEXT, additional_special_tokens=[TURN_START, TURN_END],
        clean_up_tokenization_spaces=False, model_max_length=CONTEXT, chat_template=CHAT_TEMPLATE)
    fast.save_pretrained(folder)
    bpe.save(str(folder / "tokenizer.json"))
    bpe.model.save(str(folder))
    complete_tokenizer_config(folder, bpe)


def complete_tokenizer_config(folder, bpe):
    """Names the Qwen2 class and keeps the template inside the file, where readers of every version look for it."""
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings.update(
        tokenizer_class="Qwen2Tokenizer", chat_template=CHAT_TEMPLATE, add_prefix_space=False, add_bos_token=False,
        bos_token=None, unk_token=None, errors="replace", split_special_tokens=False,
        added_tokens_decoder={str(i): {"content": t.content, "lstrip": t.lstrip, "normalized": t.normalized, "rstrip": t.rstrip,
                                       "single_word": t.single_word, "special": t.special}
                              for i, t in sorted(bpe.get_added_tokens_decoder().items())})
    path.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    for file in folder.glob("*.*"):
        file.chmod(0o644)
