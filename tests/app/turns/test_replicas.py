"""Two replicas over one Postgres: read on, stopped, and asked again at the other one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import reduce
from typing import Any
from uuid import uuid4

import pytest
from fakes import a_turn, eventually
from replicas import ADA, EVE, FAST, Replica, end_leases, query, two_replicas

from app.turns.limits import TurnLimits
from chains.errors import ConversationBusy, NotFound, TurnIdReuse
from chains.history_messages import TurnState
from chains.migrations import migrate
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

Pair = tuple[Replica, Replica]


@pytest.fixture
def tables(database: str) -> str:
    migrate(database)
    return database


@pytest.fixture
async def pair(tables: str) -> AsyncIterator[Pair]:
    async with two_replicas(tables) as replicas:
        yield replicas


def fold(parts: list[ReplyPart]) -> ReplyPart:
    return reduce(ReplyPart.__add__, parts, ReplyPart())


def seqs(parts: list[ReplyPart]) -> list[int]:
    return [part["seq"] for part in parts]


async def stored(database: str, turn: Any) -> tuple[Any, ...]:
    (row,) = await query(database, f"SELECT state, reply->>'answer' FROM turn WHERE id = '{turn.turn_id}'")
    return row


async def test_reader_goes_on_at_the_other_replica(pair: Pair) -> None:
    here, there = pair
    turn = a_turn()
    running = await here.accept(turn)
    (call := await here.chain.call(turn.turn_id)).say("Roll ")
    first = await here.read(running, parts=3)
    whole = here.read(running)
    rest = there.read(await there.resume(turn, after=3), after=3)
    call.say("back.", " [1]")
    call.end()
    assert first + await rest == await whole
    assert seqs(first + await rest) == list(range(1, len(await whole) + 1))
    assert fold(await whole)["answer"] == "Roll back. [1]"
    assert await stored(here.database, turn) == ("complete", "Roll back. [1]")


@pytest.mark.parametrize("after", [0, 2, 4])
async def test_ended_turn_is_read_from_the_journal_at_the_other_replica(pair: Pair, after: int) -> None:
    here, there = pair
    turn = a_turn()
    whole = here.read(await here.accept(turn))
    call = await here.chain.call(turn.turn_id)
    call.say("Roll ", "back.")
    call.end()
    parts = await whole
    assert await there.read(await there.resume(turn, after), after) == parts[after:]


async def test_nobody_else_reads_or_stops_it_at_the_other_replica(pair: Pair) -> None:
    here, there = pair
    turn = a_turn()
    await here.accept(turn)
    for attempt in (there.resume(turn, 0, EVE), there.cancel(turn, EVE), there.accept(turn, EVE)):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(NotFound):
        await there.resume(a_turn(), 0)


async def test_cancel_at_the_other_replica_wins(pair: Pair) -> None:
    here, there = pair
    turn = a_turn()
    reader = here.read(await here.accept(turn))
    call = await here.chain.call(turn.turn_id)
    call.say("Roll ")
    assert await there.cancel(turn) is TurnState.CANCELLED
    parts = await reader
    assert (parts[-1]["outcome"], call.open) == ("cancelled", False)
    assert await stored(here.database, turn) == ("cancelled", "Roll ")
    assert await there.read(await there.resume(turn)) == parts
    assert await there.cancel(turn) is TurnState.CANCELLED


async def test_conversation_has_one_running_turn_over_both(pair: Pair) -> None:
    here, there = pair
    turn = a_turn()
    running = await here.accept(turn)
    with pytest.raises(ConversationBusy) as refused:
        await there.accept(a_turn("And then?", conversation_id=turn.conversation_id))
    assert refused.value.retry_after
    (await here.chain.call(turn.turn_id)).end()
    await here.read(running)
    following = a_turn("And then?", conversation_id=turn.conversation_id)
    reader = there.read(await there.accept(following))
    (await there.chain.call(following.turn_id)).end()
    assert (await reader)[-1]["outcome"] == "answered"
    asked = "SELECT message->'data'->>'content' FROM chat_history WHERE message->>'type' = 'human' ORDER BY id"
    assert await query(here.database, asked) == [(turn.question,), ("And then?",)]


async def test_same_turn_is_joined_at_the_other_and_replayed_after_its_end(pair: Pair) -> None:
    here, there = pair
    turn = a_turn()
    reader = here.read(await here.accept(turn))
    call = await here.chain.call(turn.turn_id)
    call.say("Roll back.")
    joined = there.read(await there.accept(turn))
    call.end()
    assert await joined == await reader
    replayed = await there.read(await there.accept(turn))
    assert fold(replayed)["answer"] == "Roll back."
    assert (len(here.chain.calls), len(there.chain.calls)) == (1, 0)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("other", [{"question": "And else?"}, {"conversation_id": uuid4()}])
async def test_other_content_under_the_same_id_is_refused(pair: Pair, other: dict[str, Any], ended: bool) -> None:
    here, there = pair
    turn = a_turn()
    reader = here.read(await here.accept(turn))
    if ended:
        (await here.chain.call(turn.turn_id)).end()
        await reader
    with pytest.raises(TurnIdReuse):
        await there.accept(turn.model_copy(update=other))


async def test_simultaneous_copies_at_both_make_one_call(pair: Pair) -> None:
    turn = a_turn()
    turns = await asyncio.gather(*(replica.accept(turn) for replica in pair * 5))
    calls = [call for replica in pair for call in replica.chain.calls]
    (call,) = calls or [await pair[0].chain.call(turn.turn_id)]
    readers = [replica.read(each) for replica, each in zip(pair * 5, turns, strict=True)]
    call.say("Once.")
    call.end()
    assert {fold(await reader)["answer"] for reader in readers} == {"Once."}
    assert sum(len(replica.chain.calls) for replica in pair) == 1


async def test_reader_elsewhere_keeps_a_turn_alive(tables: str) -> None:
    async with two_replicas(tables, limits=TurnLimits(coalesce=0.0, resume_grace=0.3)) as (here, there):
        turn = a_turn()
        running = await here.accept(turn)
        await here.read(running, parts=1)
        reader = there.read(await there.resume(turn))
        call = await here.chain.call(turn.turn_id)
        for _ in range(10):  # three times the grace
            await asyncio.sleep(0.1)
            call.say("On. ")
        call.end()
        assert (await reader)[-1]["outcome"] == "answered"


async def test_turn_may_run_longer_than_a_lease(tables: str) -> None:
    times = type(FAST)(lease=0.6, tick=0.02, beat=0.05, poll=0.02, settled=5.0)
    async with two_replicas(tables, times=times) as (here, there):
        turn = a_turn()
        reader = here.read(await here.accept(turn))
        call = await here.chain.call(turn.turn_id)
        for _ in range(4):
            await asyncio.sleep(0.3)
            with pytest.raises(ConversationBusy):
                await there.accept(a_turn(conversation_id=turn.conversation_id))
        call.end()
        assert (await reader)[-1]["outcome"] == "answered"


async def test_replica_that_was_cut_off_too_long_has_lost_its_turn(pair: Pair) -> None:
    """Another process has the conversation by then: what the first one has to say changes nothing any more."""
    here, there = pair
    turn = a_turn()
    reader = here.read(await here.accept(turn))
    call = await here.chain.call(turn.turn_id)
    call.say("Roll ")

    async def journaled() -> Any:
        return await query(here.database, 'SELECT 1 FROM journal WHERE parts @> \'[{"answer": "Roll "}]\'')

    await eventually(journaled)
    await here.line.refuse()
    await end_leases(here.database)
    following = a_turn("And then?", conversation_id=turn.conversation_id)
    running = await there.accept(following)
    assert await stored(here.database, turn) == ("partial", "Roll ")
    await here.line.accept()
    parts = await reader
    assert (parts[-1]["outcome"], parts[-1]["partial"], call.open) == ("failed", True, False)
    assert await stored(here.database, turn) == ("partial", "Roll ")
    (await there.chain.call(following.turn_id)).end()
    assert (await there.read(running))[-1]["outcome"] == "answered"
    assert ADA.id in str(await query(here.database, "SELECT owner FROM turn"))


async def test_turn_that_was_begun_anew_elsewhere_is_left_to_its_new_owner(pair: Pair) -> None:
    here, there = pair
    turn = a_turn()
    reader = here.read(await here.accept(turn))
    call = await here.chain.call(turn.turn_id)
    await here.line.refuse()
    await end_leases(here.database)
    running = await there.accept(turn)
    call.say("Of the first one.")
    await here.line.accept()
    assert (await reader)[-1]["outcome"] == "failed"
    assert await stored(here.database, turn) == ("running", None)
    joined = here.read(await here.accept(turn))  # the new one, not what is left of the first
    anew = await there.chain.call(turn.turn_id)
    anew.say("Of the second one.")
    anew.end()
    for parts in (await there.read(running), await joined):
        assert (fold(parts)["answer"], parts[-1]["outcome"]) == ("Of the second one.", "answered")
    assert await stored(here.database, turn) == ("complete", "Of the second one.")
