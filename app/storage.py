"""Postgres with a life of its own: found or started, migrated, pooled, watched, and closed at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from app.health import Finding, Health
from app.settings import Settings
from app.store import signing_key
from app.visitor import VisitorTokens
from chains.errors import EmbeddedEngineError, StorageUnavailable

if TYPE_CHECKING:
    from chains.embedded_postgres import EmbeddedPostgres
    from chains.postgres_history import PostgresMessageStore

RETRY_DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between attempts to reach a database that is away; the last repeats
FIRST_WAIT = 15.0  # seconds that a turn waits for the first connection before it is refused
LEASE_MARGIN = 30.0  # seconds beyond the deadline after which a running turn has lost its process

log = structlog.get_logger(__name__)


class Storage:
    """Built closed. `open` returns when the database answers and keeps trying until it does."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._embedded: EmbeddedPostgres | None = None
        self._pool: Any = None
        self._store: PostgresMessageStore | None = None
        self._tokens = VisitorTokens(settings.secret_key) if settings.secret_key else None
        self._opened = asyncio.Event()
        self.tried = asyncio.Event()
        health.register("postgres", self._ping)

    async def open(self) -> None:
        """Connect, migrate, read the signing key; `tried` is set after the first attempt, whatever its end."""
        attempt = 0
        while True:
            try:
                await self._connect()
                self._opened.set()
                return
            except (EmbeddedEngineError, StorageUnavailable, OSError) as error:
                log.error("storage_unavailable", cause=str(error))
            finally:
                self.tried.set()
            await asyncio.sleep(RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)])
            attempt += 1

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)

    async def store(self) -> PostgresMessageStore:
        """Raises StorageUnavailable when the database has not answered once within FIRST_WAIT."""
        await self._wait()
        assert self._store is not None
        return self._store

    async def visitor_tokens(self) -> VisitorTokens:
        """Raises StorageUnavailable until the signing key has been read once."""
        if self._tokens is None:
            await self._wait()
        assert self._tokens is not None
        return self._tokens

    async def _wait(self) -> None:
        if not self._opened.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_WAIT):
                    await self._opened.wait()
        if not self._opened.is_set():
            raise StorageUnavailable(retry_after=5)

    async def _connect(self) -> None:
        from chains.migrations import migrate
        from chains.postgres_history import PostgresMessageStore, connection_pool

        dsn = self._settings.database_url or await self._start_embedded()
        await asyncio.to_thread(migrate, dsn)
        if self._pool is None:
            pool = connection_pool(dsn)
            await pool.open()
            self._pool, self._store = (
                pool,
                PostgresMessageStore(pool, lease=self._settings.turn_deadline + LEASE_MARGIN),
            )
        if self._tokens is None:
            self._tokens = VisitorTokens(await signing_key(self._pool))

    async def _start_embedded(self) -> str:
        from chains.embedded_postgres import EmbeddedPostgres

        if self._embedded is None:
            self._embedded = EmbeddedPostgres(self._settings.data_dir, self._settings.embedded_pg_bin)
        return await asyncio.to_thread(self._embedded.start)

    async def _ping(self) -> Finding:
        """A round trip. An embedded server that died is started again at the second look, so that health showed it."""
        if not self._opened.is_set():
            return {"status": "disconnected", "cause": "no connection yet"}
        if self._embedded is not None:
            if self._health.is_down("postgres"):
                await asyncio.to_thread(self._embedded.ensure_running)
            elif not await asyncio.to_thread(self._embedded.alive):  # a pool would take 5 s to find out
                return {"status": "disconnected", "cause": "the embedded server is gone"}
        async with self._pool.connection(timeout=5) as connection:
            await self._pool.check_connection(connection)
        return {"status": "connected"}
