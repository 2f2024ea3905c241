"""Embeddings without a model: equal texts have equal vectors, texts that share words are near each other."""

from __future__ import annotations

import hashlib
import math

from chains.providers import PinnedEmbeddings


class HashedEmbeddings(PinnedEmbeddings):
    """A bag of hashed words. `embedded` counts the documents; `fails_after` of them every further one raises."""

    identity = "test/hashed-words"
    dimensions = 32
    prefix = ""

    def __init__(self, identity: str = identity) -> None:
        self.identity = identity
        self.embedded = 0
        self.fails_after: int | None = None

    def open(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to give back."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += len(texts)
        if self.fails_after is not None and self.embedded > self.fails_after:
            raise ConnectionError("the provider went away")
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.01] * self.dimensions
        for word in text.lower().split():
            vector[hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1
        length = math.hypot(*vector)
        return [value / length for value in vector]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)
