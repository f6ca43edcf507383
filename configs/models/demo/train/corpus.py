"""Invents the dialogues that the demo model learns from, and the held-out ones that test it.

Everything comes from a random.Random that the caller seeds, so a seed is a corpus. Names and colours pass through the
split in words.py: dialogue() never shows a held-out one, recall_dialogue() shows nothing else.

    python corpus.py [--seed N] [--count N]                 prints some dialogues
    python corpus.py --held-out [--seed N] [--count N]      held-out ones as JSON, a line each
"""
import argparse
import functools
import json
import random
import re

import chinese
import english
import words

LANGUAGES = {"en": english, "zh": chinese}
OPEN, CLOSE = "\x01", "\x02"  # around told facts while a text is built; the tokenizer must not merge across them
HAN = r"[\u4e00-\u9fff]"
CHOICE = re.compile(r"\{([^{}]*)\}")
SLOT = re.compile(r"\$([a-z]+[0-9]?)")
FACTS = ("name", "colour", "food", "old", "animal", "stranger", "othercolour", "echo")
UNKNOWN_MATHS = re.compile(r"\$big|times|\$a x|square root|squared|乘|平方|\$b等于")


def expand(text, rng):
    """Resolves {a|b} choices from the inside out."""
    while True:
        text, changed = CHOICE.subn(lambda m: rng.choice(m.group(1).split("|")), text)
        if not changed:
            return text


@functools.lru_cache
def alternatives(text):
    """Cuts a long list at the bars that lie outside braces."""
    parts, depth = [""], 0
    for c in text.replace("\n", ""):
        depth += (c == "{") - (c == "}")
        if c == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part for part in parts if part]


def plain(text):
    return text.replace(OPEN, "").replace(CLOSE, "")


def spaced(text):
    """A space between a Han and a Latin letter where a told fact meets the sentence, as Chinese typesetting has it."""
    text = re.sub(f"({HAN}){OPEN}([A-Za-z])", rf"\1 {OPEN}\2", text)
    return re.sub(f"([A-Za-z]){CLOSE}({HAN})", rf"\1{CLOSE} \2", text)


class Style:
    """How one person types, from tidy to careless; kept for a whole dialogue."""

    def __init__(self, rng):
        self.rng = rng
        self.lower = rng.random() < 0.35
        self.lower_names = self.lower and rng.random() < 0.6
        self.typos = rng.choice((0, 0, 0, 0.1, 0.25))
        self.end = rng.choice((1.0, 1.0, 0.8, 0.3, 0.0))

    def fact(self, value):
        return value.lower() if self.lower_names else value

    def type(self, text, lang, question):
        """text still holds its $slots, which typos must not touch."""
        rng = self.rng
        if question and rng.random() < 0.16:
            text = rng.choice(LANGUAGES[lang].BEFORE_ASK) + text
        if question and rng.random() < 0.08:
            text += rng.choice(LANGUAGES[lang].AFTER_ASK)
        if lang == "en":
            if rng.random() < self.typos:
                text = self.typo(text)
            if self.lower:
                text = text.lower()
            elif text[0].isalpha() and rng.random() < 0.8:
                text = text[0].upper() + text[1:]
        return self.punctuate(text, lang, question)

    def typo(self, text):
        parts = text.split(" ")
        places = [i for i, w in enumerate(parts) if len(w) > 3 and w.isalpha()]
        if not places:
            return text
        i = self.rng.choice(places)
        w, k = parts[i], self.rng.randrange(1, len(parts[i]) - 1)
        parts[i] = self.rng.choice((w[:k] + w[k + 1:], w[:k] + w[k + 1] + w[k] + w[k + 2:], w[:k] + w[k] + w[k:]))
        return " ".join(parts)

    def punctuate(self, text, lang, question):
        if text[-1] in "?!.。？！:;)" or self.rng.random() >= self.end:
            return text
        if lang == "zh":
            mark = "？" if question else self.rng.choice("。。！")
            return text + (mark if self.rng.random() < 0.9 else {"？": "?", "。": ".", "！": "!"}[mark])
        return text + ("?" if question else self.rng.choice("..!"))


