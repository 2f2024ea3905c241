"""Passages put in the order of their relevance by a model that reads the question and the passage together."""

from __future__ import annotations

import time
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda

from chains.providers import Ranker
from chains.resilience import Dependency, Guard, Operation, guarded_or_skipped

CANDIDATES = 30  # passages that are ranked; a unit of Cohere's price is 100
KEPT = 6


class Rerank:
    """The `keep` most relevant passages, best first; or the first ones as they are, should ranking fail or take long.

    A ranked passage's `score` and `relevance` are the ranker's, 0 to 1, `ranker` names it, and its `timings` have
    `rerank` (ms).
    """

    def __init__(self, ranker: Ranker, guard: Guard, keep: int = KEPT) -> None:
        self._ranker, self._guard, self._keep = ranker, guard, keep
        self._dependency = Dependency(ranker.provider, Operation.RERANK, guard.timeouts.rerank, attempts=1)

    @property
    def identity(self) -> str:
        """Scores of one are not those of another."""
        return f"{self._ranker.provider}/{self._ranker.model_name}"

    async def __call__(self, query: str, passages: list[Document]) -> list[Document]:
        if len(passages) < 2:
            return passages
        started = time.perf_counter()
        texts = [f"{passage.metadata.get('heading', '')}\n\n{passage.page_content}" for passage in passages]
        nothing: list[float] = []
        scores = await guarded_or_skipped(
            lambda: self._ranker.rank(query, texts), self._dependency, self._guard, otherwise=nothing
        )
        milliseconds = (time.perf_counter() - started) * 1e3
        if not scores:
            return [_timed(passage, milliseconds) for passage in passages[: self._keep]]
        ranked = sorted(zip(scores, passages, strict=True), key=lambda pair: -pair[0])
        kept = ranked[: self._keep]
        return [
            _timed(passage, milliseconds, score=score, relevance=score, ranker=self.identity) for score, passage in kept
        ]

    def as_runnable(self) -> Runnable[dict[str, Any], list[Document]]:
        """{query, candidates} -> passages. Asynchronous only."""

        async def rerank(inputs: dict[str, Any]) -> list[Document]:
            return await self(inputs["query"], inputs["candidates"])

        return RunnableLambda(rerank, name="rerank")


def _timed(passage: Document, milliseconds: float, **signals: Any) -> Document:
    timings = passage.metadata.get("timings", {}) | {"rerank": milliseconds}
    return Document(
        id=passage.id, page_content=passage.page_content, metadata=passage.metadata | signals | {"timings": timings}
    )
