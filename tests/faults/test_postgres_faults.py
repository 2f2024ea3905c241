"""A Postgres elsewhere that sleeps, refuses, falls silent or loses its words: what the turns and health make of it.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fakes import FakeChain, a_turn
from psycopg_pool import AsyncConnectionPool
from tcp_proxy import TcpProxy

from app.health import Health
from app.settings import Settings
from app.storage import Storage
from app.turns.limits import TurnLimits
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.errors import StorageUnavailable
from chains.history import Begun
from chains.history_pool import connection_pool
from chains.migrations import REVISIONS, migrate
from chains.postgres_history import PostgresMessageStore
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio

ANSWER = ReplyPart(answer="Roll back.", outcome="answered", grounded=True, model="fake")
KILL_ALL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def query(dsn: str, statement: Any) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        return await (await connection.execute(statement)).fetchall()


async def reply_to(runner: TurnRunner, turn: ChatTurn) -> ReplyPart:
    running = await runner.accept(turn, Visitor("ada"))
    return await running.reply()


@pytest.fixture
async def pool(far_database: str, database: str) -> AsyncIterator[AsyncConnectionPool]:
    await asyncio.to_thread(migrate, database)
    async with connection_pool(far_database) as pool:
        yield pool


@pytest.fixture
def store(pool: AsyncConnectionPool) -> PostgresMessageStore:
    return PostgresMessageStore(pool)


@pytest.fixture
def runner(store: PostgresMessageStore) -> TurnRunner:
    return TurnRunner(FakeChain(ANSWER).as_runnable(), store, TurnLimits(deadline=15))


@pytest.fixture
def health() -> Health:
    return Health(60)


@pytest.fixture
async def far_storage(far_database: str, health: Health, tmp_path: Path) -> AsyncIterator[Storage]:
    """Opening, as at the start of the service."""
    storage = Storage(Settings(database_url=far_database, data_dir=tmp_path, docs=tmp_path), health)
    opening = asyncio.create_task(storage.open())
    yield storage
    opening.cancel()
    await storage.close()


async def found(health: Health) -> dict[str, Any]:
    await health.refresh()
    finding: dict[str, Any] = health.report(causes=True)["services"]["postgres"]
    return finding


@pytest.mark.fault(18)
async def test_18_database_refused_at_start_is_migrated_when_it_answers(
    line: TcpProxy, far_storage: Storage, health: Health, database: str
) -> None:
    await line.refuse()
    await far_storage.tried.wait()
    finding = await found(health)
    assert finding["status"] == "disconnected"
    assert "DATABASE_URL: Nothing listens" in finding["cause"]
    await line.accept()
    store = await far_storage.store()
    assert isinstance(await store.begin(a_turn(), "ada"), Begun)
    assert await query(database, "SELECT version_num FROM docent_revision") == [(REVISIONS[-1],)]
    assert (await found(health))["status"] == "connected"


@pytest.mark.fault(22)
async def test_22_sleeping_database_with_dead_sockets_wakes_within_the_turn(
    line: TcpProxy, runner: TurnRunner, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A suspend ends every session; the first connection after it takes three seconds."""
    await asyncio.gather(*(reply_to(runner, a_turn()) for _ in range(8)))
    assert await query(database, KILL_ALL) != [(0,)]
    line.delay = 3.0
    caplog.clear()
    began = time.monotonic()
    turn = a_turn()
    assert (await reply_to(runner, turn))["outcome"] == "answered"
    assert time.monotonic() - began < 9.0
    assert caplog.text.count("trying once more") == 1
    assert await query(database, f"SELECT state FROM turn WHERE id = '{turn.turn_id}'") == [("complete",)]


@pytest.mark.fault(21)
@pytest.mark.parametrize("lost", ["begin", "finish"])
async def test_21_commit_whose_answer_was_lost_makes_no_second_row(
    lost: str, line: TcpProxy, store: PostgresMessageStore, database: str
) -> None:
    turn = a_turn()
    assert turn.turn_id is not None
    await store.begin(a_turn(), "ada")  # a connection is there: what is cut is the answer
    for step, call in (("begin", store.begin(turn, "ada")), ("finish", store.finish(turn.turn_id, ANSWER))):
        line.cut_after = 0 if step == lost else None
        await call
        assert line.cut_after is None
    messages = f"SELECT message->>'type' FROM chat_history WHERE turn_id = '{turn.turn_id}' ORDER BY id"
    assert await query(database, messages) == [("human",), ("ai",)]
    attempts = f"SELECT state, attempt FROM turn WHERE id = '{turn.turn_id}'"
    assert await query(database, attempts) == [("complete", 1)]


@pytest.mark.fault(24)
async def test_24_exhausted_pool_refuses_after_a_bounded_wait(pool: AsyncConnectionPool, runner: TurnRunner) -> None:
    held = [await pool.getconn() for _ in range(pool.max_size)]
    queries = [asyncio.create_task(connection.execute("SELECT pg_sleep(60)")) for connection in held]
    pool.timeout = 1.0
    began = time.monotonic()
    with pytest.raises(StorageUnavailable) as refused:
        await reply_to(runner, a_turn())
    assert time.monotonic() - began < 3
    assert refused.value.retry_after
    await asyncio.gather(*(connection.cancel_safe() for connection in held))
    await asyncio.gather(*queries, return_exceptions=True)
    for connection in held:
        await pool.putconn(connection)
    assert (await reply_to(runner, a_turn()))["outcome"] == "answered"


@pytest.mark.slow
async def test_database_that_falls_silent_is_given_up_and_found_again(
    line: TcpProxy, store: PostgresMessageStore
) -> None:
    await store.begin(a_turn(), "ada")
    line.silent = True
    began = time.monotonic()
    with pytest.raises(StorageUnavailable):
        await store.begin(a_turn(), "ada")
    assert time.monotonic() - began < 30
    line.silent = False
    assert isinstance(await store.begin(a_turn(), "ada"), Begun)


async def test_remote_database_without_turns_is_left_asleep_until_one_comes(
    far_storage: Storage, health: Health, line: TcpProxy
) -> None:
    store = await far_storage.store()
    assert (await found(health))["status"] == "connected"
    far_storage.asleep_after = 0.0
    await line.refuse()  # whoever asked it would find it gone
    before = line.connections
    for _ in range(3):
        assert (await found(health))["status"] == "asleep"
    assert (health.is_down("postgres"), line.connections) == (False, before)
    await line.accept()
    assert isinstance(await store.begin(a_turn(), "ada"), Begun)
    far_storage.asleep_after = 120.0
    assert (await found(health))["status"] == "connected"


async def test_remote_database_that_failed_a_turn_is_asked_at_once(
    far_storage: Storage, health: Health, line: TcpProxy
) -> None:
    store = await far_storage.store()
    assert (await found(health))["status"] == "connected"
    far_storage._pool.timeout = 1.0
    await line.refuse()
    with pytest.raises(StorageUnavailable):
        await store.begin(a_turn(), "ada")
    assert (await found(health))["status"] == "disconnected"
    await line.accept()
    assert (await found(health))["status"] == "connected"
