"""What goes wrong in the middle of an answer of Gemini, as ChatGoogleGenerativeAI takes it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from langchain_google_genai import chat_models as errors

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


@pytest.mark.parametrize(("kind", "words"), [("slow_first_token", 0), ("stall", 3)])
async def test_stream_falls_silent(stock: StockClients, provider_key: ProviderKey, kind: str, words: int) -> None:
    provider_key.fail(kind, after=3, seconds=5)
    text, error = await heard_until_error(stock.gemini(timeout=SHORT))
    assert isinstance(error, httpx.ReadTimeout)
    assert text == first(words)
    assert await ending(provider_key) == "client_left"


@pytest.mark.parametrize("kind", ["cut", "half_event"])
async def test_stream_is_cut(stock: StockClients, provider_key: ProviderKey, kind: str) -> None:
    provider_key.fail(kind, after=5)
    text, error = await heard_until_error(stock.gemini())
    assert isinstance(error, httpx.RemoteProtocolError)
    assert text == first(5)
    assert provider_key.last_request()["tokens"] == 5


async def test_stream_that_ends_too_early_passes_for_whole(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("clean_end", after=5)
    total = await streamed(stock.gemini())
    assert total.text == first(5)
    assert "finish_reason" not in total.response_metadata


@pytest.mark.parametrize(("details", "words"), [({"after": 4}, 4), ({"at_end": True}, len(ANSWER.split()) - 1)])
async def test_event_that_is_not_json_ends_the_stream(
    stock: StockClients, provider_key: ProviderKey, details: Any, words: int
) -> None:
    provider_key.fail("malformed", **details)
    text, error = await heard_until_error(stock.gemini())
    assert (type(error).__name__, isinstance(error, ValueError)) == ("UnknownApiResponseError", True)
    assert text == first(words)


@pytest.mark.parametrize(("status", "kind"), [(503, errors.GoogleAPIError), (429, errors.GoogleRateLimitError)])
async def test_error_in_the_stream_has_its_exception(
    stock: StockClients, provider_key: ProviderKey, status: int, kind: type[Exception]
) -> None:
    provider_key.fail("error_event", after=2, status=status)
    text, error = await heard_until_error(stock.gemini())
    assert text == first(2)
    assert isinstance(error, kind)


@pytest.mark.parametrize(("kind", "details"), [("split_utf8", {}), ("wrong_content_type", {})])
async def test_stream_survives(stock: StockClients, provider_key: ProviderKey, kind: str, details: Any) -> None:
    provider_key.configure(answers=["Die Gewährleistung für Pumpen beträgt 24 Monate. الضمان 🙂"])
    provider_key.fail(kind, **details)
    total = await streamed(stock.gemini())
    assert total.text == "Die Gewährleistung für Pumpen beträgt 24 Monate. الضمان 🙂"


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        ({"kind": "safety", "after": 3}, "SAFETY", (3, 0)),
        ({"kind": "finish", "after": 3, "reason": "RECITATION"}, "RECITATION", (3, 0)),
        ({"kind": "max_tokens", "after": 3}, "MAX_TOKENS", (3, 3)),
        ({"kind": "empty_answer"}, "STOP", (0, 0)),
    ],
)
async def test_model_stops_early(
    stock: StockClients, provider_key: ProviderKey, fault: Any, reason: str, words: tuple[int, int]
) -> None:
    """`words` are those that a stream has brought, and those of a whole answer."""
    provider_key.fail(**fault, times=2)
    total, whole = await streamed(stock.gemini()), await stock.gemini().ainvoke(asked())
    assert (total.text, whole.text) == (first(words[0]), first(words[1]))
    assert total.response_metadata["finish_reason"] == whole.response_metadata["finish_reason"] == reason


async def test_blocked_prompt_is_an_empty_answer_with_feedback(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("blocked_prompt", times=2, reason="SAFETY")
    for reply in (await stock.gemini().ainvoke(asked()), await streamed(stock.gemini())):
        assert reply.text == ""
        assert reply.response_metadata["prompt_feedback"]["block_reason"] == "SAFETY"
        assert "finish_reason" not in reply.response_metadata


async def test_answer_without_usage(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("no_usage")
    total = await streamed(stock.gemini())
    assert total.text == ANSWER
    assert not total.usage_metadata or not total.usage_metadata["total_tokens"]


async def test_cancelled_task_closes_the_stream(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.configure(tokens=50, between_tokens=0.1)
    task = asyncio.create_task(streamed(stock.gemini(), [HumanMessage("Go on")]))
    await asyncio.sleep(0.25)
    task.cancel()
    assert await ending(provider_key) == "client_left"
    assert provider_key.last_request()["tokens"] < 50
