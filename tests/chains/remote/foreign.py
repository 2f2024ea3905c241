"""Collections as other programs fill them: one unnamed vector, a flat payload, no fingerprint."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import small_book
from qdrant_client import models

from chains.collection import Client
from chains.providers import PinnedEmbeddings

Payload = Callable[[str, str, str], dict[str, Any]]


def flat(page: str, heading: str, text: str) -> dict[str, Any]:
    """As book projects do it by hand."""
    return {"text": text, "chapter": heading, "source_url": f"https://book.example/{page}", "lang": "en"}


def nested(page: str, heading: str, text: str) -> dict[str, Any]:
    """As LangChain's Qdrant store does it."""
    return {"page_content": text, "metadata": {"source": f"docs/{page}", "title": heading}}


def fill(
    client: Client,
    embeddings: PinnedEmbeddings,
    payload: Payload,
    *,
    vector: str = "",
    distance: models.Distance = models.Distance.COSINE,
) -> None:
    params = models.VectorParams(size=embeddings.dimensions, distance=distance)
    client.create_collection(small_book.NAME, {vector: params} if vector else params)  # type: ignore[arg-type]
    texts = [text for _, _, text in small_book.SECTIONS]
    points = [
        models.PointStruct(id=number, vector={vector: made} if vector else made, payload=payload(*section))
        for number, (section, made) in enumerate(
            zip(small_book.SECTIONS, embeddings.embed_documents(texts), strict=True), start=1
        )
    ]
    client.upsert(small_book.NAME, points=points)


class OtherModel(PinnedEmbeddings):
    """A model that was shut down: vectors of the right length, and nothing else about them is right."""

    identity = "gemini/text-embedding-004"
    prefix = ""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.asked = 0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked += 1
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self._vector(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return self._vector(text)

    def _vector(self, text: str) -> list[float]:
        numbers = random.Random(text)
        return [numbers.gauss(0, 1) for _ in range(self.dimensions)]
