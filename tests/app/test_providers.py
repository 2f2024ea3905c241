"""The service on remote models: grounded answers, reranking, retired models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model_service import ask, heard, service_settings, serving
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("provider", ["gemini", "cohere"])
async def test_one_key_gives_grounded_answers(
    tmp_path: Path, database: str, provider_key: ProviderKey, provider: str
) -> None:
    async with serving(service_settings(tmp_path, database, **{provider: provider_key})) as client:
        report = (await client.get("/api/health")).json()
        reply = await ask(client)
    assert report["status"] == "healthy"
    assert report["services"][provider]["status"] == "ok"
    assert "local" not in report["services"]
    assert reply["outcome"] == "answered"
    assert reply["grounded"]
    assert reply["citations"]
    assert reply["sources"][0]["url"]
    assert reply["model"] == report["services"][provider]["model"]
    assert reply["usage"]["output_tokens"] > 0
    assert (reply["timings"]["rerank"] > 0) == (provider == "cohere")
    assert len(provider_key.requests("*.chat_stream")) == 1
    assert not provider_key.requests("*.chat")


async def test_failing_rerank_is_skipped(tmp_path: Path, database: str, provider_key: ProviderKey) -> None:
    async with serving(service_settings(tmp_path, database, cohere=provider_key)) as client:
        provider_key.fail("bad_index", "cohere.rerank")
        events = await heard(client)
    stages = [data["stage"] for kind, data in events if kind == "status"]
    assert stages == ["retrieving", "reranking", "writing"]
    assert events[-1][1]["outcome"] == "answered"


async def test_retired_model_is_served_and_both_names_are_shown(
    tmp_path: Path, database: str, provider_key: ProviderKey
) -> None:
    retired = {"gemini_model": "gemini-2.0-flash-exp", "gemini_embedding_model": "text-embedding-004"}
    async with serving(service_settings(tmp_path, database, provider_key, **retired)) as client:
        service = (await client.get("/api/health")).json()["services"]["gemini"]
        assert (await ask(client))["outcome"] == "answered"
    assert service == {
        "status": "ok",
        "model": "gemini-3.5-flash",
        "replaces": "gemini-2.0-flash-exp",
        "notes": ["retired_model"],
    }
