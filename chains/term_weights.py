"""How rare a term is in a collection, as the search engine itself counts it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from qdrant_client import models

CACHED_TERMS = 10_000
WEIGHED_TERMS = 64  # of one question; each unknown one costs a query of .2 to .5 ms


class TermWeights:
    """The idf of terms, learnt from single-term queries: a score is idf x weight of the term in the text that it found.

    Good for one state of one collection, of which `points` is the number of its points.
    """

    def __init__(self, points: int) -> None:
        self._points = points
        self._idf: dict[int, float] = {}

    def unknown(self, terms: Collection[int]) -> list[int]:
        if len(self._idf) + len(terms) > CACHED_TERMS:
            self._idf.clear()
        return [term for term in list(terms)[:WEIGHED_TERMS] if term not in self._idf]

    def learn(self, term: int, found: Sequence[models.ScoredPoint], vector_name: str) -> None:
        """`found`: the answer to the query for `term` alone with weight 1, with the vector `vector_name`."""
        vectors = found[0].vector if found else None
        vector = vectors.get(vector_name) if isinstance(vectors, dict) else None
        if isinstance(vector, models.SparseVector):
            self._idf[term] = found[0].score / vector.values[vector.indices.index(term)]
        else:
            self._idf[term] = self._idf_of_absent

    def coverage(self, question: Mapping[int, float], text: Collection[int]) -> float | None:
        """The share, 0 to 1, of the question's idf that a text with these terms holds; None without terms."""
        weights = {term: count * self._idf[term] for term, count in question.items() if term in self._idf}
        total = sum(weights.values())
        return sum(weights[term] for term in weights.keys() & set(text)) / total if total else None

    @property
    def _idf_of_absent(self) -> float:
        """Qdrant's idf, ln(1 + (N - n + .5) / (n + .5)), of a term that no text holds (n = 0)."""
        return math.log1p((self._points + 0.5) / 0.5)