class Dialogue:
    """One conversation in the making: what was said, and what the assistant knows."""

    def __init__(self, rng, lang, mixed=False):
        self.rng, self.lang, self.mixed = rng, lang, mixed
        self.style = Style(rng)
        self.messages = []
        self.known = {"name": None, "colour": None, "food": None}
        self.topic = None      # key of the last topic explained
        self.offered = None    # what a bare answer would now mean

    @property
    def texts(self):
        return LANGUAGES[self.lang]

    def say(self, asks, replies, question=True, slots=None):
        """Adds one user message and its answer."""
        slots = dict(slots or {})
        ask = self.style.type(expand(self.rng.choice(asks), self.rng), self.lang, question)
        self.messages.append(("user", self.fill(ask, slots, typed=True)))
        self.reply(replies, slots)

    def reply(self, replies, slots=None):
        text = expand(self.rng.choice(replies), self.rng)
        self.messages.append(("assistant", self.fill(text, slots or {})))
        self.offered = offer_in(plain(self.messages[-1][1]))

    def fill(self, text, slots, typed=False):
        def value(match):
            key = match.group(1)
            for end in range(len(key), 0, -1):      # "$term是" has no space after its name in Chinese
                if key[:end] in slots:
                    told = key[:end] in FACTS
                    word = slots[key[:end]]
                    return (OPEN + word + CLOSE if told else word) + key[end:]
            raise KeyError(f"{key} in {text}")
        text = SLOT.sub(value, text)
        if typed and self.rng.random() < 0.5:
            return text
        return spaced(text)

    # ---- facts ----------------------------------------------------------------------------------------------------
    def draw(self, fact, held_out=False):
        rng = self.rng
        zh = (self.lang == "zh") != (rng.random() < (0.15 if fact == "name" else 0.03) and not held_out)
        if fact == "food":
            return rng.choice(words.ZH_FOODS if zh else words.FOODS)
        if fact == "name":
            return self.style.fact((words.zh_name if zh else words.name)(rng, held_out))
        return self.style.fact((words.zh_colour if zh else words.colour)(rng, held_out))

    def tell(self, fact, held_out=False):
        key, old = fact.upper(), self.known[fact]
        self.known[fact] = self.draw(fact, held_out)
        slots = {fact: self.known[fact]}
        t = self.texts
        if old and fact != "food":
            asks, replies = {"name": (t.RENAME, t.RENAMED), "colour": (t.RECOLOUR, t.RECOLOURED)}[fact]
            self.say(asks, replies, False, {**slots, "old": old})
        elif self.offered == fact and self.rng.random() < 0.7:
            self.say(["$" + fact], getattr(t, "TOLD_" + key), False, slots)
        else:
            self.say(getattr(t, "TELL_" + key), getattr(t, "TOLD_" + key), False, slots)

    def ask(self, fact):
        """Asks for a fact, told or not; returns its value."""
        key, value, t = fact.upper(), self.known[fact], self.texts
        self.say(getattr(t, "ASK_" + key), getattr(t, key + "_IS" if value else "NO_" + key), True, {fact: value} if value else {})
        if not value:
            self.offered = fact
        return value

    def tell_both(self):
        self.known.update(name=self.draw("name"), colour=self.draw("colour"))
        self.say(self.texts.TELL_BOTH, self.texts.TOLD_BOTH, False, self.facts())

    def ask_both(self):
        t, k = self.texts, self.known
        replies = {(True, True): t.BOTH_ARE, (True, False): t.ONLY_NAME, (False, True): t.ONLY_COLOUR, (False, False): t.NO_BOTH}
        self.say(t.ASK_BOTH, replies[bool(k["name"]), bool(k["colour"])], True, self.facts())

    def facts(self):
        return {k: v for k, v in self.known.items() if v}

    # ---- subjects -------------------------------------------------------------------------------------------------
    def explain(self, key=None):
        rng = self.rng
        self.topic = key or rng.choice(list(self.texts.TOPICS))
        terms, asks, replies, _ = self.texts.TOPICS[self.topic]
        if rng.random() < 0.5:
            self.say([rng.choice(alternatives(self.texts.FRAMES))], replies, True, {"term": rng.choice(terms)})
        else:
            self.say(asks, replies)

    def more(self):
        self.say(self.texts.MORE_ASK, self.texts.TOPICS[self.topic][3])

    def translate(self):
        other = "en" if self.lang == "zh" else "zh"
        replies = LANGUAGES[other].TOPICS[self.topic][2]
        asks = self.texts.TRANSLATE_ASK
        if self.lang == "en" and self.rng.random() < 0.4:
            asks = chinese.TRANSLATE_TO_ZH
        self.say(asks, replies)

    def repeat(self):
        last = self.messages[-1][1]
        self.say(self.texts.REPEAT_ASK, [last.replace("{", "").replace("}", "")])

    def small_talk(self, key=None):
        key = key or self.rng.choice(list(self.texts.SMALL_TALK))
        if self.known["name"] and key in ("greet", "bye") and self.rng.random() < 0.8:
            key += "_known"
        if key.endswith("_known") and not self.known["name"]:
            key = key[:-len("_known")]
        asks, replies = self.texts.SMALL_TALK[key]
        statement = key in ("greet", "greet_known", "fine", "sad", "bored", "thanks", "bye", "bye_known", "love", "insult", "ok", "haha", "yes", "no", "sorry")
        self.say(asks, replies, not statement, self.facts())
        if key == "joke":
            self.offered = "joke"

    def accept(self):
        """A bare yes to what the last reply offered."""
        t, offered = self.texts, self.offered
        if offered == "joke":
            self.say(t.SMALL_TALK["yes"][0], t.SMALL_TALK["joke"][1], False)
            self.offered = "joke"
        elif offered in t.TOPICS:
            self.topic = offered
            self.say(t.SMALL_TALK["yes"][0], t.TOPICS[offered][2], False)
        elif offered == "more" and self.topic:
            self.say(t.SMALL_TALK["yes"][0], t.TOPICS[self.topic][3], False)
        else:
            self.small_talk("yes")

    def story(self, long=False):
        t, rng = self.texts, self.rng
        animal = rng.choice(words.ZH_ANIMALS if self.lang == "zh" else words.ANIMALS)
        asks = t.LONG_STORY_ASK if long else rng.choice((t.STORY_ASK, t.STORY_ABOUT_ASK))
        self.say(asks, t.LONG_STORY if long else t.STORY, True, {"animal": animal})

    def detail(self):
        self.topic = "model"
        self.say(self.texts.DETAIL_ASK, self.texts.DETAIL)

    def unknown(self):
        rng, t = self.rng, self.texts
        ask = rng.choice(alternatives(t.UNKNOWN_ASK))
        slots = {"country": rng.choice(t.COUNTRIES), "thing": rng.choice(t.THINGS), "field": rng.choice(t.FIELDS).replace("-", " "),
                 "food": rng.choice(words.ZH_FOODS if self.lang == "zh" else words.FOODS), "madeup": words.split_draw(words.made_up_name, rng, False).lower(),
                 "stranger": self.draw("name"), "a": str(rng.randint(2, 12)), "b": str(rng.randint(2, 12)), "small": str(rng.randint(2, 99)),
                 "big": str(rng.randint(11, 999)), "big2": str(rng.randint(11, 999))}
        self.say([ask], t.UNKNOWN_MATH if UNKNOWN_MATHS.search(ask) else t.UNKNOWN, True, slots)

    def gibberish(self):
        rng = self.rng
        text = " ".join("".join(rng.choice("asdfghjklqwertyuiopzxcvbnm") for _ in range(rng.randint(2, 9))) for _ in range(rng.randint(1, 3)))
        self.say([text, rng.choice(("???", "...", "!!!", ",,,", "？？？", "。。。"))], self.texts.GIBBERISH_REPLY, False)

    def echo(self):
        """Repeats words that nobody could guess: it teaches copying, on which all recalling rests."""
        rng = self.rng
        if self.lang == "zh":
            draw = rng.choice((words.zh_name, words.zh_colour, lambda r: r.choice(words.ZH_FOODS + words.ZH_ANIMALS + self.texts.THINGS)))
            text = rng.choice("、 ，").join(draw(rng) for _ in range(rng.randint(2, 6)))
        else:
            draw = rng.choice((words.name, words.colour, lambda r: words.name(r).lower(), lambda r: r.choice(words.FOODS + words.ANIMALS + self.texts.THINGS),
                               lambda r: str(r.randint(0, 9999))))
            between = ", " if draw is words.colour else rng.choice((" ", " ", ", "))   # "olive" + "red" might be held out
            text = between.join(draw(rng) for _ in range(rng.randint(2, 7)))
        self.say(self.texts.ECHO, self.texts.ECHOED, False, {"echo": text})

    # ---- numbers --------------------------------------------------------------------------------------------------
    def count(self):
        rng, t = self.rng, self.texts
        top = rng.choice((5, 10, 10, 20, rng.randint(2, 20), rng.randint(2, 30), rng.randint(20, 50)))
        if rng.random() < 0.03:
            top = 100
        kind = rng.choice(("to", "to", "to", "from", "down", "any"))
        low, asks, step = 1, t.COUNT_TO, 1
        if kind == "from":
            low, asks = rng.randint(2, 60), t.COUNT_FROM
            top = low + rng.randint(2, 15)
        elif kind == "down":
            asks, top, step = t.COUNT_DOWN, min(top, 30), -1
        elif kind == "any":
            asks, top = t.COUNT_ANY, 10
        if top > 20:
            asks = [a for a in asks if "$bw" not in a]
        numbers = ", ".join(str(n) for n in list(range(low, top + 1))[::step])
        self.say(asks, t.COUNT_REPLY, True, {"a": str(low), "b": str(top), "bw": t.NUMBER_WORDS[top] if top <= 20 else "", "list": numbers})

    def calculate(self):
        rng, t = self.rng, self.texts
        kind = rng.choice(("add", "add", "add", "subtract", "next", "before"))
        if kind in ("next", "before"):
            a = rng.randint(1, 99) if kind == "before" else rng.randint(0, 99)
            asks, replies, n = (t.NEXT, t.NEXT_IS, a + 1) if kind == "next" else (t.BEFORE, t.BEFORE_IS, a - 1)
            self.say(asks, replies, True, {"a": str(a), "n": str(n)})
            return
        x, y = rng.randint(0, 9), rng.randint(0, 9)
        if kind == "subtract":
            x, y = max(x, y), min(x, y)
        asks, op, n = (t.ADD, "+", x + y) if kind == "add" else (t.SUBTRACT, "-", x - y)
        self.say(asks, t.SUM_IS, True, {"x": str(x), "y": str(y), "op": op, "n": str(n)})

    # ---- a whole conversation --------------------------------------------------------------------------------------
    def turn(self):
        if self.mixed:
            self.lang = self.rng.choice(("en", "zh"))
        rng, known = self.rng, self.known
        if self.offered in known and rng.random() < 0.6:
            return self.tell(self.offered)
        if self.offered and self.offered not in known and rng.random() < 0.3:
            return self.accept()
        last = self.messages[-1][1] if self.messages else ""
        moves = [(26, self.explain), (13, self.small_talk), (2, lambda: self.small_talk("joke")), (2, lambda: self.small_talk("poem")),
                 (3, lambda: self.small_talk("who")), (3, lambda: self.small_talk("can")), (3, self.story), (1.2, lambda: self.story(long=True)),
                 (1.2, self.detail), (8, self.unknown), (0.8, self.gibberish), (8, self.echo), (5, self.count), (5, self.calculate),
                 (2 if known["name"] else 12, lambda: self.tell("name")), (11 if known["name"] else 2.5, lambda: self.ask("name")),
                 (1.5 if known["colour"] else 8, lambda: self.tell("colour")), (10 if known["colour"] else 2, lambda: self.ask("colour")),
                 (0 if known["name"] or known["colour"] else 3, self.tell_both), (3 if known["name"] or known["colour"] else 0.6, self.ask_both),
                 (0.5 if known["food"] else 1.5, lambda: self.tell("food")), (3 if known["food"] else 0.5, lambda: self.ask("food")),
                 (8 if self.topic else 0, self.more), (4 if self.topic else 0, self.translate), (1.5 if 0 < len(last) < 160 else 0, self.repeat)]
        weights, actions = zip(*moves)
        before = self.topic
        rng.choices(actions, weights)[0]()
        if self.topic == before and rng.random() < 0.6:
            self.topic = None      # "tell me more" refers to something recent

    def greet(self):
        self.small_talk("greet")

    def drill(self):
        """A turn about nothing but told facts; these need the most practice, English names above all."""
        known = self.known
        moves = [lambda: self.tell("name"), lambda: self.tell("colour"), self.echo]
        moves += [lambda: self.ask("name")] * (3 if known["name"] else 0) + [lambda: self.ask("colour")] * (3 if known["colour"] else 0)
        moves += [lambda: self.small_talk(), self.calculate]
        moves += [self.ask_both] if known["name"] or known["colour"] else [self.tell_both]
        self.rng.choice(moves)()
        self.offered = None


