"""Pure: which sentence of a passage supports a sentence of the answer."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from chains.facts import facts_are_in

# With 400 XQuAD questions and their answers in place of answer sentences, it keeps 97 % of the citations of the right
# passage and 5 % of those of the five others that were retrieved with it (.20: 99 and 14 %, .30: 94 and 2 %).
SUPPORT_FLOOR = 0.25
STEM_LENGTH = 6  # "configure" and "configuration" count as one word, in every language that inflects at the end

_BREAK = re.compile(r"(?<=[.!?…؟۔।])[\"'”’)\]*_]*\s+|(?<=[。！？])|\n+")
_WORD = re.compile(r"\w+")


def split_sentences(text: str) -> list[str]:
    """The sentences and lines of a text, each a verbatim piece of it without the white space around it."""
    pieces, start = [], 0
    for found in _BREAK.finditer(text):
        pieces.append(text[start : found.end()].strip())
        start = found.end()
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if _WORD.search(piece)]


def words(text: str) -> set[str]:
    return {word[:STEM_LENGTH] for word in _WORD.findall(text.casefold())}


class Quotes:
    """Finds quotes in numbered passages.

    A word weighs the less the more of the passages' sentences hold it, so no list of stop words, and no language, is
    built in. Support is the share of the answer sentence's weight that a passage's sentence holds. It is lexical: it
    does not see a negation, nor a wrong attribution of right words.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        self._passages = passages

    def find(self, n: int, sentence: str) -> str | None:
        """The best sentence of passage `n` (from 1), or None if there is no such passage or no support."""
        if not 1 <= n <= len(self._passages):
            return None
        wanted = words(sentence)
        total = sum(map(self._weight, wanted))
        scored = [(sum(map(self._weight, wanted & held)), quote) for quote, held in self._sentences[n - 1]]
        best, quote = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
        return quote if total and best / total >= SUPPORT_FLOOR else None

    def hold_facts(self, numbers: Sequence[int], sentence: str) -> bool:
        """Whether the sentence's numbers and code are in the passages of these numbers, taken together."""
        passages = [self._passages[n - 1] for n in set(numbers) if 1 <= n <= len(self._passages)]
        return facts_are_in(sentence, passages)

    @cached_property
    def _sentences(self) -> list[list[tuple[str, set[str]]]]:
        return [[(piece, words(piece)) for piece in split_sentences(passage)] for passage in self._passages]

    @cached_property
    def _frequencies(self) -> Counter[str]:
        return Counter(word for passage in self._sentences for _, held in passage for word in held)

    @cached_property
    def _count(self) -> int:
        return sum(map(len, self._sentences))

    def _weight(self, word: str) -> float:
        """BM25's idf over the sentences of all passages."""
        holders = self._frequencies[word]
        return math.log1p((self._count - holders + 0.5) / (holders + 0.5))
