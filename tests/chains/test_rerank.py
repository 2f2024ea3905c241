"""Reranking as a stage: the order, what is kept, and that an answer can do without it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from langchain_core.documents import Document

from chains.rerank import Rerank
from chains.resilience import Guard, ProviderDown, Timeouts

pytestmark = pytest.mark.anyio

PASSAGES = [Document(f"text {n}", id=str(n), metadata={"timings": {"embed": 1.0}, "score": 1.0}) for n in range(8)]


class Ranked:
    """Scores passages by their number, or fails."""

    provider, model_name = "scripted", "ranked-1"

    def __init__(self, *, fails: bool = False) -> None:
        self.fails, self.calls = fails, 0

    async def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        self.calls += 1
        if self.fails:
            raise ProviderDown("status 503")
        return [n / 10 for n in range(len(texts))]

    async def aclose(self) -> None:
        return None


async def test_most_relevant_passages_are_kept_best_first() -> None:
    kept = await Rerank(Ranked(), Guard(), keep=3)("?", PASSAGES)
    assert [passage.id for passage in kept] == ["7", "6", "5"]
    assert kept[0].metadata["score"] == 0.7
    assert set(kept[0].metadata["timings"]) == {"embed", "rerank"}
    assert PASSAGES[7].metadata["score"] == 1.0  # the search's own documents stay as they were


async def test_failure_leaves_the_order_of_the_search() -> None:
    ranker = Ranked(fails=True)
    kept = await Rerank(ranker, Guard(Timeouts(rerank=0.5)), keep=3)("?", PASSAGES)
    assert [passage.id for passage in kept] == ["0", "1", "2"]
    assert ranker.calls == 1


@pytest.mark.parametrize("passages", [[], PASSAGES[:1]], ids=len)
async def test_nothing_to_order_costs_no_call(passages: list[Document]) -> None:
    ranker = Ranked()
    assert await Rerank(ranker, Guard())("?", passages) == passages
    assert ranker.calls == 0