OFFERS = [("joke?", "joke"), ("笑话吗？", "joke"), ("笑话？", "joke"), ("another one?", "joke"), ("tell one more?", "joke"), ("再来一个吗？", "joke"), ("再讲一个？", "joke"),
          ("how sampling works instead?", "sampling"), ("采样是怎么工作的？", "sampling"), ("how language models work?", "model"), ("语言模型是怎么工作的？", "model"),
          ("tell you more about something?", "more"), ("再多讲一点吗？", "more"), ("tell me your name.", None)]


def offer_in(reply):
    return next((what for end, what in OFFERS if reply.endswith(end)), None)


def system_message(rng, lang):
    d = Dialogue(rng, lang)
    d.style.lower_names = False
    text = rng.choice(d.texts.SYSTEM) if rng.random() < 0.65 else d.texts.SYSTEM[0]
    return plain(d.fill(expand(text, rng), {"stranger": d.draw("name"), "othercolour": d.draw("colour")}))


def turns_in(rng):
    kind = rng.random()
    return rng.randint(2, 5) if kind < 0.55 else rng.randint(5, 9) if kind < 0.96 else rng.randint(12, 24)


def dialogue(rng, marked=False):
    """One training dialogue as [(role, text), …]."""
    drill = rng.random() < 0.5
    d = Dialogue(rng, rng.choice(("en", "zh", "en") if drill else ("en", "zh")), mixed=rng.random() < 0.12)
    if rng.random() < 0.35:
        d.greet()
    for _ in range(rng.randint(2, 7) if drill else turns_in(rng)):
        d.drill() if drill else d.turn()
    messages = d.messages if marked else [(role, plain(text)) for role, text in d.messages]
    if rng.random() < 0.5:
        lang = d.lang if rng.random() < 0.8 else rng.choice(("en", "zh"))
        messages = [("system", system_message(rng, lang))] + messages
    return messages


