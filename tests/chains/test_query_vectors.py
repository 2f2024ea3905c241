"""Questions that are asked again."""

from __future__ import annotations

import pytest

from chains.providers import PinnedEmbeddings
from chains.query_vectors import QueryVectors

pytestmark = pytest.mark.anyio


class Counted(PinnedEmbeddings):
    def __init__(self, identity: str = "counted/one") -> None:
        self.identity, self.dimensions, self.prefix = identity, 2, ""
        self.asked: list[str] = []

    def open(self) -> None: ...
    def close(self) -> None: ...
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[len(text) / 3, 1.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        return self.embed_query(text)


async def test_same_question_is_embedded_once_and_has_the_same_vector() -> None:
    vectors, model = QueryVectors(), Counted()
    assert await vectors.embed("What?", model) == await vectors.embed("What?", model)
    assert model.asked == ["What?"]


async def test_another_model_has_vectors_of_its_own() -> None:
    vectors, one, other = QueryVectors(), Counted(), Counted("counted/other")
    await vectors.embed("What?", one)
    await vectors.embed("What?", other)
    assert (one.asked, other.asked) == (["What?"], ["What?"])


async def test_least_recently_asked_goes_first() -> None:
    vectors, model = QueryVectors(kept=2), Counted()
    for question in ("a", "b", "a", "c", "a", "b"):
        await vectors.embed(question, model)
    assert model.asked == ["a", "b", "c", "b"]
    assert len(vectors) == 2
