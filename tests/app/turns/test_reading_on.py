"""Readers who leave and come back, or do not; turns that are stopped; all in one process."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import pytest
from fakes import FakeChain, SlowStore, a_turn, answered, eventually

from app.turns.limits import TurnLimits
from app.turns.runner import TurnRunner
from app.turns.running import ReadableTurn
from app.visitor import Visitor
from chains.errors import ModelUnavailable, NotFound, Overloaded
from chains.history_messages import TurnState
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio

ADA, EVE = Visitor("ada"), Visitor("eve")
SILENCE = 60.0
HALF = [ReplyPart(sources=[], grounded=True), ReplyPart(answer="Roll "), ReplyPart(answer="back")]


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def turn() -> ChatTurn:
    return a_turn()


def runner_of(chain: FakeChain, store: SlowStore, **limits: Any) -> TurnRunner:
    return TurnRunner(chain.as_runnable(), store, TurnLimits(coalesce=0.0, **limits))


def id_of(turn: ChatTurn) -> UUID:
    assert turn.turn_id
    return turn.turn_id


async def read(turn: ReadableTurn, after: int = 0, parts: int | None = None) -> list[ReplyPart]:
    """All parts above `after`, or so many of them."""
    told: list[ReplyPart] = []
    async with aclosing(turn.parts(after)) as reading:
        async for part in reading:
            told.append(part)
            if len(told) == parts:
                break
    return told


def seqs(parts: list[ReplyPart]) -> list[int]:
    return [part["seq"] for part in parts]


async def test_reader_who_comes_back_gets_exactly_what_was_missed(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, 0.1, *answered(" now."))
    runner = runner_of(chain, store)
    running = await runner.accept(turn, ADA)
    before = await read(running, parts=3)
    after = await read(await runner.resume(id_of(turn), ADA, 3), after=3)
    assert seqs(before + after) == list(range(1, len(before + after) + 1))
    assert sum(before + after, ReplyPart()) == await running.reply()
    assert len(chain.inputs) == 1


async def test_end_can_be_read_again_after_it(store: SlowStore, turn: ChatTurn) -> None:
    runner = runner_of(FakeChain(*answered("Yes.")), store)
    told = await read(await runner.accept(turn, ADA))
    again = await runner.resume(id_of(turn), ADA, 2)
    assert await read(again, after=2) == told[2:]
    assert await read(again, after=told[-1]["seq"]) == []


async def test_turn_without_any_reader_is_stopped_after_the_grace(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, SILENCE)
    runner = runner_of(chain, store, resume_grace=0.1)
    running = await runner.accept(turn, ADA)
    await read(running, parts=3)
    await eventually(lambda: _ready(store.finished))
    assert chain.closed == 1
    (kept,) = store.finished
    assert (kept["outcome"], kept["partial"], kept["answer"]) == ("failed", True, "Roll back")
    assert (await running.reply())["error"]["retryable"]


async def test_turn_that_nobody_ever_read_is_stopped_too(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(SILENCE)
    await runner_of(chain, store, resume_grace=0.05).accept(turn, ADA)
    await eventually(lambda: _ready(store.finished))
    assert chain.closed == 1


async def test_one_reader_is_enough_and_his_return_saves_the_turn(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, 0.6, *answered(" now."))
    runner = runner_of(chain, store, resume_grace=0.3)
    running = await runner.accept(turn, ADA)
    waiting = asyncio.create_task(running.reply())
    await read(running, parts=3)
    assert (await waiting)["outcome"] == "answered"
    chain.script = [*HALF, 0.4, *answered(" now.")]
    other = a_turn()
    await read(await runner.accept(other, ADA), parts=2)
    await asyncio.sleep(0.1)
    later = await read(await runner.resume(id_of(other), ADA, 2), after=2)
    assert later[-1]["outcome"] == "answered"


@pytest.mark.parametrize("ended", [False, True])
async def test_others_find_nothing_to_read_or_to_stop(store: SlowStore, turn: ChatTurn, ended: bool) -> None:
    chain = FakeChain(*answered("Yes.")) if ended else FakeChain(*HALF, SILENCE)
    runner = runner_of(chain, store)
    running = await runner.accept(turn, ADA)
    if ended:
        await running.reply()
    for turn_id in (id_of(turn), uuid4()):
        with pytest.raises(NotFound):
            await runner.resume(turn_id, EVE, 0)
        with pytest.raises(NotFound):
            await runner.cancel(turn_id, EVE)
    assert chain.closed == ended
    await runner.aclose()


@pytest.mark.fault(31)
async def test_31_cancel_wins_and_the_stored_partial_can_be_read(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, SILENCE)
    runner = runner_of(chain, store)
    running = await runner.accept(turn, ADA)
    reading = asyncio.create_task(read(running))
    await chain.silent.wait()
    assert await runner.cancel(id_of(turn), ADA) is TurnState.CANCELLED
    told = await reading
    assert (told[-1]["outcome"], told[-1]["partial"], told[-1]["grounded"]) == ("cancelled", False, False)
    assert chain.closed == 1
    assert (store.finished[0]["answer"], store.finished[0]["outcome"]) == ("Roll back", "cancelled")
    assert await read(await runner.resume(id_of(turn), ADA, 0)) == told
    assert await runner.cancel(id_of(turn), ADA) is TurnState.CANCELLED
    assert len(store.finished) == 1


async def test_cancel_of_an_ended_turn_changes_nothing(store: SlowStore, turn: ChatTurn) -> None:
    runner = runner_of(FakeChain(*answered("Yes.")), store)
    reply = await (await runner.accept(turn, ADA)).reply()
    assert await runner.cancel(id_of(turn), ADA) is TurnState.COMPLETE
    again = await (await runner.accept(turn, ADA)).reply()
    assert again["answer"] == reply["answer"]


async def test_cancel_that_comes_while_the_turn_is_begun_waits_for_it(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, SILENCE)
    runner = runner_of(chain, store)
    accepting = asyncio.create_task(runner.accept(turn, ADA))
    await asyncio.sleep(0)
    assert await runner.cancel(id_of(turn), ADA) is TurnState.CANCELLED
    assert (await (await accepting).reply())["outcome"] == "cancelled"


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.006, 0.01, 0.014])
async def test_cancel_that_races_with_the_end_has_one_result(store: SlowStore, pause: float) -> None:
    """The store takes 10 ms to begin and 5 to finish."""
    turn = a_turn()
    runner = runner_of(FakeChain(*answered("Yes.")), store)
    running = await runner.accept(turn, ADA)
    await asyncio.sleep(pause)
    state = await runner.cancel(id_of(turn), ADA)
    reply = await running.reply()
    assert (
        (state is TurnState.CANCELLED)
        == (reply["outcome"] == "cancelled")
        == (store.finished[-1]["outcome"] == "cancelled")
    )
    assert len(store.finished) == 1


async def test_cancelled_turn_runs_again_under_its_id(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, SILENCE)
    runner = runner_of(chain, store)
    first = asyncio.create_task(read(await runner.accept(turn, ADA)))
    await chain.silent.wait()
    await runner.cancel(id_of(turn), ADA)
    told = await first
    chain.script = answered("Yes.")
    again = await read(await runner.accept(turn, ADA))
    assert again[0] == {"restart": "retry", "seq": told[-1]["seq"] + 1}
    assert again[1]["durability"] == "stored"
    assert again[-1]["outcome"] == "answered"
    assert seqs(told + again) == list(range(1, len(told + again) + 1))


async def test_reader_of_another_attempt_gets_all_of_this_one_under_his_numbers(
    store: SlowStore, turn: ChatTurn
) -> None:
    running = await runner_of(FakeChain(*answered("Yes.")), store).accept(turn, ADA)
    whole = await running.reply()
    told = await read(running, after=40)
    assert seqs(told) == list(range(41, 41 + len(told)))
    assert told[0]["restart"] == "resumed"
    assert sum(told, ReplyPart())["answer"] == whole["answer"]
    assert told[-1]["outcome"] == "answered"


async def test_reader_of_an_earlier_attempt_is_told_the_restart(store: SlowStore, turn: ChatTurn) -> None:
    chain = FakeChain(*HALF, ModelUnavailable())
    runner = runner_of(chain, store)
    told = await read(await runner.accept(turn, ADA))
    chain.script = answered("Yes.")
    await (await runner.accept(turn, ADA)).reply()
    later = await read(await runner.resume(id_of(turn), ADA, told[-1]["seq"]), after=told[-1]["seq"])
    assert later[0]["restart"] == "retry"
    assert later[0]["seq"] == told[-1]["seq"] + 1


async def test_burst_waits_a_moment_and_lasting_load_is_refused_at_once(store: SlowStore) -> None:
    chain = FakeChain(0.1, *answered("Yes."))
    runner = runner_of(chain, store, max_running=2, queue=2, queue_patience=5.0)
    burst = await asyncio.gather(*(_asked(runner, a_turn()) for _ in range(6)), return_exceptions=True)
    refused = [error for error in burst if isinstance(error, Overloaded)]
    assert len(refused) == 2
    assert all(error.retry_after for error in refused)
    assert [reply["outcome"] for reply in burst if isinstance(reply, dict)] == ["answered"] * 4
    assert runner.running == 0
    assert (await _asked(runner, a_turn()))["outcome"] == "answered"


async def test_whoever_waits_too_long_for_a_place_is_refused(store: SlowStore) -> None:
    runner = runner_of(FakeChain(SILENCE), store, max_running=1, queue=2, queue_patience=0.05)
    running = a_turn()
    await runner.accept(running, ADA)
    with pytest.raises(Overloaded):
        await runner.accept(a_turn(), ADA)
    joined = await runner.accept(running, ADA)  # needs no place
    assert joined.turn_id == str(running.turn_id)
    await runner.cancel(id_of(running), ADA)
    assert (await read(await runner.accept(a_turn(), ADA), parts=1))[0]["seq"] == 1
    await runner.aclose()


async def _asked(runner: TurnRunner, turn: ChatTurn) -> ReplyPart:
    return await (await runner.accept(turn, ADA)).reply()


async def _ready(what: list[Any]) -> bool:
    return bool(what)