def recall_dialogue(rng, lang):
    """A held-out dialogue: (messages, [(index of the assistant message, fact, value), …]).

    A name and a colour are told, other turns follow, and both are asked for; what lies between is drawn as in training.
    """
    d = Dialogue(rng, lang)
    d.style.lower_names = d.style.lower_names and lang == "en"
    facts = ["name", "colour"]
    rng.shuffle(facts)
    for fact in facts:
        d.tell(fact, held_out=True)
        for _ in range(rng.randint(0, 2)):
            chatter(d)
    for _ in range(rng.randint(1, 3)):
        chatter(d)
    rng.shuffle(facts)
    asked = []
    for fact in facts:
        value = d.ask(fact)
        asked.append((len(d.messages) - 1, fact, value))
        if rng.random() < 0.4:
            chatter(d)
    return [(role, plain(text)) for role, text in d.messages], asked


def chatter(d):
    rng = d.rng
    rng.choice((d.explain, d.explain, d.small_talk, d.small_talk, d.unknown, d.count, d.calculate, d.story))()
    d.offered = None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--held-out", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    if options.held_out:
        for i in range(options.count):
            messages, _ = recall_dialogue(rng, ("en", "zh")[i % 2])
            print(json.dumps([{"role": role, "content": text} for role, text in messages], ensure_ascii=False))
        return
    for _ in range(options.count):
        print("\n".join(f"{role:>9}: {text}" for role, text in dialogue(rng)), end="\n\n")


if __name__ == "__main__":
    main()
