"""Stores of both kinds, and a database with its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from asking import Stores
from debian_postgres import bouncer
from psycopg_pool import AsyncConnectionPool

from chains.history import MessageStore
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore


@pytest.fixture
def migrated(database: str) -> str:
    migrate(database)
    return database


@pytest.fixture
async def pool(migrated: str) -> AsyncIterator[AsyncConnectionPool]:
    async with connection_pool(migrated) as pool:
        await pool.wait()
        yield pool


@pytest.fixture
def postgres(pool: AsyncConnectionPool) -> PostgresMessageStore:
    return PostgresMessageStore(pool)


@pytest.fixture(scope="session")
def pgbouncer(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with bouncer(tmp_path_factory.mktemp("pgbouncer"), postgres_dsn) as address:
        yield address


@pytest.fixture
def pooled_database(pgbouncer: str, database: str) -> str:
    """As `migrated`, in all through PgBouncer."""
    url = f"{pgbouncer}{urlsplit(database).path}?pgbouncer=true"
    migrate(url)
    return url


@pytest.fixture
async def pooled(pooled_database: str) -> AsyncIterator[AsyncConnectionPool]:
    async with connection_pool(pooled_database) as pool:
        yield pool


@pytest.fixture(params=["memory", "postgres", "pgbouncer"])
def stores(request: pytest.FixtureRequest) -> Stores:
    pools = {"postgres": "pool", "pgbouncer": "pooled"}
    return Stores(request.getfixturevalue(pools[request.param]) if request.param in pools else None)


@pytest.fixture
def store(stores: Stores) -> MessageStore:
    return stores.make()
