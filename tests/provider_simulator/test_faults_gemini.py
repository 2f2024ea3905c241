"""What goes wrong before an answer of Gemini, as the stock classes take it; retries are off."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from google.genai.errors import ClientError
from google.genai.types import HttpRetryOptions
from langchain_google_genai import chat_models as errors
from langchain_google_genai._common import GoogleGenerativeAIError

from tests.provider_simulator.clients import (
    ANSWER,
    SHORT,
    StockClients,
    asked,
    ending,
    streamed,
)
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.GoogleInvalidRequestError),
        (401, errors.GoogleAuthenticationError),
        (403, errors.GooglePermissionDeniedError),
        (404, errors.GoogleModelNotFoundError),
        (429, errors.GoogleRateLimitError),
        (500, errors.GoogleAPIError),
        (503, errors.GoogleAPIError),
        (504, errors.GoogleAPIError),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
async def test_status_has_its_exception(
    stock: StockClients, provider_key: ProviderKey, status: int, error: type[Exception], streaming: bool
) -> None:
    provider_key.fail("status", "gemini.*", status=status)
    with pytest.raises(error):
        await (streamed(stock.gemini()) if streaming else stock.gemini().ainvoke(asked()))
    assert len(provider_key.requests()) == 1


async def test_too_long_a_prompt_has_its_own_exception(stock: StockClients, provider_key: ProviderKey) -> None:
    too_long = "The input token count (9) exceeds the maximum number of tokens allowed (8)."
    provider_key.fail("status", status=400, message=too_long)
    with pytest.raises(errors.GoogleContextOverflowError):
        await stock.gemini().ainvoke(asked())


@pytest.mark.parametrize(
    ("quota", "ids", "limit"),
    [
        ("minute", ["PerMinute"], "limit: 10"),
        ("day", ["PerDay"], "limit: 250"),
        ("zero", ["PerDay", "PerMinute"], "limit: 0"),
    ],
)
async def test_quota_says_which_one_and_how_long(
    stock: StockClients, provider_key: ProviderKey, quota: str, ids: list[str], limit: str
) -> None:
    provider_key.fail("status", status=429, quota=quota, retry_after=2.5)
    with pytest.raises(Exception, match=limit) as caught:
        await stock.gemini().ainvoke(asked())
    cause = caught.value.__cause__
    assert isinstance(cause, ClientError)
    _, failure, retry = cause.details["error"]["details"]
    assert all(one in violation["quotaId"] for one, violation in zip(ids, failure["violations"], strict=True))
    assert retry["retryDelay"] == "2.5s"


async def test_other_errors_name_the_wait_in_a_header(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("status", status=503, retry_after=3, message="Back soon")
    with pytest.raises(Exception, match="Back soon") as caught:
        await stock.gemini().ainvoke(asked())
    assert caught.value.response.headers["retry-after"] == "3"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["hang", "delay"])
async def test_silence_ends_by_the_timeout(stock: StockClients, provider_key: ProviderKey, kind: str) -> None:
    provider_key.fail(kind, seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        await stock.gemini(timeout=SHORT).ainvoke(asked())
    assert await ending(provider_key) == "client_left"


@pytest.mark.parametrize(("kind", "error"), [("disconnect", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
async def test_connection_breaks_before_the_answer(
    stock: StockClients, provider_key: ProviderKey, kind: str, error: type[Exception]
) -> None:
    provider_key.fail(kind)
    with pytest.raises(error):
        await stock.gemini().ainvoke(asked())
    assert provider_key.last_request()["ended"] == "cut"


async def test_page_of_a_gateway_is_not_an_answer(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("html", status=502)
    with pytest.raises(Exception, match="502 Bad Gateway"):
        await stock.gemini().ainvoke(asked())


@pytest.mark.parametrize("kind", ["html", "malformed"])
async def test_body_that_is_not_json(stock: StockClients, provider_key: ProviderKey, kind: str) -> None:
    provider_key.fail(kind)
    with pytest.raises(json.JSONDecodeError):
        await stock.gemini().ainvoke(asked())


async def test_empty_body_passes_for_an_answer(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("empty_body")
    reply = await stock.gemini().ainvoke(asked())
    assert reply.text == ""
    assert "finish_reason" not in reply.response_metadata


@pytest.mark.parametrize(
    ("kind", "details", "cause"),
    [
        ("status", {"status": 429}, ClientError),
        ("disconnect", {}, httpx.RemoteProtocolError),
        ("malformed", {}, ValueError),
    ],
)
async def test_embeddings_hide_the_cause(
    stock: StockClients, provider_key: ProviderKey, kind: str, details: Any, cause: type[Exception]
) -> None:
    provider_key.fail(kind, "*.embed", **details)
    with pytest.raises(GoogleGenerativeAIError) as caught:
        await stock.gemini_embeddings().aembed_query("pump")
    assert isinstance(caught.value.__cause__, cause)


async def test_client_retries_what_it_is_told_to(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("status", "gemini.*", status=503, times=2)
    quick = HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02, jitter=0.01)
    reply = await stock.gemini().ainvoke(asked(), http_options={"retry_options": quick.model_dump(exclude_none=True)})
    assert reply.text == ANSWER
    assert [request["status"] for request in provider_key.requests()] == [503, 503, 200]
