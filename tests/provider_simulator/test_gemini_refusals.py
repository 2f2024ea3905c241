"""What Google refuses, the simulator refuses, in the same words where they are known."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_google_genai._common import GoogleGenerativeAIError
from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError

from tests.provider_simulator.clients import StockClients, bare
from tests.provider_simulator.handle import ProviderKey, RunningSimulator

pytestmark = pytest.mark.anyio

CHAT = "/v1beta/models/gemini-2.5-flash:generateContent"
EMBED = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
HELLO: dict[str, Any] = {"role": "user", "parts": [{"text": "Hello"}]}


def embed_request(**changes: Any) -> dict[str, Any]:
    return {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}} | changes


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        (CHAT, {"contents": []}, 400, "contents is not specified"),
        (CHAT, {"contents": [HELLO | {"role": "assistant"}]}, 400, "Please use a valid role: user, model."),
        (CHAT, {"contents": [{"role": "user", "parts": []}]}, 400, "parts must not be empty"),
        (CHAT, {"contents": [{"role": "user", "parts": [{}]}]}, 400, "required oneof field 'data'"),
        (CHAT, {"contents": [HELLO], "messages": []}, 400, 'Unknown name "messages"'),
        (CHAT, {"contents": [HELLO], "generationConfig": {"max_tokens": 5}}, 400, 'Unknown name "maxTokens"'),
        (CHAT, {"contents": [HELLO], "generationConfig": {"temperature": 3}}, 400, "range [0.0, 2.0]"),
        (CHAT, {"contents": [HELLO], "generationConfig": {"maxOutputTokens": 0}}, 400, "must be positive"),
        (CHAT, {"contents": [HELLO], "safetySettings": [{"category": "HARM_CATEGORY_X"}]}, 400, "HarmCategory"),
        (CHAT, {"contents": [{"parts": [{"text": "word " * 900_000}]}]}, 400, "exceeds the maximum number of tokens"),
        (EMBED, {"requests": []}, 400, "requests is not specified"),
        (EMBED, {"requests": [embed_request()] * 101}, 400, "at most 100 requests can be in one batch"),
        (EMBED, {"requests": [embed_request(model="models/other")]}, 400, "model must match"),
        (EMBED, {"requests": [embed_request(taskType="SEARCH")]}, 400, "task_type"),
        (EMBED, {"requests": [embed_request(outputDimensionality=4000)]}, 400, "output_dimensionality"),
        (EMBED, {"requests": [embed_request(content={"parts": [{"text": ""}]})]}, 400, "content is empty"),
        ("/v1beta/models/gemini-9:generateContent", {"contents": [HELLO]}, 404, "is not found for API version v1beta"),
        ("/v1beta/models/gemini-embedding-001:generateContent", {}, 404, "not supported for generateContent"),
        ("/v1beta/tunedModels", {}, 404, "not found"),
    ],
)
async def test_request_is_refused(provider_key: ProviderKey, path: str, body: Any, status: int, text: str) -> None:
    async with bare(provider_key, provider_key.gemini_url) as client:
        response = await client.post(path, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert text in error["message"]
    assert error["status"] == {400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}[status]


async def test_body_that_is_not_json_is_refused(provider_key: ProviderKey) -> None:
    async with bare(provider_key, provider_key.gemini_url) as client:
        response = await client.post(CHAT, content=b'{"contents": [')
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("gemini-2.0-flash-exp", "models/gemini-2.0-flash-exp is not found for API version v1beta"),
        ("gemini-2.0-flash", "This model models/gemini-2.0-flash is no longer available"),
    ],
)
async def test_retired_chat_model_is_not_found(stock: StockClients, model: str, text: str) -> None:
    with pytest.raises(ChatGoogleGenerativeAIError, match=text) as caught:
        await stock.gemini(model).ainvoke("Hello")
    assert type(caught.value).__name__ == "GoogleModelNotFoundError"


async def test_retired_embedding_model_is_not_found(stock: StockClients) -> None:
    with pytest.raises(GoogleGenerativeAIError, match=r"models/text-embedding-004 is not found .* batchEmbedContents"):
        await stock.gemini_embeddings("text-embedding-004").aembed_query("Hello")


async def test_any_model_can_be_retired(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("retired_model")
    with pytest.raises(ChatGoogleGenerativeAIError, match=r"models/gemini-2.5-flash-lite is not found"):
        await stock.gemini().ainvoke("Hello")
    assert (await stock.gemini().ainvoke("Hello")).text


async def test_wrong_key_is_a_bad_request(provider_simulator: RunningSimulator) -> None:
    key = provider_simulator.new_key()
    async with bare(key, key.gemini_url) as client:
        wrong = await client.post(CHAT, json={"contents": [HELLO]}, headers={"x-goog-api-key": "invalid-key"})
        del client.headers["x-goog-api-key"]
        missing = await client.post(CHAT, json={"contents": [HELLO]})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert (missing.status_code, missing.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_models_are_listed(provider_key: ProviderKey) -> None:
    async with bare(provider_key, provider_key.gemini_url) as client:
        listed = (await client.get("/v1beta/models")).json()["models"]
        one = (await client.get("/v1beta/models/gemini-embedding-001")).json()
        none = await client.get("/v1beta/models/text-embedding-004")
    names = {model["name"] for model in listed}
    assert {"models/gemini-3.5-flash", "models/gemini-embedding-2"} <= names
    assert "models/gemini-2.0-flash" not in names
    assert "embedContent" in one["supportedGenerationMethods"]
    assert none.status_code == 404
