"""What is erased while the database is away, or while another replica still writes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fakes import FakeChain, a_turn, eventually
from tcp_proxy import TcpProxy

from app.erasure import Erasure
from app.gate.gate import Gate
from app.health import Health
from app.settings import Settings
from app.storage import Storage
from app.turns.limits import TurnLimits
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.errors import NotFound, StorageUnavailable
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio

ADA, EVE = Visitor("ada"), Visitor("eve")
ANSWER = ReplyPart(answer="Roll back.", outcome="answered", grounded=True, model="fake")
SILENCE = 60.0
COUNT = """
SELECT (SELECT count(*) FROM conversation) + (SELECT count(*) FROM turn) + (SELECT count(*) FROM chat_history) AS rows
"""


@pytest.fixture
def settings(far_database: str, tmp_path: Path) -> Settings:
    return Settings(database_url=far_database, data_dir=tmp_path, docs=tmp_path)


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[Storage]:
    storage = Storage(settings, Health(60))
    opening = asyncio.create_task(storage.open())
    yield storage
    opening.cancel()
    await storage.close()


async def runner_of(storage: Storage, *script: Any) -> TurnRunner:
    store, journal = await storage.outage_store(), await storage.journal()
    return TurnRunner(FakeChain(*script).as_runnable(), store, TurnLimits(coalesce=0.0), journal=journal)


def erasure_of(storage: Storage, settings: Settings, *runners: TurnRunner) -> Erasure:
    return Erasure(storage, runners, Gate(settings, lambda: storage.pool))


async def ask(runner: TurnRunner, turn: ChatTurn, visitor: Visitor = ADA) -> ReplyPart:
    return await (await runner.accept(turn, visitor)).reply()


async def rows(storage: Storage) -> int:
    ((only,),) = [row.values() for row in await (await storage.store()).ask(COUNT, {})]
    return int(only)


async def test_erasure_is_refused_while_the_database_is_away_and_then_complete(
    storage: Storage, settings: Settings, line: TcpProxy
) -> None:
    runner = await runner_of(storage, ANSWER)
    erasure, outage = erasure_of(storage, settings, runner), await storage.outage_store()
    first = a_turn()
    await ask(runner, first)
    await line.refuse()
    reply = await ask(runner, a_turn(conversation_id=first.conversation_id))
    new = await ask(runner, a_turn())
    assert {reply["durability"], new["durability"]} == {"buffered"}
    for conversation in (first.conversation_id, UUID(new["conversation_id"]), None):
        with pytest.raises(StorageUnavailable) as refused:
            await erasure.erase(ADA, conversation)
        assert refused.value.retry_after
    assert outage.buffer.stats.waiting == 2
    assert not await outage_knows(storage, EVE)
    await line.accept()

    async def erased() -> bool:
        try:
            return await erasure.erase(ADA)
        except StorageUnavailable:
            return False

    await eventually(erased)
    assert not await outage_knows(storage, ADA)
    assert await outage.flush()
    await ask(runner, a_turn(), EVE)
    assert await rows(storage) == 4  # hers: a conversation, a turn and two messages


async def outage_knows(storage: Storage, visitor: Visitor) -> bool:
    return bool((await storage.outage_store()).buffer.known.of(visitor.id))


async def test_conversation_that_waits_is_erased_before_it_is_stored(storage: Storage, settings: Settings) -> None:
    runner = await runner_of(storage, ANSWER)
    erasure, outage = erasure_of(storage, settings, runner), await storage.outage_store()
    outage.away = True
    turn = a_turn()
    assert (await ask(runner, turn))["durability"] == "buffered"
    outage.away = False  # it has come back, and nothing is stored yet
    assert turn.conversation_id
    assert not await erasure.erase(EVE, turn.conversation_id)
    assert outage.buffer.stats.waiting == 1
    assert await erasure.erase(ADA, turn.conversation_id)
    assert (outage.buffer.stats.waiting, outage.buffer.stats.bytes) == (0, 0)
    assert await outage.flush()
    assert await rows(storage) == 0
    with pytest.raises(NotFound):
        await runner.resume(turn.turn_id or UUID(int=0), ADA, 0)


async def test_turn_of_another_replica_is_stopped_and_leaves_nothing(storage: Storage, settings: Settings) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), SILENCE)
    store, journal = await storage.outage_store(), await storage.journal()
    elsewhere = TurnRunner(chain.as_runnable(), store, TurnLimits(coalesce=0.0), journal=journal)
    turn = a_turn()
    running = await elsewhere.accept(turn, ADA)
    reading = asyncio.create_task(running.reply())
    await chain.silent.wait()
    assert not await erasure_of(storage, settings).erase(EVE, turn.conversation_id)
    assert chain.closed == 0
    assert await erasure_of(storage, settings).erase(ADA, turn.conversation_id)
    assert chain.closed == 1
    assert (await reading)["outcome"] == "cancelled"
    await elsewhere.aclose()
    assert await rows(storage) == 0
