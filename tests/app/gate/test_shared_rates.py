"""Rates across replicas: one Redis counts for all, and its absence refuses nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from limits import RateLimitItem
from redis_server import RedisServer

from app.gate import shared_rates
from app.gate.rates import parse_rate
from app.gate.shared_rates import SharedRates
from chains.errors import RateLimited

pytestmark = pytest.mark.anyio

THREE = parse_rate("3/hour")


@asynccontextmanager
async def replicas(url: str, count: int = 2) -> AsyncIterator[list[SharedRates]]:
    made = [SharedRates(url) for _ in range(count)]
    try:
        yield made
    finally:
        for shared in made:
            await shared.close()


async def allowed(shared: SharedRates, key: str, times: int, items: list[RateLimitItem] = THREE) -> int:
    """How many of so many were allowed, one after another."""
    granted = 0
    for _ in range(times):
        try:
            await shared.take([(key, items)])
        except RateLimited:
            continue
        granted += 1
    return granted


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a second is enough for a cache beside the service, not for a test machine that others use."""
    monkeypatch.setattr(shared_rates, "PATIENCE", 5.0)


async def test_replicas_count_together(redis_at: RedisServer) -> None:
    async with replicas(redis_at.url) as (one, other):
        assert await allowed(one, "visitor/ada", 2) == 2
        assert await allowed(other, "visitor/ada", 5) == 1
        assert await allowed(other, "visitor/bob", 5) == 3


async def test_turns_at_once_pass_no_limit(redis_at: RedisServer) -> None:
    async with replicas(redis_at.url, 3) as made:
        granted = await asyncio.gather(*(allowed(shared, "site", 4) for shared in made for _ in range(4)))
    assert sum(granted) == 3


async def test_refusal_says_when_to_come_back(redis_at: RedisServer) -> None:
    async with replicas(redis_at.url) as (one, other):
        await allowed(one, "ada", 3, parse_rate("3/minute"))
        with pytest.raises(RateLimited) as refused:
            await other.take([("ada", parse_rate("3/minute"))])
    assert 50 <= (refused.value.retry_after or 0) <= 60


async def test_keys_of_a_shared_redis_bear_our_name(redis_at: RedisServer) -> None:
    async with replicas(redis_at.url) as (one, _):
        await allowed(one, "ada", 1)
    keys = redis_at.client().keys("*")
    assert isinstance(keys, list)
    assert [key.decode().startswith(shared_rates.PREFIX) for key in keys] == [True]


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_both_names_of_the_protocol_are_known(redis_at: RedisServer, scheme: str) -> None:
    async with replicas(redis_at.url.replace("redis", scheme, 1)) as (one, _):
        assert await one.ping() == {"status": "ok"}
        assert await allowed(one, "ada", 5) == 3


async def test_redis_that_is_away_refuses_nobody_and_is_seen(redis_at: RedisServer) -> None:
    async with replicas(redis_at.url) as (one, _):
        assert await allowed(one, "ada", 5) == 3
        redis_at.stop()
        try:
            assert await allowed(one, "ada", 5) == 5
            finding = await one.ping()
        finally:
            redis_at.start()
        assert (finding["status"], finding["notes"]) == ("ok", ["limits_per_process"])
        assert "in each process" in finding["cause"]
        assert await one.ping() == {"status": "ok"}, "the next probe finds it again"
        assert await allowed(one, "ada", 5) == 3


async def test_silent_redis_is_asked_once_and_then_left_alone(
    redis_at: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replicas(redis_at.url) as (one, _):
        await allowed(one, "ada", 1)
        monkeypatch.setattr(shared_rates, "PATIENCE", 0.25)
        redis_at.freeze()
        try:
            began = time.monotonic()
            assert await allowed(one, "ada", 50) == 50
            assert time.monotonic() - began < shared_rates.PAUSE, "one patience for all, not one for each"
        finally:
            redis_at.thaw()


async def test_host_that_is_none_is_no_failure_of_a_turn() -> None:
    async with replicas("redis://127.0.0.1:1") as (one, _):
        assert await allowed(one, "ada", 5) == 5
        assert (await one.ping())["notes"] == ["limits_per_process"]


async def test_refusal_by_one_spender_takes_nothing_from_another(redis_at: RedisServer) -> None:
    async with replicas(redis_at.url) as (one, other):
        await allowed(one, "visitor/ada", 3)
        for _ in range(5):
            with pytest.raises(RateLimited):
                await other.take([("site", THREE), ("visitor/ada", THREE), ("address/1.1.1.1", THREE)])
        assert await allowed(other, "site", 5) == 3
        assert await allowed(other, "address/1.1.1.1", 5) == 3
