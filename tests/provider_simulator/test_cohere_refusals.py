"""What Cohere refuses, the simulator refuses, in the same words where they are known."""

from __future__ import annotations

from typing import Any

import cohere
import pytest

from tests.provider_simulator.clients import NO_RETRY, StockClients, bare
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hello"}]}
EMBED = {"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query"}
RERANK = {"model": "rerank-v3.5", "query": "a", "documents": ["a", "b"]}


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/v2/chat", CHAT | {"messages": []}, 400, "messages must not be empty"),
        ("/v2/chat", CHAT | {"messages": [{"role": "model", "content": "a"}]}, 400, "invalid role 'model'"),
        ("/v2/chat", CHAT | {"messages": [{"role": "user", "content": ""}]}, 400, "at least 1 token long"),
        ("/v2/chat", CHAT | {"messages": [{"role": "assistant", "content": "a"}]}, 400, "the last message must be"),
        ("/v2/chat", CHAT | {"temperature": 2}, 400, "temperature must be between 0 and 1.0"),
        ("/v2/chat", CHAT | {"max_tokens": 0}, 400, "max_tokens must be greater"),
        ("/v2/chat", CHAT | {"max_tokens": 99_999}, 400, "less than or equal to 8192"),
        ("/v2/chat", CHAT | {"documents": [{"id": "1"}]}, 400, "must have data"),
        ("/v2/chat", CHAT | {"preamble": "Be brief"}, 422, "parameter 'preamble' is not a valid field"),
        ("/v2/chat", CHAT | {"messages": [{"role": "user", "content": "word " * 210_000}]}, 400, "too many tokens"),
        ("/v2/chat", {"messages": CHAT["messages"]}, 400, "model is required"),
        ("/v2/chat", CHAT | {"model": "command-x"}, 404, "model 'command-x' not found, make sure"),
        ("/v2/chat", CHAT | {"model": "command-r"}, 404, "model 'command-r' was removed on September 15, 2025."),
        ("/v1/chat", {"message": "Hello"}, 404, "not found"),
        ("/v1/embed", EMBED | {"texts": ["a"] * 97}, 400, "total number of texts must be at most 96 - received 97"),
        ("/v1/embed", EMBED | {"texts": []}, 400, "at least one of texts"),
        ("/v1/embed", EMBED | {"texts": [""]}, 400, "non-empty strings"),
        ("/v1/embed", EMBED | {"input_type": None}, 400, "valid input_type must be provided"),
        ("/v1/embed", EMBED | {"output_dimension": 512}, 422, "parameter 'output_dimension' is not a valid field"),
        ("/v1/embed", EMBED | {"model": "embed-english-v2.0"}, 404, "removed on April 4, 2026"),
        ("/v2/embed", EMBED | {"output_dimension": 768}, 400, "768 is not a valid output_dimension value"),
        ("/v2/embed", EMBED | {"embedding_types": ["double"]}, 400, "not a valid embedding type"),
        (
            "/v2/embed",
            EMBED | {"model": "embed-english-v3.0", "truncate": "NONE", "texts": ["word " * 900]},
            400,
            "at most 512 tokens",
        ),
        ("/v2/rerank", RERANK | {"documents": []}, 400, "list of documents must not be empty"),
        ("/v2/rerank", RERANK | {"documents": [{"text": "a"}]}, 400, "list of strings"),
        ("/v2/rerank", RERANK | {"query": ""}, 400, "query must not be empty"),
        ("/v2/rerank", RERANK | {"top_n": 0}, 400, "top_n"),
        ("/v2/rerank", RERANK | {"return_documents": True}, 422, "return_documents"),
    ],
)
async def test_request_is_refused(provider_key: ProviderKey, path: str, body: Any, status: int, text: str) -> None:
    async with bare(provider_key, provider_key.cohere_url) as client:
        response = await client.post(path, json=body)
    assert response.status_code == status
    assert text in response.json()["message"]
    assert response.json()["id"]


async def test_wrong_key_is_unauthorized(stock: StockClients) -> None:
    with pytest.raises(cohere.UnauthorizedError) as caught:
        await stock.cohere(cohere_api_key="invalid-key").ainvoke("Hello", **NO_RETRY)
    assert caught.value.body["message"] == "invalid api token"


async def test_models_are_listed_by_endpoint(provider_key: ProviderKey) -> None:
    async with bare(provider_key, provider_key.cohere_url) as client:
        everything = (await client.get("/v1/models")).json()["models"]
        rerankers = (await client.get("/v1/models", params={"endpoint": "rerank"})).json()["models"]
        one = (await client.get("/v1/models/embed-v4.0")).json()
        none = await client.get("/v1/models/command-r")
    assert {"command-a-03-2025", "embed-v4.0", "rerank-v3.5"} <= {model["name"] for model in everything}
    assert all(model["name"].startswith("rerank") for model in rerankers)
    assert one["endpoints"] == ["embed"]
    assert none.status_code == 404
