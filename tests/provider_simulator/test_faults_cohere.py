"""What goes wrong before an answer of Cohere, as the stock classes take it; retries are off."""

from __future__ import annotations

import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError
from langchain_core.documents import Document

from tests.provider_simulator.clients import ANSWER, NO_RETRY, SHORT, StockClients, asked, ending, streamed
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, cohere.BadRequestError),
        (401, cohere.UnauthorizedError),
        (403, cohere.ForbiddenError),
        (404, cohere.NotFoundError),
        (422, cohere.UnprocessableEntityError),
        (429, cohere.TooManyRequestsError),
        (498, cohere.InvalidTokenError),
        (499, cohere.ClientClosedRequestError),
        (500, cohere.InternalServerError),
        (502, ApiError),
        (503, cohere.ServiceUnavailableError),
        (504, cohere.GatewayTimeoutError),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
async def test_status_has_its_exception(
    stock: StockClients, provider_key: ProviderKey, status: int, error: type[Exception], streaming: bool
) -> None:
    provider_key.fail("status", "cohere.*", status=status)
    model = stock.cohere()
    with pytest.raises(error) as caught:
        await (streamed(model) if streaming else model.ainvoke(asked(), **NO_RETRY))
    assert isinstance(caught.value, ApiError)
    assert caught.value.status_code == status
    assert caught.value.body["id"]
    assert len(provider_key.requests()) == 1


@pytest.mark.parametrize(("quota", "text"), [("minute", "20 API calls / minute"), ("day", "1000 API calls / month")])
async def test_quota_says_which_one_and_how_long(
    stock: StockClients, provider_key: ProviderKey, quota: str, text: str
) -> None:
    provider_key.fail("status", status=429, quota=quota, retry_after=2)
    with pytest.raises(cohere.TooManyRequestsError, match=text) as caught:
        await stock.cohere().ainvoke(asked(), **NO_RETRY)
    assert caught.value.headers
    assert caught.value.headers["retry-after"] == "2"


async def test_client_retries_by_itself_and_keeps_to_the_header(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("status", status=503, retry_after=1)
    assert (await stock.cohere().ainvoke(asked())).text == ANSWER
    first, second = provider_key.requests()
    assert (first["status"], second["status"]) == (503, 200)
    assert second["at"] - first["at"] > 0.9


@pytest.mark.parametrize("kind", ["hang", "delay"])
async def test_silence_ends_by_the_timeout(stock: StockClients, provider_key: ProviderKey, kind: str) -> None:
    provider_key.fail(kind, seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        await stock.cohere(timeout_seconds=SHORT).ainvoke(asked(), **NO_RETRY)
    assert await ending(provider_key) == "client_left"


@pytest.mark.parametrize(("kind", "error"), [("disconnect", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
async def test_connection_breaks_before_the_answer(
    stock: StockClients, provider_key: ProviderKey, kind: str, error: type[Exception]
) -> None:
    provider_key.fail(kind)
    with pytest.raises(error):
        await stock.cohere().ainvoke(asked(), **NO_RETRY)


@pytest.mark.parametrize("kind", ["html", "malformed", "empty_body"])
async def test_body_that_is_not_json(stock: StockClients, provider_key: ProviderKey, kind: str) -> None:
    provider_key.fail(kind)
    with pytest.raises(ApiError) as caught:
        await stock.cohere().ainvoke(asked(), **NO_RETRY)
    assert caught.value.status_code == 200


async def test_refused_prompt_is_a_bad_request(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("blocked_prompt")
    with pytest.raises(cohere.BadRequestError, match="blocked"):
        await stock.cohere().ainvoke(asked(), **NO_RETRY)


async def test_answer_without_usage(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("no_usage", "cohere.chat*", times=2)
    whole = await stock.cohere().ainvoke(asked())
    assert (whole.text, whole.usage_metadata) == (ANSWER, None)
    with pytest.raises(AttributeError, match="billed_units"):
        await streamed(stock.cohere())


async def test_embeddings_fail_as_the_rest(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("status", "cohere.embed", status=401)
    with pytest.raises(cohere.UnauthorizedError):
        await stock.cohere_embeddings().aembed_query("pump")


async def test_rerank_fails_as_the_rest(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("status", "cohere.rerank", status=400)
    with pytest.raises(cohere.BadRequestError):
        await stock.cohere_rerank().acompress_documents([Document("a")], "a")
