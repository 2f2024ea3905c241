"""What stands between the code and a server: a proxy with faults. And a watch over all that these tests make it say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes import a_turn
from leak_watch import CANARIES, logging_as_in_service
from psycopg_pool import AsyncConnectionPool
from tcp_proxy import TcpProxy

from app.turns.outage import OutageStore
from chains.history import Begun
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from tests.what_left import left


@pytest.fixture(autouse=True)
def nothing_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key in any response, log line or metric, whatever fault a test injects."""
    for name, canary in CANARIES.items():
        monkeypatch.setenv(name, canary)
    left.clear()
    with logging_as_in_service() as log:
        yield
    assert not left.keys(log.getvalue())


@pytest.fixture
async def line(postgres_dsn: str) -> AsyncIterator[TcpProxy]:
    """To the Postgres of this test process, over TCP as to a server elsewhere."""
    parameters = parse_qs(urlsplit(postgres_dsn).query)
    async with TcpProxy(Path(parameters["host"][0]) / f".s.PGSQL.{parameters['port'][0]}") as proxy:
        yield proxy


@pytest.fixture
def far_database(database: str, line: TcpProxy) -> str:
    """DATABASE_URL of an empty database at the other end of the line."""
    return f"postgresql://docent@127.0.0.1:{line.port}{urlsplit(database).path}"


@pytest.fixture
async def pool(far_database: str, database: str) -> AsyncIterator[AsyncConnectionPool]:
    await asyncio.to_thread(migrate, database)
    async with connection_pool(far_database) as pool:
        pool.timeout = 1.0
        yield pool


@pytest.fixture
async def store(pool: AsyncConnectionPool) -> AsyncIterator[OutageStore]:
    store = OutageStore(PostgresMessageStore(pool))
    assert isinstance(await store.begin(a_turn(), "somebody"), Begun)
    yield store
    await store.close(0.1)


@pytest.fixture
def other_replica(database: str) -> PostgresMessageStore:
    """It still reaches the database."""
    return PostgresMessageStore(connection_pool(database))
