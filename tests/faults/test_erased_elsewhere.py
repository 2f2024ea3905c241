"""What a reader has erased at one replica does not come back from the memory of another one that had no database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from fakes import a_turn, eventually
from outages import ANSWER
from psycopg_pool import AsyncConnectionPool
from replicas import query
from tcp_proxy import TcpProxy

from app.store_erasure import REMEMBER, REMEMBERED_FOR, erase_conversations
from app.turns.outage import OutageStore
from chains.errors import TurnLost
from chains.history import Beginning, Begun
from chains.history_pool import connection_pool
from chains.postgres_history import PostgresMessageStore
from chains.turn import ChatTurn

pytestmark = pytest.mark.anyio

ROWS = """
SELECT (SELECT count(*) FROM conversation), (SELECT count(*) FROM turn), (SELECT count(*) FROM chat_history),
       (SELECT count(*) FROM journal)
"""
NOTHING = [(0, 0, 0, 0)]


@pytest.fixture
async def here(pool: AsyncConnectionPool) -> AsyncIterator[OutageStore]:
    """The replica whose line to the database is cut at times."""
    store = OutageStore(PostgresMessageStore(pool))
    yield store
    await store.close(0.1)


@pytest.fixture
async def there(pool: AsyncConnectionPool, database: str) -> AsyncIterator[PostgresMessageStore]:
    """The replica that reaches it all the time."""
    async with connection_pool(database, max_size=2) as other:
        yield PostgresMessageStore(other)


async def ask(store: OutageStore, turn: ChatTurn) -> str:
    """The durability of a turn that is asked and answered."""
    beginning = await store.begin(turn, "ada")
    assert isinstance(beginning, Begun), beginning
    assert turn.turn_id
    await store.finish(turn.turn_id, ANSWER)
    return beginning.durability


async def come_back(line: TcpProxy, store: OutageStore) -> None:
    async def settled() -> bool:
        return not store.buffer.stats.waiting and not store.away

    await line.accept()
    await eventually(settled)


async def asked_in(database: str, conversation_id: UUID | None) -> list[Any]:
    rows = await query(database, f"SELECT id FROM turn WHERE conversation_id = '{conversation_id}'")
    return [turn_id for (turn_id,) in rows]


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("known", [True, False])
async def test_turn_that_waits_elsewhere_is_not_brought_back(
    line: TcpProxy, here: OutageStore, there: PostgresMessageStore, database: str, *, everything: bool, known: bool
) -> None:
    """Also when the database has never heard of its conversation, and its erasure found nothing."""
    first = a_turn()
    if known:
        assert await ask(here, first) == "stored"
    await line.refuse()
    late = a_turn(conversation_id=first.conversation_id) if known else first
    assert await ask(here, late) == "buffered"
    assert await erase_conversations(there, "ada", None if everything else first.conversation_id) == int(known)
    await come_back(line, here)
    assert await query(database, ROWS) == NOTHING
    assert not [text for row in here.buffer.known.of("ada") for text in row.told]


async def test_reply_that_waits_elsewhere_does_not_bring_its_question_back(
    line: TcpProxy, here: OutageStore, there: PostgresMessageStore, database: str
) -> None:
    turn = a_turn()
    assert isinstance(await here.begin(turn, "ada"), Begun)
    await line.refuse()
    assert turn.turn_id
    assert await here.finish(turn.turn_id, ANSWER) == "buffered"
    assert await erase_conversations(there, "ada", turn.conversation_id) == 1
    await come_back(line, here)
    assert await query(database, ROWS) == NOTHING


async def test_what_is_asked_after_the_erasure_stays(
    line: TcpProxy, here: OutageStore, there: PostgresMessageStore, database: str
) -> None:
    """Here, where the erasure is not known, and there, in the very conversation."""
    first = a_turn()
    await ask(here, first)
    await line.refuse()
    await ask(here, a_turn(conversation_id=first.conversation_id))
    await erase_conversations(there, "ada", first.conversation_id)
    meanwhile = a_turn(conversation_id=first.conversation_id)
    assert isinstance(await there.begin(meanwhile, "ada"), Begun)
    assert meanwhile.turn_id
    await there.finish(meanwhile.turn_id, ANSWER)
    following, other = a_turn(conversation_id=first.conversation_id), a_turn()
    assert [await ask(here, each) for each in (following, other)] == ["buffered", "buffered"]
    await come_back(line, here)
    assert await asked_in(database, first.conversation_id) == [meanwhile.turn_id, following.turn_id]
    assert await asked_in(database, other.conversation_id) == [other.turn_id]


async def test_erasure_by_another_visitor_takes_nothing(
    line: TcpProxy, here: OutageStore, there: PostgresMessageStore, database: str
) -> None:
    turn = a_turn()
    await line.refuse()
    await ask(here, turn)
    for conversation in (turn.conversation_id, None):
        assert await erase_conversations(there, "eve", conversation) == 0
    await come_back(line, here)
    assert await asked_in(database, turn.conversation_id) == [turn.turn_id]


class ErasedMeanwhile(PostgresMessageStore):
    """An erasure is known, and has looked for what to remove, while this store's own beginning is on its way."""

    async def begin(self, turn: ChatTurn, owner: str, run: UUID | None = None) -> Beginning:
        beginning = await super().begin(turn, owner, run)
        await self.ask(REMEMBER, {"owner": owner, "conversation": None, "kept": REMEMBERED_FOR})
        return beginning


async def test_turn_that_is_stored_while_it_is_erased_is_taken_back(pool: AsyncConnectionPool, database: str) -> None:
    store = OutageStore(ErasedMeanwhile(pool))
    store.away = True
    turn = a_turn()
    await store.begin(turn, "ada")
    store.away = False
    assert await store.flush()
    assert await query(database, ROWS) == NOTHING
    assert turn.turn_id
    with pytest.raises(TurnLost):
        await store.finish(turn.turn_id, ANSWER)
    assert await query(database, ROWS) == NOTHING
    await store.close(0.1)


async def test_memory_of_erasures_is_bounded(there: PostgresMessageStore, database: str) -> None:
    turn = a_turn()
    for _ in range(3):
        await asyncio.gather(*(erase_conversations(there, "ada", each) for each in (None, turn.conversation_id)))
    assert await query(database, "SELECT count(*) FROM erasure") == [(2,)]
    await query(database, "UPDATE erasure SET erased_at = now() - interval '31 days'")
    await erase_conversations(there, "eve", None)
    assert await query(database, "SELECT owner, conversation_id FROM erasure") == [("eve", None)]
