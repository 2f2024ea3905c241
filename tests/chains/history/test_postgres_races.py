"""Simultaneous copies, lost connections and lost processes."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from asking import WHOLE, ids_of
from fakes import a_turn, eventually
from psycopg_pool import AsyncConnectionPool

from chains.embedded_postgres import EmbeddedPostgres
from chains.errors import ConversationBusy, StorageUnavailable, TurnLost
from chains.history import Beginning, Begun, Joined, Refused, Replay
from chains.history_pool import connection_pool
from chains.history_statements import BEGIN
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio


async def fetch(pool: AsyncConnectionPool, query: str, *values: Any) -> list[Any]:
    async with pool.connection() as connection:
        return await (await connection.execute(cast("Any", query), values)).fetchall()


async def test_simultaneous_copies_make_one_turn(migrated: str) -> None:
    """300 first turns, each sent four times at once over connections of their own."""
    pools = [connection_pool(migrated, max_size=1) for _ in range(4)]
    stores = [PostgresMessageStore(pool) for pool in pools]
    await asyncio.gather(*(pool.open(wait=True) for pool in pools))
    for _ in range(300):
        copy = ChatTurn(question="How do I roll back?", turn_id=uuid4())
        beginnings = await asyncio.gather(*(store.begin(copy, "ada") for store in stores))
        assert sorted(type(beginning).__name__ for beginning in beginnings) == ["Begun", "Joined", "Joined", "Joined"]
        winner = next(
            store for store, beginning in zip(stores, beginnings, strict=True) if isinstance(beginning, Begun)
        )
        await winner.finish(cast("UUID", copy.turn_id), WHOLE)
    for table, rows in (("conversation", 300), ("turn", 300), ("chat_history", 600)):
        assert await fetch(pools[0], f"SELECT count(*) FROM {table}") == [(rows,)]
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_simultaneous_turns_of_one_conversation_run_one_at_a_time(migrated: str) -> None:
    pools = [connection_pool(migrated, max_size=1) for _ in range(4)]
    await asyncio.gather(*(pool.open(wait=True) for pool in pools))
    stores = [PostgresMessageStore(pool) for pool in pools]
    conversation = uuid4()
    for _ in range(100):
        turns = [a_turn(f"Question {number}?", conversation_id=conversation) for number in range(4)]
        beginnings = await asyncio.gather(
            *(store.begin(turn, "ada") for store, turn in zip(stores, turns, strict=True))
        )
        assert [type(beginning) for beginning in beginnings].count(Begun) == 1
        assert all(isinstance(b, Begun) or _is_busy(b) for b in beginnings)
        for store, beginning in zip(stores, beginnings, strict=True):
            if isinstance(beginning, Begun):
                await store.finish(ids_of(beginning.turn)[0], WHOLE)
    await asyncio.gather(*(pool.close() for pool in pools))


def _is_busy(beginning: Beginning) -> bool:
    return isinstance(beginning, Refused) and isinstance(beginning.error, ConversationBusy)


async def test_storm_of_beginnings_and_endings_keeps_one_order(migrated: str) -> None:
    """Beginnings, endings and copies of turns of one conversation from five connections: no deadlock, and each one
    that begins is told all complete turns before it."""
    pools = [connection_pool(migrated, max_size=1) for _ in range(5)]
    await asyncio.gather(*(pool.open(wait=True) for pool in pools))
    conversation, told = uuid4(), []

    async def ask(store: PostgresMessageStore, name: int) -> None:
        for number in range(20):
            turn = a_turn(f"{name}/{number}", conversation_id=conversation)
            beginning = await store.begin(turn, "ada")
            while not isinstance(beginning, Begun):
                beginning = await store.begin(turn, "ada")
            told.append([message.content for message in beginning.history[::2]])
            await asyncio.gather(store.begin(turn, "ada"), store.finish(ids_of(turn)[0], WHOLE))

    await asyncio.gather(*(ask(PostgresMessageStore(pool), name) for name, pool in enumerate(pools)))
    rows = await fetch(pools[0], "SELECT message->'data'->>'content' FROM chat_history ORDER BY id")
    questions = [row[0] for row in rows[::2]]
    assert len(questions) == 100
    assert {row[0] for row in rows[1::2]} == {WHOLE["answer"]}
    assert told == [questions[max(0, number - 6) : number] for number in range(100)]
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_turn_that_was_taken_over_is_not_overwritten(pool: AsyncConnectionPool) -> None:
    slow, quick = PostgresMessageStore(pool, lease=-1), PostgresMessageStore(pool)
    turn = a_turn()
    await slow.begin(turn, "ada")
    await quick.begin(turn, "ada")
    with pytest.raises(TurnLost):
        await slow.finish(ids_of(turn)[0], ReplyPart(answer="Late.", outcome="answered"))
    assert await quick.begin(turn, "ada") == Joined(ids_of(turn)[0])
    await quick.finish(ids_of(turn)[0], WHOLE)
    replay = await quick.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert replay.reply["answer"] == WHOLE["answer"]


async def test_dead_connections_cost_no_turn(pool: AsyncConnectionPool, postgres: PostgresMessageStore) -> None:
    turn = a_turn()
    await asyncio.gather(*(postgres.begin(a_turn(), "ada") for _ in range(5)))
    await _cut_all(pool)
    assert isinstance(await postgres.begin(turn, "ada"), Begun)
    await _cut_all(pool)
    await postgres.finish(ids_of(turn)[0], WHOLE)
    assert isinstance(await postgres.begin(turn, "ada"), Replay)


async def _cut_all(pool: AsyncConnectionPool) -> None:
    async with await psycopg.AsyncConnection.connect(pool.conninfo, autocommit=True) as connection:  # type: ignore[arg-type]
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_beginning_whose_reply_was_lost_begins(pool: AsyncConnectionPool, postgres: PostgresMessageStore) -> None:
    """The statement is repeated as it is: a copy of it that was committed already is recognised as this call's."""
    values = postgres._question_of(a_turn(), "ada")
    first = await postgres.ask(BEGIN, values)
    again = await postgres.ask(BEGIN, values)
    assert [(row["mine"], row["attempt"], row["outdated"]) for row in (*first, *again)] == [(True, 1, False)] * 2
    assert await fetch(pool, "SELECT count(*) FROM chat_history") == [(1,)]


async def test_killed_server_is_unavailable_and_then_back(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    dsn = await asyncio.to_thread(postgres.start)
    await asyncio.to_thread(migrate, dsn)
    async with connection_pool(dsn) as pool:
        store = PostgresMessageStore(pool)
        kept, lost = a_turn(), a_turn()
        await store.begin(kept, "ada")
        os.kill(int((postgres.cluster / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        refusal = await eventually(partial(_unavailable, store))  # a backend outlives the server for a moment
        assert refusal.retry_after
        await eventually(partial(asyncio.to_thread, postgres.ensure_running))
        assert isinstance(await store.begin(lost, "ada"), Begun)
        await store.finish(ids_of(kept)[0], WHOLE)
        assert isinstance(await store.begin(kept, "ada"), Replay)
    await asyncio.to_thread(postgres.stop)


async def _unavailable(store: PostgresMessageStore) -> StorageUnavailable | None:
    try:
        await store.begin(a_turn(), "ada")
    except StorageUnavailable as error:
        return error
    return None
