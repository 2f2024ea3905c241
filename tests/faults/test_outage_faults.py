"""A Postgres that goes away for a while: turns are taken, told so, and stored once and in order when it is back.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio

import pytest
from fakes import FakeChain, a_turn
from outages import ANSWER, all_stored, query, told
from psycopg_pool import AsyncConnectionPool
from tcp_proxy import TcpProxy

from app.turns.outage import OutageStore
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.errors import StorageUnavailable
from chains.history import Begun
from chains.postgres_history import PostgresMessageStore
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

HISTORY = """
SELECT m.message->'data'->>'content' FROM chat_history m JOIN turn t ON t.id = m.turn_id
WHERE t.conversation_id = '{}' ORDER BY m.id
"""


@pytest.mark.fault(19)
async def test_19_database_dies_between_question_and_answer(line: TcpProxy, store: OutageStore, database: str) -> None:
    """The reader has his answer; it is stored once, after the database's return."""
    chain = FakeChain(ANSWER, 0.3)
    runner = TurnRunner(chain.as_runnable(), store)
    turn = a_turn()
    running = asyncio.create_task(told(runner, turn))
    await chain.silent.wait()
    await line.refuse()
    parts = await running
    assert (parts[0]["durability"], parts[-1]["outcome"]) == ("stored", "answered")
    assert turn.turn_id
    assert store.holds(turn.turn_id)
    await line.accept()
    await all_stored(store)
    assert await query(database, HISTORY.format(turn.conversation_id)) == [(turn.question,), ("Roll back.",)]
    state = f"SELECT state, attempt FROM turn WHERE id = '{turn.turn_id}'"
    assert await query(database, state) == [("complete", 1)]


@pytest.mark.fault(19)
async def test_19_conversation_goes_on_through_an_outage_and_is_stored_in_order(
    line: TcpProxy, store: OutageStore, database: str
) -> None:
    runner = TurnRunner(FakeChain(ANSWER).as_runnable(), store)
    first = a_turn("One?")
    await told(runner, first)
    await line.refuse()
    for question in ("Two?", "Three?", "Four?"):
        parts = await told(runner, a_turn(question, conversation_id=first.conversation_id))
        assert (parts[0]["durability"], parts[-1]["outcome"]) == ("buffered", "answered")
    await line.accept()
    await all_stored(store)
    asked = [text for (text,) in await query(database, HISTORY.format(first.conversation_id))]
    assert asked == ["One?", "Roll back.", "Two?", "Roll back.", "Three?", "Roll back.", "Four?", "Roll back."]
    assert not store.away
    parts = await told(runner, a_turn("Five?", conversation_id=first.conversation_id))
    assert parts[0]["durability"] == "stored"


@pytest.mark.fault(19)
@pytest.mark.parametrize("answers_let_through", range(6))
async def test_19_line_that_is_cut_while_turns_are_stored_late_doubles_nothing(
    answers_let_through: int, line: TcpProxy, store: OutageStore, database: str
) -> None:
    """The database commits and its answer is lost, at each step of the flush in turn, and again on the second try."""
    runner = TurnRunner(FakeChain(ANSWER).as_runnable(), store)
    await line.refuse()
    first = a_turn("One?")
    await told(runner, first)
    await told(runner, a_turn("Two?", conversation_id=first.conversation_id))
    line.cut_after = 400 * answers_let_through  # an answer to a connection or a statement has about so many bytes
    await line.accept()
    await all_stored(store)
    texts = [text for (text,) in await query(database, HISTORY.format(first.conversation_id))]
    assert texts == ["One?", "Roll back.", "Two?", "Roll back."]
    assert await query(database, "SELECT count(*) FROM turn WHERE state = 'complete'") == [(2,)]


@pytest.mark.fault(19)
async def test_19_turns_that_another_replica_stored_meanwhile_come_first(
    line: TcpProxy, store: OutageStore, other_replica: PostgresMessageStore, database: str
) -> None:
    runner = TurnRunner(FakeChain(ANSWER).as_runnable(), store)
    first = a_turn("One?")
    await told(runner, first)
    await line.refuse()
    late = a_turn("Late?", conversation_id=first.conversation_id)
    twice = a_turn("Asked of both?")
    await told(runner, late)
    await told(runner, twice)
    async with other_replica._pool:
        meanwhile = a_turn("Meanwhile?", conversation_id=first.conversation_id)
        for turn in (meanwhile, twice):
            await other_replica.begin(turn, "ada")
            assert turn.turn_id
            await other_replica.finish(turn.turn_id, ReplyPart(answer="The other's.", outcome="answered"))
        await line.accept()
        await all_stored(store)
    texts = [text for (text,) in await query(database, HISTORY.format(first.conversation_id))]
    assert texts == ["One?", "Roll back.", "Meanwhile?", "The other's.", "Late?", "Roll back."]
    assert [text for (text,) in await query(database, HISTORY.format(twice.conversation_id))][1] == "The other's."
    assert store.buffer.stats.refused == 1


@pytest.mark.fault(19)
async def test_19_reply_whose_turn_was_given_up_elsewhere_meanwhile_is_stored_all_the_same(
    line: TcpProxy, pool: AsyncConnectionPool, other_replica: PostgresMessageStore, database: str
) -> None:
    """The reader was told that his answer is kept; the outage outlasts the lease, and another replica goes on."""
    store = OutageStore(PostgresMessageStore(pool, lease=0.0))
    turn = a_turn("One?")
    following = a_turn("Two?", conversation_id=turn.conversation_id)
    assert turn.turn_id
    assert following.turn_id
    await store.begin(turn, "ada")
    await line.refuse()
    assert await store.finish(turn.turn_id, ANSWER) == "buffered"
    async with other_replica._pool:
        assert isinstance(await other_replica.begin(following, "ada"), Begun)
        await other_replica.finish(following.turn_id, ReplyPart(answer="Forward.", outcome="answered"))
        await line.accept()
        await all_stored(store)
    texts = [text for (text,) in await query(database, HISTORY.format(turn.conversation_id))]
    assert texts == ["Two?", "Forward.", "One?", "Roll back."]
    assert await query(database, "SELECT count(*) FROM turn WHERE state = 'complete'") == [(2,)]
    await store.close(0.1)


@pytest.mark.fault(19)
async def test_19_stolen_conversation_does_not_get_in(
    line: TcpProxy, store: OutageStore, other_replica: PostgresMessageStore, database: str
) -> None:
    adas = a_turn("Ada's?")
    async with other_replica._pool:
        await other_replica.begin(adas, "ada")
    await line.refuse()
    runner = TurnRunner(FakeChain(ANSWER).as_runnable(), store)
    with pytest.raises(StorageUnavailable):
        await runner.accept(a_turn("Eve's?", conversation_id=adas.conversation_id), Visitor("eve"))
    forged = await runner.accept(adas.model_copy(update={"question": "Eve's?"}), Visitor("eve"))
    await forged.reply()
    assert store.buffer.stats.waiting == 1
    await line.accept()
    await all_stored(store)
    assert store.buffer.stats.refused == 1
    assert await query(database, HISTORY.format(adas.conversation_id)) == [("Ada's?",)]
