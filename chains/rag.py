"""The chain: a turn and what was said before -> the parts of a reply. It stores nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableBranch, RunnableGenerator, RunnablePassthrough, RunnablePick
from langchain_core.runnables.utils import AddableDict

from chains import prompts
from chains.condense import repeat_question
from chains.errors import InvalidTurn
from chains.evidence import Evidence, format_passages, weigh_evidence
from chains.inline import inline
from chains.reply import write_reply
from chains.turn import ChatTurn, ReplyPart
from chains.turn_guard import TurnGuard

PROMPT = ChatPromptTemplate.from_messages(
    [("system", prompts.SYSTEM), MessagesPlaceholder("history"), ("human", prompts.QUESTION)]
)


def build_rag_chain(  # noqa: PLR0913 - one argument a stage
    retriever: Runnable[str, list[Document]],
    model: Runnable[Any, Any],
    *,
    prompt: Runnable[dict[str, Any], PromptValue] = PROMPT,
    condense: Runnable[dict[str, Any], str] | None = None,
    rerank: Runnable[dict[str, Any], list[Document]] | None = None,
    gate: Runnable[dict[str, Any], Evidence] | None = None,
    cite: Runnable[dict[str, Any], ReplyPart] | None = None,
) -> Runnable[dict[str, Any], ReplyPart]:
    """{"turn": ChatTurn or its dict, "history": messages} -> a stream of ReplyParts; `+` folds them into the reply.

    Each stage adds one key to the turn, and any runnable can stand in for it:

    - condense: {turn, history} -> `query`, what to search for
    - retriever: the query -> `passages`
    - rerank: {turn, history, query, candidates} -> `passages`, where the retriever's are `candidates`; none if absent
    - gate: {turn, history, query, passages} -> `evidence`; no evidence is answered without the model
    - prompt: {context, question, selection, history, fence, canary} -> messages, which get the passages as
      `documents` besides; context, selection and history come between tags that bear `fence`
    - model: messages -> `message`, a message or text, whole or streamed
    - cite: all of it, in pieces -> the parts of a reply

    Raises (while it runs):
        InvalidTurn: the answer is to come from a marked text, and there is none.
        RetrievalUnavailable: the search failed; that is never "no evidence".
        ModelUnavailable: the model failed or said nothing.
    """
    condense = condense or inline(repeat_question)
    find = RunnableBranch((inline(wants_selection), inline(select)), RunnablePick("query") | retriever)
    ask = RunnablePassthrough.assign(messages=inline(fill_in) | prompt) | inline(attach_passages) | model
    return (
        inline(read_turn).with_config(run_name="Read")
        | RunnablePassthrough.assign(query=condense.with_config(run_name="Condense"))
        | find_passages(find.with_config(run_name="Find"), rerank)
        | RunnablePassthrough.assign(evidence=(gate or inline(weigh)).with_config(run_name="Gate"))
        | answer_from_evidence(ask.with_config(run_name="Answer"))
        | (cite or write_reply(name_of(model))).with_config(run_name="Cite")
    ).with_config(run_name="Docent")


def find_passages(
    find: Runnable[Any, list[Document]], rerank: Runnable[dict[str, Any], list[Document]] | None
) -> Runnable[Any, Any]:
    """Adds `passages`; with a reranker also `candidates`, before they are ranked."""
    if rerank is None:
        return RunnablePassthrough.assign(passages=find)
    ranked = RunnablePassthrough.assign(passages=rerank.with_config(run_name="Rerank"))
    return RunnablePassthrough.assign(candidates=find) | ranked


def read_turn(inputs: dict[str, Any]) -> dict[str, Any]:
    turn = ChatTurn.model_validate(inputs["turn"])
    if turn.scope == "selection" and not turn.selected_text:
        raise InvalidTurn("Mark a passage first, to be answered from it alone.")
    history = inputs.get("history", [])
    return {"turn": turn, "history": history, "guard": TurnGuard(), "started": time.perf_counter()}


def wants_selection(inputs: dict[str, Any]) -> bool:
    return bool(inputs["turn"].scope == "selection")


def select(inputs: dict[str, Any]) -> list[Document]:
    """The marked text as the only passage."""
    turn: ChatTurn = inputs["turn"]
    details = {"title": prompts.SELECTION_TITLE, "url": turn.page_url or ""}
    return [Document(turn.selected_text or "", metadata=details)]


def weigh(inputs: dict[str, Any]) -> Evidence:
    return weigh_evidence(inputs["passages"], language=inputs["turn"].language)


def fill_in(inputs: dict[str, Any]) -> dict[str, Any]:
    """The prompt's variables."""
    turn: ChatTurn = inputs["turn"]
    guard: TurnGuard = inputs["guard"]
    marked = turn.selected_text if turn.scope == "book" else None
    return {
        "history": guard.around_each(inputs["history"]),
        "context": format_passages(inputs["evidence"].passages, guard),
        "selection": prompts.SELECTION.format(text=guard.around(marked, "marked")) if marked else "",
        "question": turn.question,
        "fence": guard.fence,
        "canary": guard.canary,
    }


def attach_passages(inputs: dict[str, Any]) -> list[BaseMessage]:
    """The messages; the last one carries the passages and the query as data, for models that read `documents`.

    `fence` is the turn's, for providers that send the documents on.
    """
    *earlier, last = inputs["messages"].to_messages()
    documents = [
        {"id": str(n), "title": passage.metadata.get("title", ""), "text": passage.page_content}
        for n, passage in enumerate(inputs["evidence"].passages, start=1)
    ]
    data = {"documents": documents, "question": inputs["query"], "fence": inputs["guard"].fence}
    return [*earlier, last.model_copy(update={"additional_kwargs": last.additional_kwargs | data})]


def answer_from_evidence(ask: Runnable[Any, Any]) -> Runnable[dict[str, Any], dict[str, Any]]:
    """Adds `message` from `ask`, in chunks; nothing without evidence.

    As `RunnablePassthrough.assign(message=ask)`, which however takes twice the CPU per token and, when the reader
    leaves, lets the model go on until its next token.
    """

    def answer(pieces: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        inputs = AddableDict()
        for piece in pieces:
            inputs |= piece
            yield piece
        if inputs["evidence"].found:
            for chunk in ask.stream(inputs):
                yield AddableDict(message=chunk)

    async def aanswer(pieces: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        inputs = AddableDict()
        async for piece in pieces:
            inputs |= piece
            yield piece
        if inputs["evidence"].found:
            async with aclosing(cast(AsyncGenerator[Any, None], ask.astream(inputs))) as chunks:
                async for chunk in chunks:
                    yield AddableDict(message=chunk)

    return RunnableGenerator(answer, aanswer)


def name_of(model: Runnable[Any, Any]) -> str:
    """What the model calls itself, should its messages not say."""
    return str(getattr(model, "model_name", "") or getattr(model, "model", "") or getattr(model, "_llm_type", ""))
