"""The chain as the service runs it: every stage that Docent has, over its own retriever."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda

from chains.condense import RewriteQuestion
from chains.editions import Editions
from chains.errors import DocentError
from chains.evidence import Evidence
from chains.marked_text import is_about_itself, marked_passage, pieces_of
from chains.neighbours import Neighbours
from chains.passages import CANDIDATES
from chains.rag import build_rag_chain, choose, wants_selection, weigh
from chains.rerank import CANDIDATES as RANKED
from chains.rerank import Rerank
from chains.retriever import HybridRetriever
from chains.turn import ChatTurn, ReplyPart

Find = Callable[..., Awaitable[list[Document]]]

log = logging.getLogger(__name__)


class OtherStages(TypedDict, total=False):
    """Stages of `build_rag_chain` that one may want otherwise."""

    gate: Runnable[dict[str, Any], Evidence]
    cite: Runnable[dict[str, Any], ReplyPart]


def build_full_chain(
    retriever: HybridRetriever,
    model: Runnable[Any, Any],
    *,
    find: Find | None = None,
    rerank: Rerank | None = None,
    rewrites: bool = False,
    **others: Unpack[OtherStages],
) -> Runnable[dict[str, Any], ReplyPart]:
    """`build_rag_chain` with the reader's edition searched, marked texts weighed and neighbours joined.

    `find(query, k=, filter=)` takes the retriever's place in the search; `rewrites`: follow-ups go to the model first.
    Asynchronous only.
    """
    stages = _Stages(retriever, find or retriever.ainvoke, RANKED if rerank else CANDIDATES)
    others.setdefault("gate", RunnableLambda(stages.gate, name="gate"))
    return build_rag_chain(
        retriever,
        model,
        condense=RewriteQuestion(model).as_runnable() if rewrites else None,
        find=RunnableLambda(stages.search, name="search"),
        select=RunnableLambda(stages.select, name="select"),
        rerank=rerank.as_runnable() if rerank else None,
        join=Neighbours(retriever).as_runnable(),
        **others,
    )


class _Stages:
    """Those that ask the index."""

    def __init__(self, retriever: HybridRetriever, find: Find, candidates: int) -> None:
        self._retriever, self._find, self._candidates = retriever, find, candidates
        self._editions = Editions(retriever.client, retriever.current, retriever.keys)

    async def search(self, inputs: dict[str, Any]) -> list[Document]:
        edition = await self._editions.filter_for(inputs["turn"])
        return await self._find(inputs["query"], k=self._candidates, filter=edition)

    async def select(self, inputs: dict[str, Any]) -> list[Document]:
        return [await weigh_marked(inputs["turn"], self._retriever)]

    async def gate(self, inputs: dict[str, Any]) -> Evidence:
        evidence = weigh(inputs)
        if evidence.found or not wants_selection(inputs):
            return evidence
        return replace(evidence, nearest=await self._find_nearest(inputs))

    async def _find_nearest(self, inputs: dict[str, Any]) -> list[Document]:
        """Where the book may say what the marked text does not; that the index is away takes nothing from the reply."""
        try:
            return choose({"turn": inputs["turn"], "ranked": await self.search(inputs)})
        except DocentError as error:
            log.info("No sections are offered beside the marked text: %s", type(error).__name__)
            return []


async def weigh_marked(turn: ChatTurn, retriever: HybridRetriever) -> Document:
    """The marked text with the gate's signals; without, if the question is about the text itself, which the model
    decides better, or if it cannot be embedded: an answer from a marked text needs no index."""
    if is_about_itself(turn.question):
        return marked_passage(turn)
    try:
        signals = await retriever.measure(turn.question, pieces_of(turn.selected_text or ""))
    except DocentError:
        return marked_passage(turn)
    return marked_passage(turn, **signals)
