"""One provider away for long while readers keep coming: five minutes shrunk to two and a half cooldowns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fakes import eventually

from app.main import create_app
from chains.resilience import Count, Guard, Operation
from chains.resilience.breaker import COOLDOWN, FAILURES
from tests.model_service import ask, running, service_settings
from tests.provider_simulator.handle import RunningSimulator

pytestmark = pytest.mark.anyio

BETWEEN_TURNS = 0.1  # seconds
TICK = 0.005
AWAY = 2.5 * COOLDOWN
CALLS, FAILED = Count("calls", "gemini", "chat"), Count("failures", "gemini", "chat", "upstream")


class Moment(NamedTuple):
    """What the guard knows of Gemini's chat: seconds, the breaker's state, calls and failures so far."""

    at: float
    state: str
    calls: int
    failed: int


@asynccontextmanager
async def in_background(*work: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def watch(guard: Guard, moments: list[Moment]) -> None:
    while True:
        state = guard.breaker("gemini", Operation.CHAT).state
        moments.append(Moment(time.monotonic(), state, guard.counts[CALLS], guard.counts[FAILED]))
        await asyncio.sleep(TICK)


async def keep_asking(client: httpx.AsyncClient, asked: list[asyncio.Task[dict[str, Any]]], go: asyncio.Event) -> None:
    while await go.wait():
        asked.append(asyncio.create_task(ask(client)))
        await asyncio.sleep(BETWEEN_TURNS)


@pytest.mark.fault(10)
async def test_10_long_outage_costs_five_failures_and_a_probe_per_cooldown(
    tmp_path: Path, database: str, provider_simulator: RunningSimulator
) -> None:
    gemini, cohere = provider_simulator.new_key(), provider_simulator.new_key()
    app = create_app(service_settings(tmp_path, database, gemini, cohere, embedding_provider="cohere"))
    moments: list[Moment] = []
    asked: list[asyncio.Task[dict[str, Any]]] = []
    go = asyncio.Event()
    async with running(app) as client:
        guard: Guard = app.state.docent.resources.search.providers.guard

        async def answers_again() -> bool:
            return moments[-1].calls > moments[-1].failed and moments[-1].state == "closed"

        async with in_background(watch(guard, moments), keep_asking(client, asked, go)):
            go.set()
            await asyncio.sleep(1)
            go.clear()
            await asyncio.gather(*asked)  # an answer that began before would say that Gemini is well
            gemini.fail("status", times=None, status=503)
            go.set()
            await asyncio.sleep(AWAY)
            gemini.heal()
            healed_at = time.monotonic()
            await eventually(answers_again)
        replies = await asyncio.gather(*asked)

    assert {reply["outcome"] for reply in replies} == {"answered"}
    assert len(replies) > AWAY / BETWEEN_TURNS / 2
    assert_left_alone(moments)
    assert moments[-1].at - healed_at < 2 * COOLDOWN
    assert replies[0]["model"] == replies[-1]["model"] == "gemini-3.5-flash"


def assert_left_alone(moments: list[Moment]) -> None:
    """Calls that were on their way when the breaker opened may fail, too; none begins after that but a probe."""
    opened = next(number for number, moment in enumerate(moments) if moment.state == "open")
    assert max(moment.failed for moment in moments[:opened]) < FAILURES
    away = list(takewhile(lambda moment: moment.state != "closed", moments[opened:]))
    probes = [later.at for earlier, later in pairwise(away) if later.calls > earlier.calls]
    assert probes
    assert all(later - earlier > COOLDOWN - 0.5 for earlier, later in pairwise([away[0].at, *probes]))
