"""Conversations are removed when their time is over: by one process at a time, behind a pooler too, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from fakes import a_turn, eventually
from psycopg_pool import AsyncConnectionPool

from app import store_erasure
from app.retention import keep_retention, remove_expired
from app.settings import Settings
from chains.errors import SettingsError, StorageUnavailable
from chains.history import Begun
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

AGE = timedelta(days=90)
ANSWER = ReplyPart(answer="Roll back.", outcome="answered", grounded=True)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    await asyncio.to_thread(migrate, database)
    async with connection_pool(database) as pool:
        yield pool


@pytest.fixture
def store(pool: AsyncConnectionPool) -> PostgresMessageStore:
    return PostgresMessageStore(pool)


async def add(store: PostgresMessageStore, *, days: float, finished: bool = True) -> UUID:
    """A conversation whose last question is so old."""
    begun = await store.begin(a_turn(), "ada")
    assert isinstance(begun, Begun)
    assert begun.turn.turn_id
    assert begun.turn.conversation_id
    if finished:
        await store.finish(begun.turn.turn_id, ANSWER)
    values = {"age": timedelta(days=days), "id": begun.turn.conversation_id}
    await store.ask("UPDATE conversation SET updated_at = now() - %(age)s WHERE id = %(id)s", values)
    return begun.turn.conversation_id


async def left(store: PostgresMessageStore) -> set[UUID]:
    return {row["id"] for row in await store.ask("SELECT id FROM conversation", {})}


async def rows(store: PostgresMessageStore, table: str) -> int:
    (row,) = await store.ask(f"SELECT count(*) AS rows FROM {table}", {})
    return int(row["rows"])


async def test_only_what_is_old_is_removed_with_all_that_belongs_to_it(store: PostgresMessageStore) -> None:
    old, young = await add(store, days=91), await add(store, days=89)
    by_hand = {"id": old, "message": '{"type": "human", "data": {"content": "by a notebook"}}'}
    insert = "INSERT INTO chat_history (session_id, message) VALUES (%(id)s, %(message)s)"
    await store.ask(insert, by_hand)
    await store.ask(insert, by_hand | {"id": uuid4()})  # belongs to no conversation of readers
    assert await remove_expired(store, AGE) == 1
    assert await left(store) == {young}
    assert (await rows(store, "turn"), await rows(store, "chat_history")) == (1, 3)
    assert await remove_expired(store, AGE) == 0


async def test_conversation_that_runs_is_not_removed(store: PostgresMessageStore) -> None:
    running = await add(store, days=91, finished=False)
    assert await remove_expired(store, AGE) == 0
    await store.ask("UPDATE turn SET lease_until = now() - interval '1 s'", {})  # its process is gone
    assert await remove_expired(store, AGE) == 1
    assert running not in await left(store)


async def test_everything_old_goes_in_portions(store: PostgresMessageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_erasure, "ERASED_AT_ONCE", 2)
    for _ in range(5):
        await add(store, days=200)
    assert await store_erasure.expire_conversations(store, AGE) == 2
    assert await remove_expired(store, AGE) == 3
    assert await left(store) == set()


async def test_one_process_removes_at_a_time(store: PostgresMessageStore, database: str) -> None:
    await add(store, days=91)
    async with await psycopg.AsyncConnection.connect(database) as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(%s)", (store_erasure.LOCK,))
        assert await remove_expired(store, AGE) == 0
    assert await remove_expired(store, AGE) == 1


async def test_replicas_behind_a_pooler_leave_no_lock(pooled_database: str) -> None:
    async with connection_pool(pooled_database) as one, connection_pool(pooled_database) as other:
        replicas = [PostgresMessageStore(one), PostgresMessageStore(other)]
        for _ in range(6):
            await add(replicas[0], days=91)
        removed = await asyncio.gather(*(remove_expired(store, AGE) for store in replicas for _ in range(4)))
        assert sum(removed) + await remove_expired(replicas[1], AGE) == 6
        assert await left(replicas[0]) == set()


class Sleeper:
    """Of a Storage what the job asks; `asked` counts how often it took the store. Away at first."""

    def __init__(self, store: PostgresMessageStore, *, asleep: bool) -> None:
        self._store, self.asleep = store, asleep
        self.asked = 0

    async def store(self) -> PostgresMessageStore:
        self.asked += 1
        if self.asked == 1:
            raise StorageUnavailable
        return self._store


@pytest.mark.parametrize("asleep", [False, True])
async def test_job_goes_on_and_wakes_a_sleeping_database_once(store: PostgresMessageStore, *, asleep: bool) -> None:
    sleeper: Any = Sleeper(store, asleep=asleep)
    job = asyncio.create_task(keep_retention(sleeper, AGE, first=0.01, every=0.01))

    async def looked() -> bool:
        return sleeper.asked > 1 and not (await left(store) and not asleep)

    for _ in range(3):
        await add(store, days=91)
        await eventually(looked)
    await asyncio.sleep(0.1)
    job.cancel()
    if asleep:
        assert sleeper.asked == 2


@pytest.mark.parametrize(("given", "days"), [("none", None), ("7", 7), (None, 90)])
def test_retention_is_a_setting(monkeypatch: pytest.MonkeyPatch, given: str | None, days: int | None) -> None:
    if given is not None:
        monkeypatch.setenv("RETENTION_DAYS", given)
    assert Settings.load().retention_days == days


@pytest.mark.parametrize("given", ["0", "-1", "a while", "1.5"])
def test_retention_that_is_no_number_of_days_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("RETENTION_DAYS", given)
    with pytest.raises(SettingsError, match="RETENTION_DAYS"):
        Settings.load()
