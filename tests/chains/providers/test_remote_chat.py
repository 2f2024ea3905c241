"""Gemini and Cohere as the chain asks them: answers, endings, errors in our words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_cohere import ChatCohere
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from remote import asked, settings_of

from chains.providers import chat_endpoints
from chains.resilience import (
    BLOCKED,
    TRUNCATED,
    ChatEndpoint,
    Guard,
    ProviderError,
    Timeouts,
    finish_of,
    resilient,
)
from tests.provider_simulator.clients import ANSWER
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio
PROVIDERS = ["gemini", "cohere"]
NAMES = {"gemini": ANSWER, "cohere": "The warranty of a pump is 24 months from delivery. [2]"}


@pytest.fixture(params=PROVIDERS)
async def endpoint(request: pytest.FixtureRequest, provider_key: ProviderKey) -> AsyncIterator[ChatEndpoint]:
    (endpoint,) = chat_endpoints(settings_of(provider_key, request.param), None)  # type: ignore[arg-type]
    yield endpoint
    await endpoint.model.aclose()  # type: ignore[attr-defined]


async def chunks_of(endpoint: ChatEndpoint, guard: Guard | None = None) -> list[AIMessageChunk]:
    guard = guard or Guard()
    return [chunk async for chunk in endpoint.stream(asked(), None, guard, guard.deadline())]


def added_up(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole: AIMessageChunk = sum(chunks[1:], chunks[0])  # type: ignore[assignment]
    return whole


async def test_answer_comes_in_pieces_with_its_ending(endpoint: ChatEndpoint) -> None:
    chunks = await chunks_of(endpoint)
    assert len([chunk for chunk in chunks if chunk.text]) > 5
    whole = added_up(chunks)
    assert whole.usage_metadata is not None
    assert whole.text == NAMES[endpoint.provider]
    assert finish_of(whole) in ("stop", "complete")
    assert whole.response_metadata["model_name"] == endpoint.model_name
    assert whole.usage_metadata["input_tokens"] > 60
    assert whole.usage_metadata["output_tokens"] > 10


async def test_whole_answer_is_the_same(endpoint: ChatEndpoint) -> None:
    streamed = await resilient(endpoint).ainvoke(asked())
    whole = await asyncio.to_thread(endpoint.ask, asked(), None, Guard())
    assert streamed.text == whole.text == NAMES[endpoint.provider]
    assert streamed.usage_metadata == whole.usage_metadata  # type: ignore[attr-defined]


def test_models_stay_langchains() -> None:
    from chains.providers.cohere import CohereChat
    from chains.providers.gemini import GeminiChat

    assert issubclass(CohereChat, ChatCohere)
    assert issubclass(GeminiChat, ChatGoogleGenerativeAI)
    assert ChatGoogleGenerativeAI.__module__.startswith("langchain_google_genai")


@pytest.mark.parametrize(
    ("fault", "details", "kind"),
    [
        ("status", {"status": 429, "retry_after": 7}, "rate_limited"),
        ("status", {"status": 429, "quota": "day"}, "quota"),
        ("status", {"status": 429, "quota": "zero"}, "quota"),
        ("status", {"status": 401}, "bad_key"),
        ("status", {"status": 403}, "bad_key"),
        ("status", {"status": 500}, "upstream"),
        ("status", {"status": 503}, "upstream"),
        ("retired_model", {}, "retired_model"),
        ("html", {"status": 502}, "upstream"),
        ("hang", {}, "timeout"),
        ("slow_first_token", {"seconds": 9}, "timeout"),
        ("stall", {}, "timeout"),
        ("disconnect", {}, "network"),
        ("reset", {}, "network"),
        ("cut", {}, "network"),
        ("clean_end", {}, "cut"),
        ("malformed", {}, "bad_payload"),
        ("malformed", {"at_end": True}, "bad_payload"),
        ("empty_body", {}, "bad_payload"),
        ("empty_answer", {}, "empty"),
    ],
    ids=lambda value: str(value),
)
async def test_fault_has_our_name(
    endpoint: ChatEndpoint, provider_key: ProviderKey, fault: str, details: dict[str, Any], kind: str
) -> None:
    provider_key.fail(fault, **details)
    with pytest.raises(ProviderError) as raised:
        await chunks_of(endpoint, Guard(Timeouts(first_token=0.6, between_tokens=0.6)))
    assert raised.value.kind == kind
    assert raised.value.retry_after == (7 if details.get("retry_after") else raised.value.retry_after)
    assert provider_key.key not in str(raised.value)
    assert len(provider_key.requests()) == 1  # nobody but us tries again


async def test_answer_that_met_its_limit_is_truncated(endpoint: ChatEndpoint, provider_key: ProviderKey) -> None:
    provider_key.fail("max_tokens")
    whole = added_up(await chunks_of(endpoint))
    assert finish_of(whole) in TRUNCATED
    assert whole.text


@pytest.mark.parametrize("fault", ["safety", "blocked_prompt"])
async def test_refusal_is_an_answer(endpoint: ChatEndpoint, provider_key: ProviderKey, fault: str) -> None:
    provider_key.fail(fault)
    assert finish_of(added_up(await chunks_of(endpoint))) in BLOCKED


async def test_error_in_the_stream_is_no_answer(endpoint: ChatEndpoint, provider_key: ProviderKey) -> None:
    provider_key.fail("error_event")
    with pytest.raises(ProviderError):
        await chunks_of(endpoint)


async def test_characters_that_two_packets_share_arrive_whole(
    endpoint: ChatEndpoint, provider_key: ProviderKey
) -> None:
    provider_key.configure(answers=["ضمان المضخة أربعة وعشرون شهرا."])
    provider_key.fail("split_utf8")
    whole = await resilient(endpoint).ainvoke(asked())
    assert "�" not in whole.text
    assert whole.text.startswith("ضمان المضخة")


async def test_reader_who_leaves_ends_the_call(endpoint: ChatEndpoint, provider_key: ProviderKey) -> None:
    provider_key.configure(tokens=200, between_tokens=0.05)
    stream = resilient(endpoint).astream(asked())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    for _ in range(40):
        if (ended := provider_key.last_request()["ended"]) != "running":
            break
        await asyncio.sleep(0.05)
    assert ended == "client_left"


async def test_cohere_gets_the_passages_once_and_cites_them_in_time(provider_key: ProviderKey) -> None:
    (endpoint,) = chat_endpoints(settings_of(provider_key, "cohere"), None)  # type: ignore[arg-type]
    await chunks_of(endpoint)
    body = provider_key.last_request()["body"]
    assert [document["id"] for document in body["documents"]] == ["1", "2"]
    assert body["documents"][0]["data"]["title"] == "Returns"
    assert body["citation_options"] == {"mode": "FAST"}
    assert "<passages>" not in body["messages"][-1]["content"]
    await endpoint.model.aclose()  # type: ignore[attr-defined]


async def test_cohere_without_documents_gets_the_prompt_as_it_is(provider_key: ProviderKey) -> None:
    (endpoint,) = chat_endpoints(settings_of(provider_key, "cohere"), None)  # type: ignore[arg-type]
    await resilient(endpoint).ainvoke([HumanMessage("<passages>none</passages> Hello")])
    assert provider_key.last_request()["body"]["messages"][-1]["content"] == "<passages>none</passages> Hello"
    await endpoint.model.aclose()  # type: ignore[attr-defined]


async def test_gemini_talks_over_httpx() -> None:
    """With aiohttp importable its SDK would change its transport, timeouts and exceptions."""
    from importlib.util import find_spec

    from google.genai import _api_client

    assert find_spec("aiohttp") is None
    assert _api_client.has_aiohttp is False


def test_retired_chat_model_is_served_by_its_successor(
    provider_key: ProviderKey, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(provider_key, "gemini", gemini_model="gemini-2.0-flash-exp")
    (endpoint,) = chat_endpoints(settings, None)  # type: ignore[arg-type]
    assert endpoint.model_name == "gemini-3.5-flash"
    assert caplog.text.count("GEMINI_MODEL: gemini-2.0-flash-exp was shut down") == 1
