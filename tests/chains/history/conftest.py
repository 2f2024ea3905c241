"""Stores of both kinds, and a database with its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asking import Stores
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
