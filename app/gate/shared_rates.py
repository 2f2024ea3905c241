"""Rates across replicas, in Redis or Valkey. Away, it refuses nobody: each process's own memory still counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItem

from app.health import Finding
from chains.errors import RateLimited

if TYPE_CHECKING:
    from limits.aio.strategies import MovingWindowRateLimiter

PATIENCE = 0.25  # seconds for all that one turn asks; a cache beside the service answers in one millisecond
PAUSE = 5.0  # seconds without a question after a failure, so that its patience is not asked of every turn
PREFIX = "docent"

log = structlog.get_logger(__name__)

Spender = tuple[str, list[RateLimitItem]]  # a key, and what is allowed to it


class SharedRates:
    """Built closed: the first turn connects."""

    def __init__(self, url: str) -> None:
        """`url`: redis, rediss, valkey or valkeys; they speak the same protocol."""
        self._url = url.replace("valkey", "redis", 1)
        self._limiter: MovingWindowRateLimiter | None = None
        self._quiet_until = 0.0
        self._fault: str | None = None

    async def take(self, spenders: Iterable[Spender]) -> None:
        """Take one of each window, or of none when one is full.

        Raises:
            RateLimited: all replicas together have allowed enough; says when one more will be.
        """
        if time.monotonic() < self._quiet_until:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                refused = await self._take(spenders)
        except Exception as error:  # whatever a cache or its client does, it is never a reason to refuse a reader
            self._failed(error)
            return
        self._recovered()
        if refused:
            raise RateLimited(retry_after=max(refused))

    async def ping(self) -> Finding:
        """For health: away counts as up, for every process still has its own limits."""
        try:
            async with asyncio.timeout(PATIENCE * 4):
                if not await self._connect().storage.check():
                    raise ConnectionError("no answer to a ping")
        except Exception as error:
            self._failed(error)
            return {"status": "ok", "notes": ["limits_per_process"], "cause": self._fault}
        self._recovered()
        return {"status": "ok"}

    async def close(self) -> None:
        if self._limiter is not None:
            bridge = self._limiter.storage.bridge  # type: ignore[attr-defined]
            await bridge.get_connection().aclose()
            self._limiter = None

    async def _take(self, spenders: Iterable[Spender]) -> list[int]:
        """Seconds to wait for each window that is full. All are asked at once, then taken from at once: two ways there
        and back, and only turns of the same moment can take from one window what another one refuses."""
        limiter = self._connect()
        asked = [(item, key) for key, items in spenders for item in items]
        for ask in (limiter.test, limiter.hit):
            allowed = await asyncio.gather(*(ask(item, PREFIX, key) for item, key in asked))
            if full := [pair for pair, granted in zip(asked, allowed, strict=True) if not granted]:
                stats = await asyncio.gather(*(limiter.get_window_stats(item, PREFIX, key) for item, key in full))
                return [max(1, ceil(stat.reset_time - time.time())) for stat in stats]
        return []

    def _connect(self) -> MovingWindowRateLimiter:
        if self._limiter is None:
            from limits.aio.storage import RedisStorage
            from limits.aio.strategies import MovingWindowRateLimiter

            storage = RedisStorage(
                f"async+{self._url}",
                implementation="redispy",
                key_prefix=PREFIX,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                max_connections=100,
            )
            self._limiter = MovingWindowRateLimiter(storage)
        return self._limiter

    def _failed(self, error: Exception) -> None:
        self._quiet_until = time.monotonic() + PAUSE
        if self._fault is None:
            log.warning("shared_limits_away", cause=type(error).__name__, until="it answers, limits hold per process")
        self._fault = f"{type(error).__name__}: limits hold in each process by itself"

    def _recovered(self) -> None:
        self._quiet_until = 0.0
        if self._fault is not None:
            log.info("shared_limits_back")
        self._fault = None
