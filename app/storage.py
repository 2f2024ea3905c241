"""Postgres with a life of its own: found or started, migrated, pooled, watched, and closed at the end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from app.health import REMOTE_INTERVAL, Finding, Health
from app.settings import Settings
from app.stand_ins import engine_notes
from app.store import signing_key
from app.turns.journal import TURN_LEASE, Journal
from app.turns.outage import OutageStore
from app.turns.outage_buffer import OutageStats
from app.turns.recovery import recover, recover_later
from app.visitor import VisitorTokens
from chains.errors import EmbeddedEngineError, StorageUnavailable
from chains.remote_postgres import explain, read_address

if TYPE_CHECKING:
    from chains.embedded_postgres import EmbeddedPostgres
    from chains.postgres_history import PostgresMessageStore

RETRY_PAUSE = 0.5  # seconds at least between attempts to reach a database that is away,
RETRY_DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0)  # and these at most, unless a turn waits for it; the last repeats
FIRST_WAIT = 15.0  # seconds that a turn waits for the first connection before it is refused
FIRST_PATIENCE = 3.5  # seconds for the first attempt, while health waits for it; it goes on for longer by itself
LAST_PATIENCE = 1.0  # seconds, at the end of a shutdown, to store what waits: the drain has tried all along
PING_PATIENCE = 4  # seconds for a connection, twice: health gives a probe ten
ASLEEP_AFTER = 120.0  # seconds without a turn, and a remote database is left alone: suspending takes them 300 more

log = structlog.get_logger(__name__)


class Storage:
    """Built closed. `open` keeps trying until the database answers, then ends what killed processes left running.

    `asleep_after`: seconds without a turn after which a remote database is left alone.
    """

    def __init__(self, settings: Settings, health: Health, asleep_after: float = ASLEEP_AFTER) -> None:
        self._settings = settings
        self._health = health
        self._embedded: EmbeddedPostgres | None = None
        self._pool: Any = None
        self._store: PostgresMessageStore | None = None
        self._outage: OutageStore | None = None
        self._tokens = VisitorTokens(settings.secret_key) if settings.secret_key else None
        self._fault = explain(TimeoutError("timed out")) if settings.database_url else "no connection yet"
        self._remote = bool(settings.database_url) and read_address(str(settings.database_url)).remote
        self._pinged = 0.0
        self.asleep_after = asleep_after
        self._wanted = asyncio.Event()
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
                break
            except (EmbeddedEngineError, StorageUnavailable, OSError) as error:
                self._fault = explain(error.__cause__ or error) if self._settings.database_url else str(error)
                log.error("storage_unavailable", cause=self._fault)
            finally:
                self.tried.set()
            await asyncio.sleep(RETRY_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]):
                    await self._wanted.wait()
            self._wanted.clear()
            attempt += 1
        if self._settings.database_url and self._store is not None:
            await recover_later(self._store)

    async def close(self) -> None:
        if self._outage is not None:
            await self._outage.close(LAST_PATIENCE)
        if self._pool is not None:
            await self._pool.close()
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)

    @property
    def pool(self) -> Any:
        """Connections, once the database has answered; None before."""
        return self._pool if self._opened.is_set() else None

    async def store(self) -> PostgresMessageStore:
        """Raises StorageUnavailable when the database has not answered once within FIRST_WAIT."""
        await self._wait()
        assert self._store is not None
        return self._store

    async def outage_store(self) -> OutageStore:
        """The store for turns: it goes on while the database is away. Raises StorageUnavailable as `store` does."""
        await self._wait()
        assert self._outage is not None
        return self._outage

    @property
    def asleep(self) -> bool:
        """A remote database that no turn has used for a while: it may be suspended, and asking it would wake it."""
        return self._remote and self._store is not None and time.monotonic() - self._store.asked_at > self.asleep_after

    def waiting_conversation(self, conversation_id: UUID, owner: str) -> dict[str, Any] | None:
        """One that began while the database is away and waits for it; None for any other.

        Raises:
            NotFound: it is another owner's.
        """
        return self._outage.buffer.report(conversation_id, owner) if self._outage is not None else None

    @property
    def waiting_turns(self) -> int:
        """Turns that wait for the database to come back."""
        return self._outage.buffer.stats.waiting if self._outage is not None else 0

    @property
    def outage_stats(self) -> OutageStats:
        """Of the turns that wait, and of those that did."""
        return self._outage.buffer.stats if self._outage is not None else OutageStats()

    async def journal(self) -> Journal:
        """What turns tell while they run. Raises StorageUnavailable as `store` does."""
        return Journal(await self.store())

    async def visitor_tokens(self) -> VisitorTokens:
        """Raises StorageUnavailable until the signing key has been read once."""
        if self._tokens is None:
            await self._wait()
        assert self._tokens is not None
        return self._tokens

    async def _wait(self) -> None:
        if not self._opened.is_set():
            self._wanted.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_WAIT):
                    await self._opened.wait()
        if not self._opened.is_set():
            raise StorageUnavailable(retry_after=5)

    async def _connect(self) -> None:
        from chains.history_pool import connection_pool
        from chains.migrations import migrate
        from chains.postgres_history import PostgresMessageStore

        dsn = self._settings.database_url or await self._start_embedded()
        await asyncio.to_thread(migrate, dsn)
        if self._pool is None:
            pool = connection_pool(dsn)
            await pool.open()
            self._pool, self._store = pool, PostgresMessageStore(pool, lease=TURN_LEASE)
            self._outage = OutageStore(self._store, on_away=self._health.suspect)
        assert self._store is not None
        await recover(self._store, alone=not self._settings.database_url)
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
            await self._first_try()
        if not self._opened.is_set():
            return {"status": "disconnected", "cause": self._fault}
        if self._remote and (finding := self._left_alone()):
            return finding
        if self._embedded is not None:
            if self._health.is_down("postgres"):
                await asyncio.to_thread(self._embedded.ensure_running)
            elif not await asyncio.to_thread(self._embedded.alive):  # a pool would take 5 s to find out
                return {"status": "disconnected", "cause": "the embedded server is gone"}
        return await self._round_trip()

    async def _first_try(self) -> None:
        """Until the first attempt has ended, or for as long as a service that answers takes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PATIENCE):
                await self.tried.wait()

    def _left_alone(self) -> Finding | None:
        """What is said of a remote database without asking it; None when it is to be asked.

        Asked are those that a turn has used a moment ago, once a minute, and those that have just failed. What sleeps
        is not woken for health's sake: a suspended database costs nothing, and the next turn wakes it.
        """
        assert self._store is not None
        now = time.monotonic()
        if not self._store.answering or self._health.is_down("postgres"):
            return None
        if self.asleep:
            return {"status": "asleep"}
        if now - self._pinged < REMOTE_INTERVAL - 1:
            return {"status": "connected"}
        self._pinged = now
        return None

    async def _round_trip(self) -> Finding:
        """A pool knows only that it has no connection: what the database says to that is heard by one made apart."""
        from psycopg import AsyncConnection, Error
        from psycopg_pool import PoolTimeout

        try:
            try:
                async with self._pool.connection(timeout=PING_PATIENCE) as connection:
                    await self._pool.check_connection(connection)
            except PoolTimeout:
                async with await AsyncConnection.connect(self._pool.conninfo, connect_timeout=PING_PATIENCE):
                    raise
        except Error as error:
            return {"status": "disconnected", "cause": explain(error) if self._settings.database_url else str(error)}
        notes = [] if self._settings.database_url else engine_notes(self._settings)
        return {"status": "connected", **({"notes": notes} if notes else {})}
