"""Turns while the database is away: taken where their owner is known, stored in order when it is back."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fakes import a_turn, eventually
from leaving_store import ANSWER, CUT, LeavingStore, ask, come_back, refusal, until_found

from app.turns.outage import OutageStore
from chains.errors import ConversationBusy, NotFound, StorageUnavailable, TurnIdReuse
from chains.history import Begun, Joined, Refused, Replay
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio


async def test_turns_asked_while_away_are_stored_in_order_when_it_is_back(
    store: OutageStore, kept: LeavingStore
) -> None:
    kept.away = True
    first = a_turn()
    turns = [first, *(a_turn(conversation_id=first.conversation_id) for _ in range(5))]
    begun = [await ask(store, turn) for turn in turns]
    assert {each.durability for each in begun} == {"buffered"}
    assert [len(each.history) for each in begun] == [0, 2, 4, 6, 8, 10]
    assert store.buffer.stats.waiting == 6
    await come_back(store, kept)
    assert kept.begun == [turn.turn_id for turn in turns]
    assert (store.buffer.stats.stored_late, store.buffer.stats.bytes) == (6, 0)
    after = await ask(store, a_turn(conversation_id=first.conversation_id))
    assert (after.durability, len(after.history)) == ("stored", 12)


async def test_only_the_first_turn_waits_for_a_database_that_is_away(store: OutageStore, kept: LeavingStore) -> None:
    kept.away = True
    for _ in range(20):
        await ask(store, a_turn())
    assert kept.asked == 1


async def test_conversation_that_was_served_here_goes_on_with_its_history(
    store: OutageStore, kept: LeavingStore
) -> None:
    first = a_turn("One?")
    await ask(store, first)
    kept.away = True
    second = await ask(store, a_turn("Two?", conversation_id=first.conversation_id))
    assert [message.text for message in second.history] == ["One?", "Roll back."]
    assert await refusal(store, a_turn(conversation_id=first.conversation_id), "eve") is NotFound


async def test_conversation_of_which_nothing_is_known_is_refused(store: OutageStore, kept: LeavingStore) -> None:
    kept.away = True
    for _ in range(2):
        with pytest.raises(StorageUnavailable) as refused:
            await store.begin(a_turn(conversation_id=uuid4()), "ada")
        assert refused.value.retry_after
    assert store.buffer.stats.waiting == 0


async def test_conversation_that_was_served_long_ago_is_refused(store: OutageStore, kept: LeavingStore) -> None:
    first = a_turn()
    await ask(store, first)
    kept.away = True
    known = store.buffer.known.get(first.conversation_id or uuid4())
    assert known
    known.served -= 3601
    with pytest.raises(StorageUnavailable):
        await store.begin(a_turn(conversation_id=first.conversation_id), "ada")


@pytest.mark.parametrize("stored", [True, False])
async def test_one_turn_runs_per_conversation_and_copies_meet(
    stored: bool, store: OutageStore, kept: LeavingStore
) -> None:
    kept.away = not stored
    turn = a_turn()
    assert isinstance(await store.begin(turn, "ada"), Begun)
    kept.away = True
    other = a_turn(conversation_id=turn.conversation_id)
    reused = turn.model_copy(update={"question": "Other words?"})
    if stored:  # that it is away is known from now on
        with pytest.raises(StorageUnavailable):
            await store.begin(a_turn(conversation_id=uuid4()), "ada")
    assert await refusal(store, other) is ConversationBusy
    assert await store.begin(turn, "ada") == Joined(turn.turn_id or uuid4())
    assert await refusal(store, reused) is TurnIdReuse
    assert await refusal(store, turn, "eve") is NotFound
    assert turn.turn_id
    await store.finish(turn.turn_id, ANSWER)
    assert store.holds(turn.turn_id)
    replay = await store.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert (replay.reply["answer"], replay.durability) == ("Roll back.", "buffered")
    await ask(store, other)
    await come_back(store, kept)
    assert kept.begun == [turn.turn_id, other.turn_id]
    assert not store.holds(turn.turn_id)


async def test_turn_id_of_another_conversation_that_waits_is_refused(store: OutageStore, kept: LeavingStore) -> None:
    first, second, eves = a_turn(), a_turn(), a_turn()
    await ask(store, second)
    await ask(store, eves, "eve")
    kept.away = True
    await ask(store, first)
    moved = a_turn(turn_id=first.turn_id, conversation_id=second.conversation_id)
    assert await refusal(store, moved) is TurnIdReuse
    stolen = a_turn(turn_id=first.turn_id, conversation_id=eves.conversation_id)
    assert await refusal(store, stolen, "eve") is NotFound


async def test_turn_that_was_cut_runs_again_under_its_id_and_is_stored_once(
    store: OutageStore, kept: LeavingStore
) -> None:
    kept.away = True
    turn = a_turn()
    await ask(store, turn, reply=CUT)
    again = await ask(store, turn)
    assert (again.restarted, again.history) == (True, [])
    assert store.buffer.stats.waiting == 1
    await come_back(store, kept)
    assert kept.begun == [turn.turn_id]
    assert [reply["answer"] for reply in kept.finished] == ["Roll back."]


async def test_turn_that_is_complete_does_not_run_again_while_the_database_is_away(
    store: OutageStore, kept: LeavingStore
) -> None:
    """Only the last reply of a conversation is remembered here; the others' readers have to come again."""
    first = a_turn()
    last = a_turn(conversation_id=first.conversation_id)
    for turn in (first, last):
        await ask(store, turn)
    kept.away = True
    replay = await store.begin(last, "ada")
    assert isinstance(replay, Replay)
    assert replay.durability == "stored"
    with pytest.raises(StorageUnavailable) as refused:
        await store.begin(first, "ada")
    assert refused.value.retry_after
    assert store.buffer.stats.waiting == 0
    await come_back(store, kept)
    assert isinstance(await store.begin(first, "ada"), Replay)


