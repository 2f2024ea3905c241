"""What an outage may cost: so many turns, so many bytes, and what happens to what is over."""

from __future__ import annotations

import pytest
from fakes import a_turn
from leaving_store import ANSWER, LeavingStore, ask, come_back

from app.turns.outage import OutageStore
from app.turns.outage_buffer import OutageBuffer
from chains.errors import NotFound, StorageUnavailable
from chains.history import Begun, Replay
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio


async def test_full_buffer_refuses_by_number_and_by_bytes(kept: LeavingStore) -> None:
    kept.away = True
    for buffer in (OutageBuffer(turns_limit=3), OutageBuffer(bytes_limit=3 * 64 * 1024)):
        store = OutageStore(kept, buffer)
        for _ in range(3):
            assert isinstance(await store.begin(a_turn(), "ada"), Begun)
        with pytest.raises(StorageUnavailable) as refused:
            await store.begin(a_turn(), "ada")
        assert refused.value.retry_after
        assert (store.buffer.stats.waiting, len(store.buffer.known)) == (3, 3)


async def test_reply_that_finds_the_buffer_full_is_refused_and_may_be_given_again(kept: LeavingStore) -> None:
    store = OutageStore(kept, OutageBuffer(turns_limit=1))
    turn = a_turn()
    await store.begin(turn, "ada")
    kept.away = True
    await ask(store, a_turn())
    assert turn.turn_id
    with pytest.raises(StorageUnavailable):
        await store.finish(turn.turn_id, ANSWER)
    await come_back(store, kept)
    await store.finish(turn.turn_id, ANSWER)
    assert isinstance(await store.begin(turn, "ada"), Replay)


async def test_turn_that_cannot_be_stored_does_not_keep_others_waiting(store: OutageStore, kept: LeavingStore) -> None:
    kept.away = True
    first = a_turn()
    await ask(store, first, reply=ANSWER + {"answer": "\x00"})
    await ask(store, a_turn(conversation_id=first.conversation_id))
    await come_back(store, kept)
    assert [reply["outcome"] for reply in kept.finished] == ["failed", "answered"]


async def test_close_stores_what_waits_or_counts_what_is_lost(kept: LeavingStore) -> None:
    for comes_back in (True, False):
        store = OutageStore(kept)
        kept.away = True
        await ask(store, a_turn())
        kept.away = not comes_back
        await store.close(0.5)
        assert store.buffer.stats.lost == (0 if comes_back else 1)


async def test_what_is_remembered_is_bounded() -> None:
    buffer = OutageBuffer()
    buffer.known = type(buffer.known)(limit=5, memory=2_000)
    store = OutageStore(LeavingStore(), buffer)
    for _ in range(20):
        await ask(store, a_turn())
    assert 0 < len(buffer.known) <= 5
    await ask(store, a_turn(), reply=ReplyPart(answer="x" * 3_000, outcome="answered"))
    assert len(buffer.known) == 0
    assert buffer.known._size == 0


async def test_erased_conversation_is_not_stored(store: OutageStore, kept: LeavingStore) -> None:
    kept.away = True
    first, second = a_turn(), a_turn()
    await ask(store, first)
    await ask(store, second)
    store.buffer.forget("eve")
    store.buffer.forget("ada", first.conversation_id)
    await come_back(store, kept)
    assert kept.begun == [second.turn_id]


async def test_conversation_that_waits_is_reported_to_its_owner(store: OutageStore, kept: LeavingStore) -> None:
    kept.away = True
    turn = a_turn("How?\nAnd why?", selected_text="this")
    await ask(store, turn)
    assert turn.conversation_id
    report = store.buffer.report(turn.conversation_id, "ada")
    assert report
    assert (report["title"], len(report["messages"])) == ("How? And why?", 1)
    told = {"turn_id": str(turn.turn_id), "question": turn.question, "state": "complete", "selected_text": "this"}
    assert told.items() <= report["messages"][0].items()
    assert report["messages"][0]["answer"] == "Roll back."
    with pytest.raises(NotFound):
        store.buffer.report(turn.conversation_id, "eve")
    await come_back(store, kept)
    assert store.buffer.report(turn.conversation_id, "ada") is None
