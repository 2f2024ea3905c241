"""The service on remote models: answers, fallback, reranking, health. Over real HTTP, with embedded engines."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.provider_simulator.handle import ProviderKey, RunningSimulator

pytestmark = pytest.mark.anyio

SITE = Path(__file__).parent / "site"
QUESTION = "How do I deploy a release?"


def service_settings(folder: Path, database: str, gemini: ProviderKey | None, cohere: ProviderKey | None) -> Settings:
    given: dict[str, Any] = {"data_dir": folder, "docs": SITE, "database_url": database}
    if gemini:
        given |= {"gemini_api_key": gemini.key, "gemini_base_url": gemini.gemini_url}
    if cohere:
        given |= {"cohere_api_key": cohere.key, "cohere_base_url": cohere.cohere_url}
    return Settings(_env_file=None, first_token_timeout=1.5, between_tokens_timeout=1.5, **given)  # type: ignore[call-arg]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://docent", timeout=60) as client:
            for _ in range(300):
                if (await client.get("/api/health")).json()["status"] != "starting":
                    break
                await asyncio.sleep(0.1)
            yield client


async def ask(client: httpx.AsyncClient, question: str = QUESTION) -> dict[str, Any]:
    response = await client.post("/api/chat", json={"question": question}, headers={"Accept": "application/json"})
    reply: dict[str, Any] = response.json()
    return reply


async def heard(client: httpx.AsyncClient, question: str = QUESTION) -> list[tuple[str, dict[str, Any]]]:
    response = await client.post("/api/chat", json={"question": question})
    blocks = [block.splitlines() for block in response.text.split("\n\n") if "event:" in block]
    lines = [dict(line.split(": ", 1) for line in block if ": " in line) for block in blocks]
    return [(line["event"], json.loads(line["data"])) for line in lines]


@pytest.fixture
def gemini(provider_simulator: RunningSimulator) -> ProviderKey:
    return provider_simulator.new_key()


@pytest.fixture
def cohere(provider_simulator: RunningSimulator) -> ProviderKey:
    return provider_simulator.new_key()


@pytest.mark.parametrize("provider", ["gemini", "cohere"])
async def test_one_key_gives_grounded_answers(
    tmp_path: Path, database: str, provider_key: ProviderKey, provider: str
) -> None:
    given = {"gemini": None, "cohere": None, provider: provider_key}
    async with serving(service_settings(tmp_path, database, **given)) as client:
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


async def test_fallback_answers_unseen_before_the_first_token(
    tmp_path: Path, database: str, gemini: ProviderKey, cohere: ProviderKey
) -> None:
    async with serving(service_settings(tmp_path, database, gemini, cohere)) as client:
        for fault, details in (("status", {"status": 500}), ("status", {"status": 429}), ("hang", {}), ("reset", {})):
            gemini.fail(fault, "gemini.chat_stream", **details)
            events = await heard(client)
            assert [kind for kind, _ in events if kind in ("restart", "error", "done")] == ["done"], fault
            assert events[-1][1]["model"] in ("command-a-03-2025", "gemini-3.5-flash")
    assert cohere.requests("cohere.chat_stream")


@pytest.mark.parametrize("fault", ["cut", "clean_end", "malformed", "stall"])
async def test_fallback_restarts_an_answer_that_broke_off(
    tmp_path: Path, database: str, gemini: ProviderKey, cohere: ProviderKey, fault: str
) -> None:
    async with serving(service_settings(tmp_path, database, gemini, cohere)) as client:
        gemini.fail(fault, "gemini.chat_stream", times=None)
        events = await heard(client)
    kinds = [kind for kind, _ in events]
    assert kinds.count("restart") == 1
    assert kinds[-1] == "done"
    assert events[-1][1]["model"] == "command-a-03-2025"
    assert events[-1][1]["grounded"]


async def test_all_down_is_said_and_the_service_goes_on(
    tmp_path: Path, database: str, gemini: ProviderKey, cohere: ProviderKey
) -> None:
    async with serving(service_settings(tmp_path, database, gemini, cohere)) as client:
        for key in (gemini, cohere):
            key.fail("status", "*.chat_stream", times=None, status=503)
        started = time.monotonic()
        failed = (await heard(client))[-1]
        assert failed[0] == "error"
        assert (failed[1]["code"], failed[1]["retryable"]) == ("model_unavailable", True)
        assert time.monotonic() - started < 20
        gemini.heal()
        cohere.heal()
        assert (await ask(client))["outcome"] == "answered"


async def test_failing_rerank_is_skipped(tmp_path: Path, database: str, cohere: ProviderKey) -> None:
    async with serving(service_settings(tmp_path, database, None, cohere)) as client:
        cohere.fail("bad_index", "cohere.rerank")
        events = await heard(client)
    stages = [data["stage"] for kind, data in events if kind == "status"]
    assert stages == ["retrieving", "reranking", "writing"]
    assert events[-1][1]["outcome"] == "answered"


async def test_wrong_key_is_degraded_and_never_shown(tmp_path: Path, database: str, cohere: ProviderKey) -> None:
    settings = service_settings(tmp_path, database, None, cohere)
    wrong = settings.model_copy(update={"gemini_api_key": "invalid-CANARY", "gemini_base_url": cohere.gemini_url,
                                        "embedding_provider": "cohere"})  # fmt: skip
    async with serving(wrong) as client:
        response = await client.get("/api/health")
        reply = await ask(client)
    report = response.json()
    assert (response.status_code, report["status"]) == (503, "degraded")
    assert report["services"]["gemini"]["status"] == "unavailable"
    assert "CANARY" not in response.text + json.dumps(reply)
    assert reply["outcome"] == "answered"
    assert reply["model"] == "command-a-03-2025"


async def test_retired_model_is_served_and_both_names_are_shown(
    tmp_path: Path, database: str, gemini: ProviderKey
) -> None:
    retired = {"gemini_model": "gemini-2.0-flash-exp", "gemini_embedding_model": "text-embedding-004"}
    settings = service_settings(tmp_path, database, gemini, None).model_copy(update=retired)
    async with serving(settings) as client:
        service = (await client.get("/api/health")).json()["services"]["gemini"]
        assert (await ask(client))["outcome"] == "answered"
    assert service == {
        "status": "ok",
        "model": "gemini-3.5-flash",
        "replaces": "gemini-2.0-flash-exp",
        "notes": ["retired_model"],
    }
