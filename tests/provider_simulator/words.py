"""What the simulated models know of language: words, tokens, sentences. Pure."""

from __future__ import annotations

import math
import re

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")
SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？۔])\s*")
LIST_MARK = re.compile(r"^\s*(?:[-*+>]|#{1,6}|\d+\.)\s+")
PIECE = re.compile(r"\s*\S+\s*$|\s*\S+")


def word_set(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text))


# The most frequent words of English; they say little about what a text is about.
COMMON = word_set(
    "a about after all also an and any are as at be because been before being but by can could did do "
    "does for from get had has have he her his how i if in into is it its just like made make may me more "
    "most my no not now of on one only or other our out over own s same should so some such t than that "
    "the their them then there these they this those to too under up use used was we were what when where "
    "which while who why will with without would you your"
)


def words(text: str) -> list[str]:
    """Lower-case words; of scripts without spaces, every character."""
    return WORD.findall(text.lower())


def count_tokens(text: str) -> int:
    """About what the providers' tokenizers count: four ASCII characters a token, two others."""
    return math.ceil(sum(1 if character < "\x80" else 2 for character in text) / 4)


def sentences(text: str) -> list[str]:
    """Sentences and lines, without list marks and headings' signs."""
    lines = [LIST_MARK.sub("", line) for line in text.splitlines()]
    return [part.strip() for line in lines for part in SENTENCE_END.split(line) if part.strip()]


def pieces(text: str) -> list[str]:
    """The text as a model streams it, a word and the blanks before it at a time; joined they are the text."""
    return PIECE.findall(text)