async def test_turn_that_was_cut_before_the_outage_runs_again_during_it(store: OutageStore, kept: LeavingStore) -> None:
    turn = a_turn()
    await ask(store, turn, reply=CUT)
    kept.away = True
    again = await ask(store, turn)
    assert (again.restarted, again.history) == (True, [])
    await come_back(store, kept)
    replay = await store.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert replay.reply["answer"] == "Roll back."


async def test_stolen_conversation_does_not_get_in(store: OutageStore, kept: LeavingStore) -> None:
    """Eve knows the id that a turn's new conversation gets, and names it before Ada's is known to this process."""
    adas = a_turn()
    kept.away = True
    await ask(store, adas, "eve")
    kept.away = False
    await kept.begin(adas, "ada")  # by another process
    await come_back(store, kept)
    assert store.buffer.stats.refused == 1
    assert kept.finished == []


async def test_turn_that_another_process_runs_is_waited_for_and_then_dropped(
    store: OutageStore, kept: LeavingStore
) -> None:
    turn = a_turn()
    kept.away = True
    await ask(store, turn)
    kept.away = False
    await kept.begin(turn, "ada")  # by another process, which answers the same question
    assert not await store.flush() or store.away
    following = a_turn(conversation_id=turn.conversation_id)
    await until_found(store)
    begun = await ask(store, following)
    assert begun.durability == "buffered"
    assert turn.turn_id
    await kept.finish(turn.turn_id, ReplyPart(answer="The other's.", outcome="answered"))
    await come_back(store, kept)
    assert store.buffer.stats.refused == 1
    assert kept.begun == [turn.turn_id, following.turn_id]


async def test_turn_that_still_runs_when_the_database_is_back_holds_its_conversation(
    store: OutageStore, kept: LeavingStore
) -> None:
    turn = a_turn()
    kept.away = True
    await store.begin(turn, "ada")
    kept.away = False

    async def known() -> bool:
        return kept.begun == [turn.turn_id]

    await eventually(known)
    elsewhere = await kept.begin(a_turn(conversation_id=turn.conversation_id), "ada")
    assert isinstance(elsewhere, Refused)
    assert turn.turn_id
    await store.finish(turn.turn_id, ANSWER)
    assert not store.holds(turn.turn_id)
    assert [reply["answer"] for reply in kept.finished] == ["Roll back."]
