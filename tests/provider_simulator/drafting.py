"""What a model answers, before a provider's wire gives it a form."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.gullible import obey
from tests.provider_simulator.keys import Key
from tests.provider_simulator.prompt import Passage, Prompt, without_fence
from tests.provider_simulator.samples import sample
from tests.provider_simulator.words import COMMON, count_tokens, pieces, sentences, words

REWRITING = "Rewrite the reader's last question"
UNKNOWN = "The passages do not say."
NOTHING_TO_READ = "I was given no passages to answer from."
FILLER = "Each word of this sentence is one token of the load that a test asked for."
SHORTEST = 15  # characters; what is not longer is a heading or a label
LEAST_OVERLAP = 0.2  # of the question's weight, for a sentence to be part of the answer
LEAST_RATIO = 0.6  # to the best sentence, for a second one
MARKER = re.compile(r"\s*\[\d+\](?=[.!?。؟۔]*(?:\s|$))")
CLOSING = re.compile(r"[.!?。؟۔]*$")

STOP = "stop"
LENGTH = "length"
SAFETY = "safety"


@dataclass(frozen=True)
class Quote:
    """`start` and `end` are characters of the draft's text, which repeats the passage there."""

    start: int
    end: int
    text: str
    passage: Passage


@dataclass(frozen=True)
class Draft:
    """`ending` is `STOP`, `LENGTH`, `SAFETY` or the provider's own word; `thoughts` are tokens that nobody sees."""

    pieces: Sequence[str]
    ending: str
    input_tokens: int
    thoughts: int = 0
    counted: bool = True

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def output_tokens(self) -> int:
        return sum(count_tokens(piece) for piece in self.pieces)

    def quotes(self, passages: Sequence[Passage]) -> list[Quote]:
        """The sentences that stand in a passage word for word."""
        found = []
        for passage in passages:
            for sentence in sentences(passage.text):
                body = CLOSING.sub("", sentence)
                at = self.text.find(body) if len(body) > 10 else -1
                if at >= 0:
                    found.append(Quote(at, at + len(body), body, passage))
        return sorted(found, key=lambda quote: quote.start)


def write(prompt: Prompt, key: Key, fault: Fault | None, thoughts: int = 0) -> Draft:
    """The model's whole answer, cut where the request, or a fault, ends it."""
    draft = Draft(pieces(say(prompt, key)), STOP, prompt.tokens, thoughts, counted=not is_a(fault, "no_usage"))
    if prompt.max_tokens is not None:
        draft = cut_at_limit(draft, prompt.max_tokens)
    if fault is None or not is_a(fault, "safety", "finish", "max_tokens", "empty_answer"):
        return draft
    if is_a(fault, "empty_answer"):
        return replace(draft, pieces=(), ending=fault.reason or STOP)
    ending = {"safety": SAFETY, "max_tokens": LENGTH}.get(fault.kind, fault.reason or "OTHER")
    return replace(draft, pieces=draft.pieces[: fault.after], ending=ending)


def cut_at_limit(draft: Draft, limit: int) -> Draft:
    """Thoughts count, too: a low limit can leave no word of answer."""
    used = draft.thoughts
    for number, piece in enumerate(draft.pieces):
        used += count_tokens(piece)
        if used > limit:
            return replace(draft, pieces=draft.pieces[:number], ending=LENGTH, thoughts=min(draft.thoughts, limit))
    return draft


def say(prompt: Prompt, key: Key) -> str:
    settings = key.settings
    if REWRITING in prompt.system:
        return rewritten(prompt)
    scripted = key.next_answer()
    if scripted is not None:
        return scripted
    if settings.tokens is not None:
        return " ".join(FILLER.split()[number % 15] for number in range(settings.tokens))
    if prompt.schema is not None:
        return json.dumps(sample(prompt.schema))
    if settings.gullible:
        said, drops_rules = obey(prompt)
        return "\n".join(said if said and drops_rules else [answer(prompt), *said])
    return answer(prompt)


def rewritten(prompt: Prompt) -> str:
    """A follow-up with the question before it, as far as a model of sentences can."""
    earlier = [without_fence(message.text) for message in prompt.messages[:-1] if message.role == "user"]
    return " ".join([prompt.question, *earlier[-1:]])


def answer(prompt: Prompt) -> str:
    """The one or two sentences that fit the question best, each with the marker of its passage."""
    numbered = prompt.passages
    passages = numbered or [replace(one, text=without_fence(one.text)) for one in prompt.documents]
    if not passages:
        return NOTHING_TO_READ
    chosen = choose(prompt.question, passages)
    if not chosen:
        return UNKNOWN
    return " ".join(marked(sentence, passage.id) if numbered else sentence for sentence, passage in chosen)


def marked(sentence: str, number: str) -> str:
    """ "Run it." and 2 -> "Run it [2]."; markers that the passage itself holds are left out."""
    clean = MARKER.sub("", sentence)
    return CLOSING.sub(lambda end: f" [{number}]{end[0] or '.'}", clean, count=1)


def choose(question: str, passages: Sequence[Passage]) -> list[tuple[str, Passage]]:
    every = [(sentence, passage) for passage in passages for sentence in sentences(passage.text)]
    candidates = [(sentence, passage) for sentence, passage in every if len(sentence) > SHORTEST]
    shares = overlaps(question, [sentence for sentence, _ in candidates])
    ranked = sorted(zip(shares, candidates, strict=True), key=lambda pair: -pair[0])[:2]
    best = ranked[0][0] if ranked else 0
    return [candidate for share, candidate in ranked if share >= max(LEAST_OVERLAP, LEAST_RATIO * best)]


def overlaps(question: str, texts: Sequence[str]) -> list[float]:
    """For each text the share of the question's words that it holds, 0 to 1, each word weighted by its rarity."""
    held = [set(stems(text)) for text in texts]
    frequency = Counter(stem for stem_set in held for stem in stem_set)
    weights = {stem: math.log(1 + len(texts) / (1 + frequency[stem])) for stem in stems(question)}
    total = sum(weights.values()) or 1.0
    return [sum(weight for stem, weight in weights.items() if stem in one) / total for one in held]


def stems(text: str) -> list[str]:
    """Words that mean something, cut to five letters, so that "deploy" meets "deployment"."""
    return [word[:5] for word in words(text) if word not in COMMON]
