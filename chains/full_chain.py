"""The chain as the service runs it: every stage that Docent has, over its own retriever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
from chains.rag import build_rag_chain
from chains.rerank import CANDIDATES as RANKED
from chains.rerank import Rerank
from chains.retriever import HybridRetriever
from chains.turn import ChatTurn, ReplyPart

Find = Callable[..., Awaitable[list[Document]]]


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
    editions = Editions(retriever.client, retriever.current, retriever.keys)
    ask: Find = find or retriever.ainvoke

    async def search(inputs: dict[str, Any]) -> list[Document]:
        edition = await editions.filter_for(inputs["turn"])
        return await ask(inputs["query"], k=RANKED if rerank else CANDIDATES, filter=edition)

    async def select(inputs: dict[str, Any]) -> list[Document]:
        return [await weigh_marked(inputs["turn"], retriever)]

    return build_rag_chain(
        retriever,
        model,
        condense=RewriteQuestion(model).as_runnable() if rewrites else None,
        find=RunnableLambda(search, name="search"),
        select=RunnableLambda(select, name="select"),
        rerank=rerank.as_runnable() if rerank else None,
        join=Neighbours(retriever).as_runnable(),
        **others,
    )


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
