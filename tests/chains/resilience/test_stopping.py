"""However reading ends, nothing goes on at the provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from played_model import FOREVER, STOP, endpoint, played

from chains.resilience import Guard, Operation, ProviderDown, resilient

pytestmark = pytest.mark.anyio

ENDLESS = ("One ", 0.1, "two ", FOREVER)


@pytest.mark.parametrize("script", [[FOREVER], ENDLESS], ids=["first token", "later"])
async def test_cancelled_reader_ends_the_call(guard: Guard, script: list[Any]) -> None:
    upstream = played(script)
    task = asyncio.create_task(resilient(endpoint(upstream), guard=guard).ainvoke("?"))
    await asyncio.sleep(1)
    assert upstream.running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert upstream.running == 0


@pytest.mark.parametrize(
    "script", [("One ", FOREVER), ("One ", "two ", "three", FOREVER), ("One ", "two", STOP)], ids=len
)
async def test_reader_who_leaves_between_two_chunks_ends_the_call(guard: Guard, script: list[Any]) -> None:
    upstream = played(script)
    stream = cast("AsyncGenerator[Any, None]", resilient(endpoint(upstream), guard=guard).astream("?"))
    async with aclosing(stream) as chunks:
        async for _ in chunks:
            assert upstream.running == 1
            break
    assert upstream.running == 0


async def test_leaving_a_chain_ends_the_call(guard: Guard) -> None:
    upstream = played(ENDLESS)
    chain: Runnable[str, Any] = RunnableLambda(str) | resilient(endpoint(upstream), guard=guard)
    async with aclosing(cast("AsyncGenerator[Any, None]", chain.astream("?"))) as chunks:
        async for _ in chunks:
            break
    for _ in range(20):  # LangChain leaves the closing of inner generators to the loop's next rounds
        await asyncio.sleep(0)
    assert upstream.running == 0


async def test_reader_who_leaves_says_nothing_of_the_provider(guard: Guard) -> None:
    upstream = played(*[[ProviderDown()]] * 4, [FOREVER])
    model = resilient(endpoint(upstream), guard=Guard(now=guard.now))
    for _ in range(2):
        task = asyncio.create_task(model.ainvoke("?"))
        await asyncio.sleep(3)
        task.cancel()
    assert not [count for count in guard.counts if count.what == "failures"]
    assert guard.breaker("first", Operation.CHAT).state == "closed"


async def test_failed_answer_is_closed_before_the_next_one_begins(guard: Guard) -> None:
    first, second = played(ENDLESS), played(("Other.", STOP))
    model = resilient(endpoint(first), fallback=endpoint(second, "second"), guard=guard)
    async for chunk in model.astream("?"):
        if chunk.text == "Other.":
            assert first.running == 0
    assert second.calls == 1


async def test_error_that_comes_while_stopping_is_nobodys(guard: Guard) -> None:
    upstream = played(("One ", ProviderDown()))
    stream = cast("AsyncGenerator[Any, None]", resilient(endpoint(upstream), guard=guard).astream("?"))
    async with aclosing(stream) as chunks:
        async for _ in chunks:
            break
    assert upstream.running == 0
