"""A stream through our own steps: untouched when nobody traces, LangChain's way when somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnablePassthrough

from chains.untraced import StreamingStep, streaming

pytestmark = pytest.mark.anyio


class Seen(AsyncCallbackHandler):
    """The names of the steps, and what each has given in all."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.outputs: dict[str, Any] = {}

    async def on_chain_start(self, *_: Any, run_id: Any, **details: Any) -> None:
        self.names[run_id] = details["name"]

    async def on_chain_end(self, outputs: Any, *, run_id: Any, **_: Any) -> None:
        self.outputs[self.names[run_id]] = outputs


class Words:
    """Gives a text word by word, and notes in which task, with which config, and whether it was closed."""

    def __init__(self) -> None:
        self.tasks: set[object] = set()
        self.config: RunnableConfig = {}
        self.closed = asyncio.Event()

    def give(self, texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            yield from text.split()

    async def agive(self, texts: AsyncIterator[str], config: RunnableConfig) -> AsyncGenerator[str, None]:
        self.config = config
        try:
            async for text in texts:
                for word in text.split():
                    self.tasks.add(asyncio.current_task())
                    yield word
        finally:
            self.closed.set()


def chain_of(words: Words) -> Runnable[str, str]:
    lowered: Runnable[str, str] = RunnableLambda(str.lower, name="Lower")
    return streaming(lowered | StreamingStep(words.give, words.agive).with_config(run_name="Words"))


async def test_pieces_pass_in_the_task_of_the_reader() -> None:
    words = Words()
    assert [word async for word in chain_of(words).astream("A Few Words")] == ["a", "few", "words"]
    assert words.tasks == {asyncio.current_task()}


async def test_what_the_caller_configured_reaches_the_step() -> None:
    words = Words()
    named = chain_of(words).with_config(run_name="Named", tags=["a-tag"], configurable={"depth": 3})
    assert [word async for word in named.astream("One")] == ["one"]
    assert words.config["configurable"] == {"depth": 3}
    assert words.config["tags"] == ["a-tag"]
    assert "run_name" not in words.config


async def test_who_traces_sees_every_step_and_all_that_it_gave() -> None:
    seen, words = Seen(), Words()
    chain = chain_of(words).with_config(run_name="All")
    assert [word async for word in chain.astream("A Few", {"callbacks": [seen]})] == ["a", "few"]
    assert seen.outputs == {"Lower": "a few", "Words": "afew", "All": "afew"}
    assert {event["name"] async for event in chain.astream_events("A Few", version="v2")} == {"Lower", "Words", "All"}


@pytest.mark.parametrize("callbacks", [[], [Seen()]], ids=["untraced", "traced"])
async def test_new_values_are_assigned_as_langchain_does(callbacks: list[Any]) -> None:
    """In their order, beside what was there; a name that is there already gets the new value alone."""
    begun: Runnable[Any, Any] = RunnableLambda(lambda text: {"text": text, "length": "?"})
    counted = RunnablePassthrough.assign(length=RunnableLambda(lambda given: len(given["text"])))
    doubled = RunnablePassthrough.assign(twice=RunnableLambda(lambda given: 2 * given["length"]))
    chain = streaming(begun | counted | doubled)
    pieces = [piece async for piece in chain.astream("four", {"callbacks": callbacks})]
    assert pieces == [{"text": "four"}, {"length": 4}, {"twice": 8}]
    assert await chain.ainvoke("four") == {"text": "four", "length": 4, "twice": 8}


async def test_whole_and_without_a_loop_it_is_the_same() -> None:
    chain = chain_of(Words())
    assert await chain.ainvoke("A Few") == "afew"
    assert chain.invoke("A Few") == "afew"
    assert list(chain.stream("A Few")) == ["a", "few"]


@pytest.mark.parametrize("callbacks", [[], [Seen()]], ids=["untraced", "traced"])
async def test_stream_that_is_closed_closes_its_steps(callbacks: list[Any]) -> None:
    words = Words()
    stream: Any = chain_of(words).astream("A few words", {"callbacks": callbacks})
    assert await anext(stream) == "a"
    assert not words.closed.is_set()
    await stream.aclose()
    await asyncio.wait_for(words.closed.wait(), 30)  # what LangChain merely drops is closed by a task of the loop's
