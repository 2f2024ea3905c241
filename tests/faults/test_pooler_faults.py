"""PgBouncer in transaction mode: each transaction has another session, so that nothing may be kept in one."""

from __future__ import annotations

import asyncio
import logging

import psycopg
import pytest
from fakes import a_turn

from chains.history import Begun
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio

ANSWER = ReplyPart(answer="Roll back.", outcome="answered", grounded=True, model="fake")
STATEMENTS = [f"SELECT {n}, %s::int" for n in range(4)]


@pytest.mark.fault(23)
@pytest.mark.parametrize("told", [True, False], ids=["told", "noticed"])
async def test_23_300_simultaneous_turns_over_8_clients_lose_nothing(
    told: bool, pooled_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = pooled_database if told else pooled_database.partition("?")[0]
    async with connection_pool(url, max_size=8) as pool:
        pool.timeout = 60  # seconds, on a busy machine: how fast is asked elsewhere
        store = PostgresMessageStore(pool)
        with caplog.at_level(logging.WARNING):
            await asyncio.gather(*(_ask(store, a_turn()) for _ in range(300)))
        async with pool.connection() as connection:
            row = await (await connection.execute("SELECT state, count(*) FROM turn GROUP BY state")).fetchone()
            prepares = connection.prepare_threshold
    assert (row, prepares) == (("complete", 300), None)
    assert "Postgres was lost" not in caplog.text


async def _ask(store: PostgresMessageStore, turn: ChatTurn) -> None:
    assert isinstance(await store.begin(turn, "ada"), Begun)
    assert turn.turn_id is not None
    await store.finish(turn.turn_id, ANSWER)


@pytest.mark.fault(23)
@pytest.mark.parametrize(("threshold", "fails"), [(None, False), (5, True), (0, True)])
async def test_23_prepared_statements_are_what_fails_there(
    threshold: int | None, fails: bool, pooled_database: str
) -> None:
    """320 queries over 8 clients. psycopg's 0 is a trap: it prepares at once, where None never does."""
    dsn = pooled_database.partition("?")[0]
    clients = [
        await psycopg.AsyncConnection.connect(dsn, autocommit=True, prepare_threshold=threshold) for _ in range(8)
    ]
    failures = sum(await asyncio.gather(*(_failures(client, number) for number, client in enumerate(clients))))
    for client in clients:
        await client.close()
    assert (failures > 0) == fails


async def _failures(client: psycopg.AsyncConnection, number: int) -> int:
    """Of 40 queries; every client begins with another one, so that the same name stands for another statement."""
    failures = 0
    for n in range(40):
        try:
            await client.execute(STATEMENTS[(number + n // 10) % 4], (n,))
        except psycopg.Error:
            failures += 1
    return failures


async def test_nothing_is_left_in_the_sessions_of_others(pooled_database: str) -> None:
    async with connection_pool(pooled_database.partition("?")[0]) as unmarked, unmarked.connection():
        pass
    async with connection_pool(pooled_database) as marked, marked.connection() as connection:
        row = await (await connection.execute("SELECT current_setting('statement_timeout')")).fetchone()
    assert row == ("0",)


async def test_migrate_by_several_at_once_through_the_pooler(pgbouncer: str, database: str) -> None:
    url = f"{pgbouncer}/{database.rpartition('/')[2].partition('?')[0]}?pgbouncer=true"
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(3)))
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM docent_revision").fetchone() == (1,)
