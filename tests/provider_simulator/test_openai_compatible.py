"""The OpenAI-compatible wire, by plain HTTP: its LangChain package is an optional one."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import numpy as np
import pytest

from tests.provider_simulator.clients import ANSWER, PASSAGES, QUESTION, RULES, bare
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

CHAT: dict[str, Any] = {
    "model": "llama3.2",
    "messages": [
        {"role": "system", "content": RULES},
        {"role": "user", "content": f"{PASSAGES}\nQuestion: {QUESTION}"},
    ],
}
EMBED = {"model": "nomic-embed-text", "input": ["The warranty of a pump", "Cats sleep"]}


async def post(key: ProviderKey, path: str, body: Any) -> Any:
    async with bare(key, key.openai_url) as client:
        return (await client.post(path, json=body)).json()


async def test_answer_comes_from_a_passage_and_names_it(provider_key: ProviderKey) -> None:
    answer = await post(provider_key, "/chat/completions", CHAT)
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": ANSWER, "refusal": None}
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    assert provider_key.last_request()["operation"] == "openai.chat"


async def chunks_of(key: ProviderKey, body: Any) -> list[Any]:
    async with bare(key, key.openai_url) as client, client.stream("POST", "/chat/completions", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


async def test_stream_adds_up_to_the_whole_answer(provider_key: ProviderKey) -> None:
    chunks = await chunks_of(provider_key, CHAT | {"stream": True})
    deltas = [chunk["choices"][0] for chunk in chunks]
    assert deltas[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(one["delta"].get("content", "") for one in deltas) == ANSWER
    assert [one["finish_reason"] for one in deltas if one["finish_reason"]] == ["stop"]
    assert not any("usage" in chunk for chunk in chunks)


async def test_usage_of_a_stream_comes_when_it_is_asked_for(provider_key: ProviderKey) -> None:
    chunks = await chunks_of(provider_key, CHAT | {"stream": True, "stream_options": {"include_usage": True}})
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 10


async def test_limit_on_the_answer_is_kept(provider_key: ProviderKey) -> None:
    (choice,) = (await post(provider_key, "/chat/completions", CHAT | {"max_tokens": 8}))["choices"]
    assert ANSWER.startswith(choice["message"]["content"])
    assert choice["finish_reason"] == "length"


async def test_texts_become_vectors_in_both_encodings(provider_key: ProviderKey) -> None:
    plain = await post(provider_key, "/embeddings", EMBED)
    packed = await post(provider_key, "/embeddings", EMBED | {"encoding_format": "base64"})
    assert [one["index"] for one in plain["data"]] == [0, 1]
    vector = np.array(plain["data"][0]["embedding"], dtype=np.float32)
    assert len(vector) == 768
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert (np.frombuffer(b64decode(packed["data"][0]["embedding"]), dtype=np.float32) == vector).all()
    short = await post(
        provider_key, "/embeddings", {"model": "text-embedding-3-small", "input": "a", "dimensions": 256}
    )
    assert len(short["data"][0]["embedding"]) == 256


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/chat/completions", CHAT | {"messages": []}, 400, "too short"),
        ("/chat/completions", CHAT | {"messages": [{"role": "model", "content": "a"}]}, 400, "Invalid value: 'model'"),
        ("/chat/completions", CHAT | {"stream_options": {"include_usage": True}}, 400, "only allowed when 'stream'"),
        ("/chat/completions", CHAT | {"temperature": 3}, 400, "temperature"),
        ("/chat/completions", CHAT | {"model": "gpt-9"}, 404, "The model `gpt-9` does not exist"),
        ("/chat/completions", {"messages": CHAT["messages"]}, 400, "model parameter"),
        ("/embeddings", EMBED | {"input": [[1, 2, 3]]}, 400, "non-empty string"),
        ("/embeddings", EMBED | {"input": ["a"] * 2049}, 400, "at most 2048"),
        ("/embeddings", EMBED | {"dimensions": 100}, 400, "dimensions"),
        ("/responses", {}, 404, "Invalid URL"),
    ],
)
async def test_request_is_refused(provider_key: ProviderKey, path: str, body: Any, status: int, text: str) -> None:
    async with bare(provider_key, provider_key.openai_url) as client:
        response = await client.post(path, json=body)
    assert response.status_code == status
    assert text in response.json()["error"]["message"]


async def test_wrong_key_is_unauthorized(provider_key: ProviderKey) -> None:
    async with bare(provider_key, provider_key.openai_url) as client:
        wrong = await client.get("/models", headers={"authorization": "Bearer invalid-key"})
        right = await client.get("/models")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    assert "llama3.2" in {model["id"] for model in right.json()["data"]}


@pytest.mark.parametrize(
    ("kind", "details", "finish"),
    [("safety", {}, "content_filter"), ("max_tokens", {"after": 3}, "length"), ("empty_answer", {}, "stop")],
)
async def test_model_stops_early(provider_key: ProviderKey, kind: str, details: Any, finish: str) -> None:
    provider_key.fail(kind, "openai.*", **details)
    (choice,) = (await post(provider_key, "/chat/completions", CHAT))["choices"]
    assert choice["finish_reason"] == finish
    assert len(choice["message"]["content"].split()) == {"safety": 5, "max_tokens": 3, "empty_answer": 0}[kind]


async def test_spent_quota_is_not_a_rate_limit(provider_key: ProviderKey) -> None:
    provider_key.fail("status", "openai.*", status=429, quota="day")
    provider_key.fail("status", "openai.*", status=429, quota="minute", retry_after=2)
    async with bare(provider_key, provider_key.openai_url) as client:
        spent, limited = [await client.post("/chat/completions", json=CHAT) for _ in range(2)]
    assert spent.json()["error"]["code"] == "insufficient_quota"
    assert limited.json()["error"]["code"] == "rate_limit_exceeded"
    assert limited.headers["retry-after"] == "2"


async def test_error_in_the_stream_ends_it(provider_key: ProviderKey) -> None:
    provider_key.fail("error_event", "openai.chat_stream", after=2, message="out of memory")
    async with bare(provider_key, provider_key.openai_url) as client:
        text = (await client.post("/chat/completions", json=CHAT | {"stream": True})).text
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]
    assert events[-1]["error"]["message"] == "out of memory"
    assert len(events) == 4
