"""What goes wrong in the middle of an answer of Cohere, as ChatCohere takes it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from cohere.core.http_sse import SSEError
from langchain_core.messages import HumanMessage

from tests.provider_simulator.clients import (
    ANSWER,
    SHORT,
    StockClients,
    asked,
    ending,
    first,
    heard_until_error,
    streamed,
)
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

FOREIGN = "Die Gewährleistung für Pumpen beträgt 24 Monate. الضمان أربعة وعشرون شهرا 🙂"


@pytest.mark.parametrize(("kind", "words"), [("slow_first_token", 0), ("stall", 3)])
async def test_stream_falls_silent(stock: StockClients, provider_key: ProviderKey, kind: str, words: int) -> None:
    provider_key.fail(kind, after=3, seconds=5)
    text, error = await heard_until_error(stock.cohere(timeout_seconds=SHORT))
    assert isinstance(error, httpx.ReadTimeout)
    assert text == first(words)
    assert await ending(provider_key) == "client_left"


@pytest.mark.parametrize("kind", ["cut", "half_event"])
async def test_stream_is_cut(stock: StockClients, provider_key: ProviderKey, kind: str) -> None:
    provider_key.fail(kind, after=5)
    text, error = await heard_until_error(stock.cohere())
    assert isinstance(error, httpx.RemoteProtocolError)
    assert text == first(5)


async def test_stream_that_ends_too_early_passes_for_whole(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("clean_end", after=5)
    total = await streamed(stock.cohere())
    assert total.text == first(5)
    assert "finish_reason" not in total.response_metadata
    assert total.usage_metadata is None


async def test_event_that_is_not_json_is_left_out_without_a_word(
    stock: StockClients, provider_key: ProviderKey
) -> None:
    provider_key.fail("malformed", after=4)
    total = await streamed(stock.cohere())
    words = ANSWER.split()
    assert total.text.split() == words[:4] + words[5:]
    assert total.response_metadata["finish_reason"] == "COMPLETE"


async def test_last_event_that_is_not_json_loses_the_reason(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("malformed", at_end=True)
    total = await streamed(stock.cohere())
    assert total.text == ANSWER
    assert "finish_reason" not in total.response_metadata


async def test_error_in_the_stream_is_only_a_finish_reason(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("error_event", after=2)
    total = await streamed(stock.cohere())
    assert (total.text, total.response_metadata["finish_reason"]) == (first(2), "ERROR")


async def test_stream_that_is_declared_as_json_is_refused(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("wrong_content_type")
    text, error = await heard_until_error(stock.cohere())
    assert (text, type(error).__name__, isinstance(error, httpx.TransportError)) == ("", "SSEError", True)
    assert issubclass(SSEError, httpx.TransportError)


async def test_split_characters_break_the_synchronous_stream_only(
    stock: StockClients, provider_key: ProviderKey
) -> None:
    provider_key.configure(answers=[FOREIGN])
    provider_key.fail("split_utf8", times=2)
    model = stock.cohere()
    assert (await streamed(model)).text == FOREIGN
    chunks = await asyncio.to_thread(lambda: list(model.stream(asked())))
    assert "\N{REPLACEMENT CHARACTER}" in "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        ({"kind": "safety", "after": 3}, "ERROR_TOXIC", 3),
        ({"kind": "finish", "after": 3, "reason": "TIMEOUT"}, "TIMEOUT", 3),
        ({"kind": "max_tokens", "after": 3}, "MAX_TOKENS", 3),
        ({"kind": "empty_answer"}, "COMPLETE", 0),
    ],
)
async def test_model_stops_early(
    stock: StockClients, provider_key: ProviderKey, fault: Any, reason: str, words: int
) -> None:
    provider_key.fail(**fault, times=2)
    for reply in (await streamed(stock.cohere()), await stock.cohere().ainvoke(asked())):
        assert (reply.text, reply.response_metadata["finish_reason"]) == (first(words), reason)


async def test_cancelled_task_closes_the_stream(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.configure(tokens=50, between_tokens=0.1)
    task = asyncio.create_task(streamed(stock.cohere(), [HumanMessage("Go on")]))
    await asyncio.sleep(0.25)
    task.cancel()
    assert await ending(provider_key) == "client_left"
    assert provider_key.last_request()["tokens"] < 50
