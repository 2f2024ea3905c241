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
from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig, RunnablePassthrough, RunnablePick
from langchain_core.runnables.utils import AddableDict

from chains import prompts
from chains.condense import repeat_question
from chains.conversation import recent
from chains.errors import InvalidTurn
from chains.evidence import Evidence, format_passages, weigh_evidence
from chains.inline import inline
from chains.language import language_of
from chains.marked_text import marked_passage
from chains.passages import choose_passages
from chains.reply import write_reply
from chains.turn import ChatTurn, ReplyPart
from chains.turn_guard import TurnGuard
from chains.untraced import StreamingStep, streaming

PROMPT = ChatPromptTemplate.from_messages(
    [("system", prompts.SYSTEM), MessagesPlaceholder("history"), ("human", prompts.QUESTION)]
)


def build_rag_chain(  # noqa: PLR0913 - one argument a stage
    retriever: Runnable[str, list[Document]],
    model: Runnable[Any, Any],
    *,
    prompt: Runnable[dict[str, Any], PromptValue] = PROMPT,
    condense: Runnable[dict[str, Any], str] | None = None,
    find: Runnable[dict[str, Any], list[Document]] | None = None,
    select: Runnable[dict[str, Any], list[Document]] | None = None,
    rerank: Runnable[dict[str, Any], list[Document]] | None = None,
    join: Runnable[list[Document], list[Document]] | None = None,
    gate: Runnable[dict[str, Any], Evidence] | None = None,
    cite: Runnable[dict[str, Any], ReplyPart] | None = None,
) -> Runnable[dict[str, Any], ReplyPart]:
    """{"turn": ChatTurn or its dict, "history": messages} -> a stream of ReplyParts; `+` folds them into the reply.

    Any runnable can stand in for a stage:
    - condense: {turn, history} -> `query`, what to search for
    - retriever: the query -> `candidates`; `find`: the same from {turn, history, query}, in the retriever's place
    - select: {turn} -> `candidates`, when the answer is to come from the marked text alone
    - rerank: {turn, history, query, candidates} -> the same in a better order; none if absent
    - join: the passages that were chosen of them -> `passages`, with what stands around them; none if absent
    - gate: {turn, history, query, passages} -> `evidence`; no evidence is answered without the model
    - prompt: {context, question, selection, language, history, fence, canary} -> messages; they get `documents` besides
    - model: messages -> `message`, a message or text, whole or streamed; cite: all of it, in pieces -> reply's parts
    Raises (while it runs):
        InvalidTurn: the answer is to come from a marked text, and there is none.
        RetrievalUnavailable: the search failed; that is never "no evidence".
        ModelUnavailable: the model failed or said nothing.
    """
    found = RunnableBranch((inline(wants_selection), select or inline(take_selection)), find or ask_query(retriever))
    ask = streaming(RunnablePassthrough.assign(messages=inline(fill_in) | prompt) | inline(attach_passages) | model)
    return streaming(
        inline(read_turn).with_config(run_name="Read")
        | RunnablePassthrough.assign(query=(condense or inline(repeat_question)).with_config(run_name="Condense"))
        | find_passages(found.with_config(run_name="Find"), rerank, join)
        | RunnablePassthrough.assign(evidence=(gate or inline(weigh)).with_config(run_name="Gate"))
        | answer_from_evidence(ask.with_config(run_name="Answer"))
        | (cite or write_reply(name_of(model))).with_config(run_name="Cite")
    ).with_config(run_name="Docent")


def ask_query(retriever: Runnable[str, list[Document]]) -> Runnable[dict[str, Any], list[Document]]:
    return RunnablePick("query") | retriever


def find_passages(
    find: Runnable[Any, list[Document]],
    rerank: Runnable[dict[str, Any], list[Document]] | None,
    join: Runnable[list[Document], list[Document]] | None,
) -> Runnable[Any, Any]:
    """Adds `ranked` and, chosen of them, `passages`; with a reranker also `candidates`, before they are ranked."""
    chosen: Runnable[Any, list[Document]] = inline(choose)
    passages = RunnablePassthrough.assign(passages=chosen | join.with_config(run_name="Join") if join else chosen)
    if rerank is None:
        return RunnablePassthrough.assign(ranked=find) | passages
    ranked = RunnablePassthrough.assign(ranked=rerank.with_config(run_name="Rerank"))
    return RunnablePassthrough.assign(candidates=find) | ranked | passages


def choose(inputs: dict[str, Any]) -> list[Document]:
    return choose_passages(inputs["ranked"], page_url=inputs["turn"].page_url)


def read_turn(inputs: dict[str, Any]) -> dict[str, Any]:
    turn = ChatTurn.model_validate(inputs["turn"])
    if turn.scope == "selection" and not turn.selected_text:
        raise InvalidTurn("Mark a passage first, to be answered from it alone.")
    history = inputs.get("history", [])
    return {"turn": turn, "history": history, "guard": TurnGuard(), "started": time.perf_counter()}


def wants_selection(inputs: dict[str, Any]) -> bool:
    return bool(inputs["turn"].scope == "selection")


def take_selection(inputs: dict[str, Any]) -> list[Document]:
    """The marked text as the only passage."""
    return [marked_passage(inputs["turn"])]


def weigh(inputs: dict[str, Any]) -> Evidence:
    turn: ChatTurn = inputs["turn"]
    return weigh_evidence(inputs["passages"], language=turn.language or language_of(turn.question))


def fill_in(inputs: dict[str, Any]) -> dict[str, Any]:
    """The prompt's variables. Context, selection and history come between tags that bear `fence`."""
    turn: ChatTurn = inputs["turn"]
    guard: TurnGuard = inputs["guard"]
    marked = turn.selected_text if turn.scope == "book" else None
    language = turn.language or language_of(turn.question)
    return {
        "history": guard.around_each(recent(inputs["history"])),
        "context": format_passages(inputs["evidence"].passages, guard),
        "selection": prompts.SELECTION.format(text=guard.around(marked, "marked")) if marked else "",
        "language": prompts.LANGUAGE.format(code=language) if language else prompts.LANGUAGE_OF_QUESTION,
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

    async def aanswer(
        pieces: AsyncIterator[dict[str, Any]], config: RunnableConfig
    ) -> AsyncGenerator[dict[str, Any], None]:
        inputs = AddableDict()
        async for piece in pieces:
            inputs |= piece
            yield piece
        if inputs["evidence"].found:
            async with aclosing(cast(AsyncGenerator[Any, None], ask.astream(inputs, config))) as chunks:
                async for chunk in chunks:
                    yield AddableDict(message=chunk)

    return StreamingStep(answer, aanswer)


def name_of(model: Runnable[Any, Any]) -> str:
    """What the model calls itself, should its messages not say."""
    return str(getattr(model, "model_name", "") or getattr(model, "model", "") or getattr(model, "_llm_type", ""))
