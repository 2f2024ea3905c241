"""Stores of both kinds, and a database with its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asking import Stores
from psycopg_pool import AsyncConnectionPool

from chains.history import MessageStore
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from chains.history_pool import connection_pool


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


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    return Stores(None if request.param == "memory" else request.getfixturevalue("pool"))


@pytest.fixture
def store(stores: Stores) -> MessageStore:
    return stores.make()
