"""Faults, limits, settings and the log belong to a key."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import httpx
import pytest

from tests.provider_simulator.clients import bare
from tests.provider_simulator.faults import Fault
from tests.provider_simulator.handle import COMMAND, ROOT, ProviderKey, RunningSimulator, running_simulator

CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hello"}]}
OPENAI_CHAT = {"model": "llama3.2", "messages": CHAT["messages"]}
RERANK = {"model": "rerank-v3.5", "query": "a", "documents": ["a", "b"]}


def call(key: ProviderKey, path: str = "/v2/chat", body: object = CHAT) -> httpx.Response:
    headers = {"authorization": f"Bearer {key.key}"}
    return key.control.post(f"{key.cohere_url}{path}", json=body, headers=headers)


def statuses(key: ProviderKey, calls: int) -> list[int]:
    return [call(key).status_code for _ in range(calls)]


def test_fault_strikes_once_and_only_its_key(provider_simulator: RunningSimulator) -> None:
    one, other = provider_simulator.new_key(), provider_simulator.new_key()
    one.fail("status", status=503)
    assert statuses(other, 1) == [200]
    assert statuses(one, 2) == [503, 200]


def test_fault_strikes_as_often_as_it_says(provider_key: ProviderKey) -> None:
    provider_key.fail("status", status=503, skip=1, times=2)
    assert statuses(provider_key, 5) == [200, 503, 503, 200, 200]


def test_fault_strikes_for_ever_until_it_is_taken_back(provider_key: ProviderKey) -> None:
    provider_key.fail("status", status=503, times=None)
    assert statuses(provider_key, 4) == [503] * 4
    provider_key.heal()
    assert statuses(provider_key, 1) == [200]


def test_faults_are_drawn_alike_from_the_same_seed() -> None:
    draws = []
    for seed in (7, 7, 8):
        fault = Fault(kind="cut", times=None, probability=0.2, seed=seed)
        draws.append([fault.strikes("cohere.chat") for _ in range(500)])
    assert draws[0] == draws[1] != draws[2]
    assert 70 < sum(draws[0]) < 130


def test_faults_come_one_after_the_other_and_by_operation(provider_key: ProviderKey) -> None:
    provider_key.fail("status", "*.rerank", status=500)
    provider_key.fail("status", "cohere.chat", status=503)
    provider_key.fail("status", "cohere.chat*", status=429)
    assert statuses(provider_key, 3) == [503, 429, 200]
    assert call(provider_key, "/v2/rerank", RERANK).status_code == 500
    assert [request["fault"] for request in provider_key.requests("*.rerank")] == ["status"]


@pytest.mark.anyio
async def test_one_key_serves_every_provider(provider_key: ProviderKey) -> None:
    provider_key.fail("status", "openai.*", status=503)
    assert call(provider_key).status_code == 200
    async with bare(provider_key, provider_key.openai_url) as client:
        assert (await client.post("/chat/completions", json=OPENAI_CHAT)).status_code == 503
    assert provider_key.stats()["calls"] == {"cohere.chat": 1, "openai.chat": 1}


def test_limit_refuses_with_the_time_to_wait(provider_key: ProviderKey) -> None:
    provider_key.configure(limits=[{"operation": "cohere.chat*", "calls": 2, "seconds": 1.5}])
    assert statuses(provider_key, 2) == [200, 200]
    refused = call(provider_key)
    assert refused.status_code == 429
    assert "20 API calls / minute" in refused.json()["message"]
    assert refused.headers["retry-after"] in ("1", "2")
    assert call(provider_key, "/v2/rerank", RERANK).status_code == 200
    time.sleep(1.5)
    assert statuses(provider_key, 1) == [200]


def test_limit_of_a_day_says_so(provider_key: ProviderKey) -> None:
    provider_key.configure(limits=[{"calls": 0, "seconds": 86_400, "quota": "day"}])
    assert "1000 API calls / month" in call(provider_key).json()["message"]


def test_latency_is_by_operation(provider_key: ProviderKey) -> None:
    provider_key.configure(latency={"*.rerank": 0.3})
    call(provider_key)
    call(provider_key, "/v2/rerank", RERANK)
    chat, rerank = provider_key.requests()
    assert chat["duration"] < 0.2
    assert rerank["duration"] >= 0.29  # clocks are read before and after the sleep


def test_settings_add_up(provider_key: ProviderKey) -> None:
    provider_key.configure(tokens=3)
    provider_key.configure(latency={"*": 0.01})
    (block,) = call(provider_key).json()["message"]["content"]
    assert len(block["text"].split()) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.fail("explode"),
        lambda key: key.fail("status"),
        lambda key: key.fail("delay"),
        lambda key: key.fail("cut", tokens=3),
        lambda key: key.configure(gulible=True),
    ],
)
def test_mistake_in_a_test_is_an_error(provider_key: ProviderKey, change: Callable[[ProviderKey], None]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        change(provider_key)


def test_star_stands_for_all_keys() -> None:
    with running_simulator() as simulator:
        one, other = simulator.new_key(), simulator.new_key()
        everyone = ProviderKey("*", simulator.address, simulator.control)
        everyone.configure(answers=["Hello."])
        everyone.fail("status", status=503, times=2)
        other.configure(answers=["Mine."])
        assert statuses(one, 1) + statuses(other, 2) == [503, 503, 200]
        assert [call(key).json()["message"]["content"][0]["text"] for key in (one, other)] == ["Hello.", "Mine."]
        assert everyone.stats()["calls"] == {"cohere.chat": 5}
        assert simulator.control.delete("/__sim/keys/*").is_success
        assert everyone.requests() == []


def test_nothing_is_served_elsewhere(provider_simulator: RunningSimulator) -> None:
    control = provider_simulator.control
    assert control.get("/v2/chat").status_code == 404
    assert control.get("/__sim/health").json() == {"status": "ok"}


def test_server_ends_with_the_one_that_started_it() -> None:
    process = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.stdin.close()
    assert process.wait(timeout=10) == 0
