"""Pure: which sentence of a passage supports a sentence of the answer."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from chains.facts import Facts
from chains.language import language_of, primary, script_of

# With 300 XQuAD questions and their answers in place of answer sentences, it keeps 99.7 % of the citations of the right
# passage and 5 % of those of the five around it in its article (.30: 99 and 3 %); with the questions alone, which are
# freer with the words, 95 and 11 %. Were words that no passage has to weigh most of all, 88 % of the latter.
SUPPORT_FLOOR = 0.25
UNSEEN_SHARE = 0.1  # of the sentences: so many seem to hold a word that none holds, for it tells none from another
STEM_LENGTH = 6  # "configure" and "configuration" count as one word, in every language that inflects at the end

_BREAK = re.compile(r"(?<=[.!?…؟۔।])[\"'”’)\]*_]*\s+|(?<=[。！？])|\n+")
_WORD = re.compile(r"\w+")
# Scripts that leave no blanks between words, or hang endings and particles on them: two characters are a word there.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_ARABIC_PREFIX = re.compile(r"^[وف]?(?:[بك]?ال|لل)(?=\w{2})")  # "and", "with", "like", "for" and the article


def split_sentences(text: str) -> list[str]:
    """The sentences and lines of a text, each a verbatim piece of it without the white space around it."""
    pieces, start = [], 0
    for found in _BREAK.finditer(text):
        pieces.append(text[start : found.end()].strip())
        start = found.end()
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if _WORD.search(piece)]


def words(text: str) -> set[str]:
    """Cut to their beginning, without accents and vowel signs."""
    letters = unicodedata.normalize("NFC", _without_marks(text)).casefold()
    pairs = {run[at : at + 2] for run in _UNSPACED.findall(letters) for at in range(max(1, len(run) - 1))}
    spaced = _WORD.findall(_UNSPACED.sub(" ", letters))
    return pairs | {_ARABIC_PREFIX.sub("", word)[:STEM_LENGTH] for word in spaced}


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    return "".join(
        each for each in unicodedata.normalize("NFKD", text) if unicodedata.category(each) not in ("Mn", "Cf")
    )


class Quotes:
    """Finds quotes in numbered passages.

    A word weighs the less the more of the passages' sentences hold it, so no list of stop words, and no language, is
    built in. Support is the share of the answer sentence's weight that a passage's sentence holds. It is lexical: it
    does not see a negation, nor a wrong attribution of right words. A sentence in another language than its passage
    shares but names and numbers with it: no floor holds it then, only `hold_facts` does.

    `language` is the one that the answer is to be in (BCP 47), if known.
    """

    def __init__(self, passages: Sequence[str], language: str | None = None) -> None:
        self._passages = passages
        self._language = language
        self._facts: dict[frozenset[int], Facts] = {}

    def find(self, n: int, sentence: str) -> str | None:
        """The best sentence of passage `n` (from 1), or None if there is no such passage or no support."""
        if not 1 <= n <= len(self._passages):
            return None
        wanted = words(sentence)
        total = sum(map(self._weight, wanted))
        if not total or not self._sentences[n - 1]:
            return None
        scored = [(sum(map(self._weight, wanted & held)), quote) for quote, held in self._sentences[n - 1]]
        best, quote = max(scored, key=lambda pair: pair[0])
        if best / total >= SUPPORT_FLOOR:
            return quote
        return self._across_languages(n, sentence, scored)

    def _across_languages(self, n: int, sentence: str, scored: list[tuple[float, str]]) -> str | None:
        """The sentence with most in common, of equals the longest."""
        return max(scored, key=lambda pair: (pair[0], len(pair[1])))[1] if self._is_foreign(n, sentence) else None

    def _is_foreign(self, n: int, sentence: str) -> bool:
        written, said = language_of(self._passages[n - 1]) or self._written_in, language_of(sentence)
        if not written:
            return False
        if said and script_of(said) != script_of(written):
            return True
        meant = primary(self._language) or said
        return bool(meant) and meant != written and said != written

    def hold_facts(self, numbers: Sequence[int], sentence: str) -> bool:
        """Whether the sentence's numbers and code are in the passages of these numbers, taken together."""
        cited = frozenset(n for n in numbers if 1 <= n <= len(self._passages))
        if cited not in self._facts:
            self._facts[cited] = Facts("\n".join(self._passages[n - 1] for n in cited))
        return self._facts[cited].hold(sentence)

    @cached_property
    def _sentences(self) -> list[list[tuple[str, set[str]]]]:
        return [[(piece, words(piece)) for piece in split_sentences(passage)] for passage in self._passages]

    @cached_property
    def _written_in(self) -> str | None:
        return language_of("\n".join(self._passages))

    @cached_property
    def _frequencies(self) -> Counter[str]:
        return Counter(word for passage in self._sentences for _, held in passage for word in held)

    @cached_property
    def _count(self) -> int:
        return sum(map(len, self._sentences))

    def _weight(self, word: str) -> float:
        """BM25's idf over the sentences of all passages."""
        holders = self._frequencies[word] or UNSEEN_SHARE * self._count
        return math.log1p((self._count - holders + 0.5) / (holders + 0.5))
