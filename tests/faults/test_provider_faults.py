"""What a turn makes of a provider that fails: faults are injected on the wire, and numbered as in the fault list."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from live_service import free_port

from app.settings import Settings
from tests.model_service import Event, ask, heard, service_settings, serving
from tests.provider_simulator.handle import ProviderKey, RunningSimulator

pytestmark = pytest.mark.anyio

CHAT = "gemini.chat_stream"
GEMINI, COHERE = "gemini-3.5-flash", "command-a-03-2025"


@pytest.fixture
def gemini(provider_simulator: RunningSimulator) -> ProviderKey:
    return provider_simulator.new_key()


@pytest.fixture
def cohere(provider_simulator: RunningSimulator) -> ProviderKey:
    return provider_simulator.new_key()


@pytest.fixture
def settings(tmp_path: Path, database: str, gemini: ProviderKey, cohere: ProviderKey) -> Settings:
    return service_settings(tmp_path, database, gemini, cohere)


def endings(events: list[Event]) -> list[str]:
    return [kind for kind, _ in events if kind in ("restart", "error", "done")]


@pytest.mark.fault(1)
async def test_1_server_error_before_the_first_token_is_invisible(
    settings: Settings, gemini: ProviderKey, cohere: ProviderKey
) -> None:
    async with serving(settings) as client:
        gemini.fail("status", CHAT, status=500)
        events = await heard(client)
    assert endings(events) == ["done"]
    assert (events[-1][1]["outcome"], events[-1][1]["model"]) == ("answered", COHERE)
    assert len(gemini.requests(CHAT)) + len(cohere.requests("*.chat_stream")) == 2


@pytest.mark.fault(2)
async def test_2_rate_limit_leaves_the_provider_alone_for_as_long_as_it_asks(
    settings: Settings, gemini: ProviderKey, cohere: ProviderKey
) -> None:
    async with serving(settings) as client:
        gemini.fail("status", CHAT, status=429, retry_after=1.5)
        models = [(await ask(client))["model"] for _ in range(2)]
        assert models == [COHERE, COHERE]
        assert len(gemini.requests(CHAT)) == 1
        await asyncio.sleep(1.6)
        assert (await ask(client))["model"] == GEMINI
    assert len(cohere.requests("*.chat_stream")) == 2


@pytest.mark.fault(3)
async def test_3_wrong_key_is_said_by_health_and_never_shown(
    settings: Settings, cohere: ProviderKey, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "invalid-SECRET-LEAK-CANARY"
    wrong = settings.model_copy(update={"gemini_api_key": canary, "embedding_provider": "cohere"})
    async with serving(wrong) as client:
        replies = [await ask(client) for _ in range(2)]
        response = await client.get("/api/health")
    assert [reply["model"] for reply in replies] == [COHERE, COHERE]
    assert (response.status_code, response.json()["status"]) == (503, "degraded")
    assert response.json()["services"]["gemini"]["status"] == "unavailable"
    said = response.text + json.dumps(replies) + caplog.text + "".join(capsys.readouterr())
    assert "bad_key" in said
    assert "CANARY" not in said


@pytest.mark.fault(4, 5)
@pytest.mark.parametrize(
    ("fault", "details"), [("hang", {}), ("slow_first_token", {"seconds": 10})], ids=["4 hang", "5 slow"]
)
async def test_4_5_no_first_token_in_time_falls_back(
    settings: Settings, gemini: ProviderKey, fault: str, details: dict[str, Any]
) -> None:
    async with serving(settings) as client:
        gemini.fail(fault, CHAT, **details)
        started = time.monotonic()
        events = await heard(client)
    assert endings(events) == ["done"]
    assert events[-1][1]["model"] == COHERE
    assert time.monotonic() - started < 8


@pytest.mark.fault(6, 7, 8)
@pytest.mark.parametrize("fault", ["stall", "cut", "clean_end", "half_event", "malformed"])
async def test_6_7_8_answer_that_breaks_off_is_begun_anew_by_the_other(
    settings: Settings, gemini: ProviderKey, fault: str
) -> None:
    async with serving(settings) as client:
        gemini.fail(fault, CHAT, after=5)
        events = await heard(client)
    assert endings(events) == ["restart", "done"]
    assert events[-1][1]["model"] == COHERE
    kinds = [kind for kind, _ in events]
    text = "".join(data["text"] for kind, data in events[kinds.index("restart") :] if kind == "token")
    assert "run `loom deploy`" in text
    assert events[-1][1]["answer_sha256"] == sha256(text.encode()).hexdigest()


@pytest.mark.fault(6, 7, 8)
@pytest.mark.parametrize("fault", ["stall", "cut", "clean_end", "malformed"])
async def test_6_7_8_answer_that_breaks_off_with_nobody_left_is_never_complete(
    tmp_path: Path, database: str, gemini: ProviderKey, fault: str
) -> None:
    async with serving(service_settings(tmp_path, database, gemini)) as client:
        gemini.fail(fault, CHAT, times=None, after=5)
        events = await heard(client)
    assert endings(events)[-1] == "error"
    error = events[-1][1]
    assert (error["code"], error["retryable"], error["partial"]) == ("model_unavailable", True, True)
    assert "Traceback" not in json.dumps(events)


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("fault", "details", "outcome"),
    [
        ("safety", {"after": 4}, "blocked"),
        ("blocked_prompt", {}, "blocked"),
        ("max_tokens", {"after": 4}, "truncated"),
        ("empty_answer", {}, "answered"),  # by the other provider
    ],
)
async def test_9_ending_is_told_for_what_it_is(
    settings: Settings, gemini: ProviderKey, fault: str, details: dict[str, Any], outcome: str
) -> None:
    async with serving(settings) as client:
        gemini.fail(fault, CHAT, **details)
        reply = await ask(client)
    assert reply["outcome"] == outcome
    assert reply["answer"]


@pytest.mark.fault(11)
async def test_11_both_down_is_an_error_that_the_same_turn_can_try_again(
    settings: Settings, gemini: ProviderKey, cohere: ProviderKey
) -> None:
    turn = {"turn_id": "0b0e9be5-7a3f-4b57-8a05-6a8a3ef5f6a1", "question": "How do I deploy a release?"}
    async with serving(settings) as client:
        for key in (gemini, cohere):
            key.fail("status", "*.chat_stream", times=None, status=503)
        response = await client.post("/api/chat", json=turn)
        assert "event: error" in response.text
        assert '"model_unavailable"' in response.text
        gemini.heal()
        cohere.heal()
        visitor = {"X-Docent-Visitor": response.headers["X-Docent-Visitor"], "Accept": "application/json"}
        reply = (await client.post("/api/chat", json=turn, headers=visitor)).json()
    assert reply["outcome"] == "answered"


@pytest.mark.fault(12)
async def test_12_address_where_nobody_listens_is_as_a_server_error(settings: Settings, gemini: ProviderKey) -> None:
    nobody = {"gemini_base_url": f"http://127.0.0.1:{free_port()}", "embedding_provider": "cohere"}
    async with serving(settings.model_copy(update=nobody)) as client:
        started = time.monotonic()
        reply = await ask(client)
        health = (await client.get("/api/health")).json()
    assert (reply["outcome"], reply["model"]) == ("answered", COHERE)
    assert time.monotonic() - started < 5
    assert health["services"]["gemini"]["status"] == "unavailable"


@pytest.mark.fault(13)
async def test_13_embeddings_down_is_an_error_and_not_an_absence_of_evidence(
    settings: Settings, gemini: ProviderKey
) -> None:
    async with serving(settings) as client:
        gemini.fail("status", "gemini.embed", times=None, status=503)
        events = await heard(client)
        assert endings(events) == ["error"]
        assert events[-1][1]["code"] == "retrieval_unavailable"
        gemini.heal()
        assert (await ask(client))["outcome"] == "answered"
