"""Pure: how well each text of a small pool fits a question, by words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

K1, B = 1.2, 0.75  # Lucene's defaults

_WORD = re.compile(r"[^\W_]+")
_SUFFIX = re.compile(r"(?<=\w{4})(?:ingly|edly|ations?|ings?|ies|ied|ers?|es|ed|ly|s)$")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be by can could did do does for from had has have how in into is it its many much my of on
        or that the their there these they this to was we were what when where which who whom whose why will with would
        you your i""",
    )
)


def score_by_words(question: str, texts: Sequence[str]) -> Scores:
    """BM25 of each text, with the pool itself as the collection. English stop words and endings are taken off."""
    wanted = set(words(question))
    held = [Counter(words(text)) for text in texts]
    lengths = np.array([sum(counts.values()) for counts in held], dtype=float)
    norms = K1 * (1 - B + B * lengths / max(lengths.mean(), 1.0)) if len(texts) else lengths
    scores = np.zeros(len(texts))
    for word in sorted(wanted):
        counts = np.array([counts[word] for counts in held], dtype=float)
        scores += _rarity(int((counts > 0).sum()), len(texts)) * counts * (K1 + 1) / (counts + norms)
    return scores


def standardise(scores: Scores) -> Scores:
    """z-scores; all 0 when all are equal."""
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > 1e-9 else np.zeros_like(scores)


def words(text: str) -> list[str]:
    return [_SUFFIX.sub("", word) for word in _WORD.findall(text.casefold()) if word not in _STOP_WORDS]


def _rarity(holders: int, texts: int) -> float:
    return math.log1p((texts - holders + 0.5) / (holders + 0.5))
