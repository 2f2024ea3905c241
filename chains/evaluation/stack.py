"""What is measured: the product's own search and chain, as they are configured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar
from uuid import UUID

from langchain_core.documents import Document
from langchain_core.runnables import Runnable
from qdrant_client import models

from chains.errors import EvaluationError, ModelUnavailable
from chains.evidence import relevance_strength
from chains.passages import CANDIDATES, choose_passages
from chains.rerank import CANDIDATES as RANKED
from chains.rerank import Rerank
from chains.retriever import HybridRetriever

Answer = TypeVar("Answer")

PAUSES = (2.0, 10.0, 30.0, 60.0)  # seconds before each further attempt: trial keys take ten calls a minute


class Parts(TypedDict, total=False):
    """What a `Stack` may have beside its retriever."""

    model: Runnable[Any, Any] | None
    rerank: Rerank | None
    rewrites: bool


@dataclass(frozen=True)
class Stack:
    """The retriever, and what is configured beside it: a chat model, a reranker, follow-ups rewritten by the model.

    A turn does without a reranker that does not answer, and fails without a model. A measurement waits (`pauses`) for
    either before it fails: one call in a thousand would else take all the others with it.
    """

    retriever: HybridRetriever
    model: Runnable[Any, Any] | None = None
    rerank: Rerank | None = None
    rewrites: bool = False
    pauses: Sequence[float] = PAUSES

    @property
    def candidates(self) -> int:
        """How many passages the chain asks the search for."""
        return RANKED if self.rerank else CANDIDATES

    async def search(self, query: str, k: int, filter: models.Filter | None = None) -> list[Document]:
        """The best `k`, by the reranker if there is one.

        Raises:
            RetrievalUnavailable: the collection cannot be searched.
            EvaluationError: the reranker does not answer.
        """
        found = await self.patiently(lambda: self.retriever.ainvoke(query, k=max(k, self.candidates), filter=filter))
        ranked = await self.rank(query, found[: self.candidates]) if self.rerank else found[: self.candidates]
        return [*ranked, *found[self.candidates :]][:k]

    async def patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """
        Raises:
            ModelUnavailable: the provider has not answered for all of the pauses.
        """
        for pause in self.pauses:
            try:
                return await ask()
            except ModelUnavailable:
                await asyncio.sleep(pause)
        return await ask()

    async def rank(self, query: str, passages: list[Document]) -> list[Document]:
        """All of them in the reranker's order, each with its `relevance`; as they are without a reranker."""
        if self.rerank is None:
            return passages
        for pause in (*self.pauses, None):
            ranked = await self.rerank(query, passages)
            if len(passages) < 2 or relevance_strength(ranked) is not None:
                return ranked
            if pause is not None:
                await asyncio.sleep(pause)
        raise EvaluationError("The reranker does not answer, so nothing can be said of it: see docent doctor.")

    def choose(self, found: Sequence[Document]) -> list[Document]:
        """What the gate weighs, of what was found."""
        return choose_passages(found[: self.candidates])


def others_than(gold: Sequence[Document]) -> models.Filter | None:
    """Everything but these passages and, in an index that Docent filled, whatever else their pages hold."""
    if not gold:
        return None
    ids: list[int | str | UUID] = [_point_id(passage) for passage in gold]
    pages = sorted({str(passage.metadata["page"]) for passage in gold if _is_placed(passage)})
    of_pages = models.FieldCondition(key="metadata.page", match=models.MatchAny(any=pages))
    conditions: list[models.Condition] = [models.HasIdCondition(has_id=ids), *([of_pages] if pages else [])]
    return models.Filter(must_not=conditions)


def _is_placed(passage: Document) -> bool:
    """Docent's own chunks say where on their page they are."""
    return isinstance(passage.metadata.get("ordinal"), int) and bool(passage.metadata.get("page"))


def _point_id(passage: Document) -> int | str:
    name = str(passage.id)
    return int(name) if name.isdigit() else name
