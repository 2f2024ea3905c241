"""A Postgres that stays away, or whose connections are all taken: what is kept for it has bounds, and nobody hangs.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio
import os
import time
from uuid import uuid4

import psutil
import pytest
from fakes import FakeChain, a_turn, eventually
from outages import ANSWER, all_stored, told
from psycopg_pool import AsyncConnectionPool
from tcp_proxy import TcpProxy

from app.turns.outage import OutageStore
from app.turns.outage_buffer import OutageBuffer
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.errors import StorageUnavailable
from chains.history import Begun, Replay
from chains.postgres_history import PostgresMessageStore

pytestmark = pytest.mark.anyio


@pytest.mark.fault(20)
async def test_20_full_buffer_refuses_and_memory_stays(line: TcpProxy, pool: AsyncConnectionPool) -> None:
    store = OutageStore(PostgresMessageStore(pool), OutageBuffer(turns_limit=200))
    runner = TurnRunner(FakeChain(ANSWER + {"answer": "x" * 5_000}).as_runnable(), store)
    await line.refuse()
    for _ in range(200):
        assert (await told(runner, a_turn()))[-1]["outcome"] == "answered"
    before = psutil.Process(os.getpid()).memory_info().rss
    began = time.monotonic()
    for _ in range(2_000):
        with pytest.raises(StorageUnavailable) as refused:
            await runner.accept(a_turn("What?" * 500), Visitor("ada"))
        assert refused.value.retry_after
    assert (time.monotonic() - began) / 2_000 < 0.05
    assert psutil.Process(os.getpid()).memory_info().rss - before < 5_000_000
    assert store.buffer.stats.waiting == 200
    await line.accept()
    await all_stored(store)
    assert store.buffer.stats.stored_late == 200
    assert (await told(runner, a_turn()))[0]["durability"] == "stored"


@pytest.mark.fault(24)
async def test_24_exhausted_pool_buffers_what_it_knows_and_nobody_hangs(
    pool: AsyncConnectionPool, store: OutageStore
) -> None:
    held = [await pool.getconn() for _ in range(pool.max_size)]
    runner = TurnRunner(FakeChain(ANSWER).as_runnable(), store)
    began = time.monotonic()
    replies = await asyncio.gather(*(told(runner, a_turn()) for _ in range(20)))
    assert {parts[0]["durability"] for parts in replies} == {"buffered"}
    with pytest.raises(StorageUnavailable):
        await runner.accept(a_turn(conversation_id=uuid4()), Visitor("ada"))
    assert time.monotonic() - began < 10
    for connection in held:
        await pool.putconn(connection)
    await all_stored(store)


@pytest.mark.fault(18, 19)
async def test_19_reply_lost_with_the_process_leaves_a_turn_that_can_be_asked_again(
    line: TcpProxy, pool: AsyncConnectionPool, database: str
) -> None:
    """The process ends while the database is away: what waited is counted, and asked again it is answered."""
    store = OutageStore(PostgresMessageStore(pool, lease=0.0))
    turn = a_turn()
    assert turn.turn_id
    await store.begin(turn, "ada")
    await line.refuse()
    await store.finish(turn.turn_id, ANSWER)
    await store.close(0.1)
    assert store.buffer.stats.lost == 1
    await line.accept()
    after = PostgresMessageStore(pool)

    async def begun() -> object:
        try:
            return await after.begin(turn, "ada")
        except StorageUnavailable:
            return None

    assert isinstance(await eventually(begun), Begun)
    await after.finish(turn.turn_id, ANSWER)
    assert isinstance(await after.begin(turn, "ada"), Replay)
