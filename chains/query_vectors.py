"""The vectors of the last questions: what readers ask again is not embedded again."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from chains.providers import PinnedEmbeddings

KEPT = 1_000  # questions; 12 MB with vectors of 3,072 numbers

Key = tuple[str, int, str, str]


class QueryVectors:
    """Of each embedding model apart, least recently used first out.

    Numbers are in single precision, as Qdrant keeps them, also the first time: the same question finds the same.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._vectors: OrderedDict[Key, NDArray[np.float32]] = OrderedDict()

    async def embed(self, text: str, embeddings: PinnedEmbeddings) -> list[float]:
        key = (embeddings.identity, embeddings.dimensions, embeddings.prefix, text)
        if key not in self._vectors:
            self._vectors[key] = np.asarray(await embeddings.aembed_query(text), dtype=np.float32)
        self._vectors.move_to_end(key)
        vector: list[float] = self._vectors[key].tolist()
        while len(self._vectors) > self._kept:
            self._vectors.popitem(last=False)
        return vector

    def __len__(self) -> int:
        return len(self._vectors)
