"""Passages with what stands before and after them on their page: chunks are cut small for the search, and an answer
needs the step before and the list after."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda
from qdrant_client import models

from chains.collection import ORDINAL
from chains.providers.estimated_tokens import EstimatedWordPieces
from chains.remote_qdrant import CLIENT_ERRORS
from chains.retriever import HybridRetriever

BUDGET = 2_400  # word pieces, by estimate, of all passages together; six chunks alone have at most 1,536
PATIENCE = 1.0  # seconds; an answer can do without

Place = tuple[str, int]

log = logging.getLogger(__name__)
count = EstimatedWordPieces()


@dataclass(frozen=True)
class Neighbour:
    heading: str
    text: str
    chunk_id: str
    page_hash: str | None


class Neighbours:
    """Joins to each passage the chunk after and the chunk before it, best passage first, as far as the budget goes.

    Only chunks under the same heading, or under its parent, and none that is a passage itself or joined already, or
    whose page has changed since the passage was found: the index may be made anew meanwhile. The
    passage's own text stays in its metadata as `excerpt`, and `joined` has the ids of what was added. Where the
    collection cannot be asked in time, and for those that another program filled, passages stay as they are.
    """

    def __init__(self, retriever: HybridRetriever, budget: int = BUDGET) -> None:
        self._retriever, self._budget = retriever, budget

    async def __call__(self, passages: Sequence[Document]) -> list[Document]:
        own = {place: passage for passage in passages if (place := _place(passage.metadata))}
        wanted = {(page, number) for page, ordinal in own for number in (ordinal - 1, ordinal + 1)} - own.keys()
        wanted = {(page, number) for page, number in wanted if number >= 0}
        if not wanted:
            return list(passages)
        started = time.perf_counter()
        around = await self._fetch(wanted)
        milliseconds = (time.perf_counter() - started) * 1e3
        return self._join(passages, around, milliseconds)

    def as_runnable(self) -> Runnable[list[Document], list[Document]]:
        """Passages -> passages. Asynchronous only."""

        async def join(passages: list[Document]) -> list[Document]:
            return await self(passages)

        return RunnableLambda(join, name="neighbours")

    async def _fetch(self, wanted: set[Place]) -> dict[Place, Neighbour]:
        """Those of them that there are."""
        retriever, keys = self._retriever, self._retriever.keys
        try:
            async with asyncio.timeout(PATIENCE):
                records, _ = await retriever.client.scroll(
                    retriever.searched, scroll_filter=_at(wanted), limit=len(wanted), with_payload=True
                )
        except (*CLIENT_ERRORS, TimeoutError) as error:
            log.warning("Passages stay without their neighbours: %s", type(error).__name__)
            return {}
        found = {}
        for record in records:
            facts = keys.facts(record.payload)
            heading = str(facts.get("heading", ""))
            if place := _place(facts):
                text = keys.text(record.payload).removeprefix(f"{heading}\n\n")
                found[place] = Neighbour(heading, text, str(record.id), facts.get("page_hash"))
        return found

    def _join(
        self, passages: Sequence[Document], around: dict[Place, Neighbour], milliseconds: float
    ) -> list[Document]:
        left = self._budget - sum(count(passage.page_content) for passage in passages)
        joined = []
        for passage in passages:
            place, after, before = _place(passage.metadata), None, None
            if place:
                after, left = _take(around, (place[0], place[1] + 1), passage, left)
                before, left = _take(around, (place[0], place[1] - 1), passage, left)
            joined.append(_with(passage, before, after, milliseconds))
        return joined


def _place(facts: Mapping[str, Any]) -> Place | None:
    page, ordinal = facts.get("page"), facts.get("ordinal")
    return (page, ordinal) if isinstance(page, str) and isinstance(ordinal, int) else None


def _at(places: set[Place]) -> models.Filter:
    by_page: dict[str, list[int]] = {}
    for page, number in sorted(places):
        by_page.setdefault(page, []).append(number)
    return models.Filter(
        should=[
            models.Filter(
                must=[
                    models.FieldCondition(key="metadata.page", match=models.MatchValue(value=page)),
                    models.FieldCondition(key=ORDINAL, match=models.MatchAny(any=numbers)),
                ]
            )
            for page, numbers in by_page.items()
        ]
    )


def _take(around: dict[Place, Neighbour], at: Place, to: Document, left: int) -> tuple[Neighbour | None, int]:
    """The neighbour, out of `around`, and the budget that is left; None if it does not belong or does not fit."""
    neighbour = around.get(at)
    if neighbour is None or neighbour.page_hash != to.metadata.get("page_hash"):
        return None, left
    if not _belongs(neighbour.heading, str(to.metadata.get("heading", ""))):
        return None, left
    size = count(neighbour.text)
    return (around.pop(at), left - size) if size <= left else (None, left)


def _belongs(heading: str, to: str) -> bool:
    parents = {heading.rpartition(" > ")[0], to.rpartition(" > ")[0]}
    return heading == to or len(parents) == 1 or heading in parents or to in parents


def _with(passage: Document, before: Neighbour | None, after: Neighbour | None, milliseconds: float) -> Document:
    own, heading = passage.page_content, passage.metadata.get("heading")
    texts = [
        _headed(before, heading, str(before.heading)) if before else "",
        own if before is None or before.heading == heading else f"### {_last(str(heading))}\n\n{own}",
        _headed(after, heading, str(after.heading)) if after else "",
    ]
    timings = passage.metadata.get("timings", {})
    timings = timings | {"retrieve": timings.get("retrieve", 0.0) + milliseconds}
    added = [each.chunk_id for each in (before, after) if each]
    facts = passage.metadata | {"timings": timings} | ({"excerpt": own, "joined": added} if added else {})
    return Document(id=passage.id, page_content="\n\n".join(filter(None, texts)), metadata=facts)


def _headed(neighbour: Neighbour, heading: Any, own: str) -> str:
    return neighbour.text if own == heading else f"### {_last(own)}\n\n{neighbour.text}"


def _last(heading: str) -> str:
    return heading.rpartition(" > ")[2]
