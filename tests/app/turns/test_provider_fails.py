"""A provider that fails in the middle of a turn, from the model's stream to the events that a reader gets."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from fakes import SlowStore, a_turn
from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

from app.events import Event, events_of
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.rag import build_rag_chain
from chains.resilience import ChatEndpoint, NetworkFailure, resilient
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

PASSAGE = Document("The gripper opens at 6 bar.", metadata={"title": "Gripper", "url": "/gripper"})


def model(provider: str, *said: str, fails: bool = False) -> ChatEndpoint:
    """Says its pieces, and a last chunk with its name; or breaks off."""

    async def stream(_: Any) -> Any:
        for piece in said:
            yield AIMessageChunk(content=piece, usage_metadata=_usage(output=1))
        if fails:
            raise NetworkFailure
        yield AIMessageChunk(content="", response_metadata={"finish_reason": "stop", "model_name": f"{provider}-1"})

    return ChatEndpoint(provider, RunnableGenerator(stream))


def _usage(output: int) -> UsageMetadata:
    return UsageMetadata(input_tokens=10 * output, output_tokens=output, total_tokens=11 * output)


async def events(first: ChatEndpoint, second: ChatEndpoint | None, store: SlowStore) -> list[Event]:
    retriever: Runnable[str, list[Document]] = RunnableLambda(lambda _: [PASSAGE])
    chain = build_rag_chain(retriever, resilient(first, fallback=second))
    running = await TurnRunner(chain, store).accept(a_turn(), Visitor("ada"))
    return [event async for event in events_of(running)]


async def test_reader_gets_a_restart_and_the_other_models_answer_alone() -> None:
    store = SlowStore()
    broken = model("first", "It opens at 4 bar [1]. ", "It is ", fails=True)
    told = await events(broken, model("second", "It opens ", "at 6 bar [1]."), store)
    kinds = [event.type for event in told]
    restart = kinds.index("restart")
    assert "token" in kinds[:restart]
    assert kinds.count("restart") == 1
    assert told[restart].data == {"reason": "network"}
    text = "".join(event.data["text"] for event in told[restart:] if event.type == "token")
    assert text == "It opens at 6 bar [1]."
    done = told[-1]
    assert done.type == "done"
    assert done.data["answer_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (done.data["model"], done.data["usage"]) == ("second-1", {"input_tokens": 20, "output_tokens": 2})
    assert [text[citation["start"] : citation["end"]] for citation in done.data["citations"]] == ["[1]"]
    (stored,) = store.finished
    assert (stored["answer"], stored["outcome"], stored["grounded"]) == (text, "answered", True)


async def test_reader_is_told_of_a_broken_answer_that_nobody_replaces() -> None:
    store = SlowStore()
    told = await events(model("only", "It opens ", "at 6 ", fails=True), None, store)
    assert told[-1].type == "error"
    assert (told[-1].data["code"], told[-1].data["partial"]) == ("model_unavailable", True)
    assert (store.finished[0]["answer"].strip(), store.finished[0]["partial"]) == ("It opens at 6", True)


async def test_folded_chain_holds_nothing_of_the_voided_answer() -> None:
    retriever: Runnable[str, list[Document]] = RunnableLambda(lambda _: [PASSAGE])
    broken = model("first", "It opens at 4 bar [1]. ", fails=True)
    chain = build_rag_chain(retriever, resilient(broken, fallback=model("second", "It opens at 6 bar [1].")))
    whole: ReplyPart = await chain.ainvoke({"turn": {"question": "When does it open?"}})
    assert (whole["answer"], whole["model"]) == ("It opens at 6 bar [1].", "second-1")
    assert whole["citations"][0]["start"] == 18
