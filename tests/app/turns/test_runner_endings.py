"""How turns end: failed, late, endless, without storage, at shutdown."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from fakes import FakeChain, SlowStore, a_turn, answered, eventually
from structlog.testing import capture_logs

from app.turns.limits import TurnHooks, TurnLimits
from app.turns.log import CHARACTERS_LIMIT
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.errors import (
    ModelUnavailable,
    Overloaded,
    StorageUnavailable,
)
from chains.history import Begun, InMemoryMessageStore
from chains.history_messages import INTERRUPTED
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio

ADA, EVE = Visitor("ada"), Visitor("eve")
SILENCE = 60.0


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


def runner_of(
    chain: FakeChain, store: InMemoryMessageStore, hooks: TurnHooks | None = None, **limits: Any
) -> TurnRunner:
    return TurnRunner(chain.as_runnable(), store, TurnLimits(**limits), hooks or TurnHooks())


async def test_failed_turn_says_so_and_runs_again(store: SlowStore) -> None:
    turn, chain = a_turn(), FakeChain(ModelUnavailable(retry_after=3))
    runner = runner_of(chain, store)
    *_, last = [part async for part in (await runner.accept(turn, ADA)).parts()]
    assert (last["outcome"], last["partial"]) == ("failed", False)
    assert (last["error"]["code"], last["error"]["retry_after"]) == ("model_unavailable", 3)
    chain.script = answered("Yes.")
    again = await runner.accept(turn, ADA)
    assert again.restarted
    parts = [part async for part in again.parts()]
    assert parts[0] == {"restart": "retry", "seq": last["seq"] + 1}
    assert [part["seq"] for part in parts] == list(range(last["seq"] + 1, parts[-1]["seq"] + 1))
    assert sum(parts, ReplyPart())["answer"] == "Yes."
    assert "error" not in sum(parts, ReplyPart())


async def test_failure_after_some_text_is_partial(store: SlowStore) -> None:
    turn = a_turn()
    chain = FakeChain(ReplyPart(answer="Roll "), ModelUnavailable())
    reply = await (await runner_of(chain, store).accept(turn, ADA)).reply()
    assert (reply["answer"], reply["outcome"], reply["partial"]) == ("Roll ", "failed", True)
    begun = await store.begin(a_turn(conversation_id=turn.conversation_id), "ada")
    assert isinstance(begun, Begun)
    assert begun.history[-1].content == "Roll " + INTERRUPTED


async def test_unknown_failure_is_internal_and_keeps_its_words_to_itself(store: SlowStore) -> None:
    failures: list[int] = []
    runner = runner_of(FakeChain(ValueError("secret")), store, TurnHooks(on_failure=lambda: failures.append(1)))
    with capture_logs() as logs:
        reply = await (await runner.accept(a_turn(), ADA)).reply()
    assert reply["error"]["code"] == "internal"
    assert [entry["event"] for entry in logs] == ["turn_failed"]
    assert (logs[0]["error"], "fakes.py" in logs[0]["where"]) == ("ValueError", True)
    assert "secret" not in f"{reply}{logs}"
    assert failures == [1]


async def test_turn_past_its_deadline_is_ended(store: SlowStore) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), SILENCE)
    reply = await (await runner_of(chain, store, deadline=0.05).accept(a_turn(), ADA)).reply()
    assert (reply["error"]["code"], reply["partial"], chain.closed) == ("deadline_exceeded", True, 1)


async def test_timeout_inside_the_chain_is_not_the_deadline(store: SlowStore) -> None:
    reply = await (await runner_of(FakeChain(TimeoutError()), store).accept(a_turn(), ADA)).reply()
    assert reply["error"]["code"] == "internal"


async def test_endless_answer_is_truncated(store: SlowStore) -> None:
    chain = FakeChain(ReplyPart(answer="x" * CHARACTERS_LIMIT), SILENCE)
    reply = await (await runner_of(chain, store).accept(a_turn(), ADA)).reply()
    assert (reply["outcome"], len(reply["answer"])) == ("truncated", CHARACTERS_LIMIT)


async def test_chain_that_names_no_outcome_has_answered(store: SlowStore) -> None:
    reply = await (await runner_of(FakeChain(ReplyPart(answer="Yes.")), store).accept(a_turn(), ADA)).reply()
    assert reply["outcome"] == "answered"


async def test_storage_away_refuses_the_turn(store: SlowStore) -> None:
    failures: list[int] = []
    store.away = True
    with pytest.raises(StorageUnavailable):
        await runner_of(FakeChain(), store, TurnHooks(on_failure=lambda: failures.append(1))).accept(a_turn(), ADA)
    assert failures == [1]


async def test_reply_that_could_not_be_stored_is_stored_later(store: SlowStore) -> None:
    turn, chain = a_turn(), FakeChain(0.02, *answered("Yes."))
    runner = runner_of(chain, store)
    running = await runner.accept(turn, ADA)
    store.away = True
    reply = await running.reply()
    assert (reply["error"]["code"], reply["partial"]) == ("storage_unavailable", True)
    store.away = False

    async def idle() -> bool:
        return runner.running == 0

    await eventually(idle)
    assert (await (await runner.accept(turn, ADA)).reply())["answer"] == "Yes."
    assert len(chain.inputs) == 1


async def test_reply_that_cannot_be_stored_at_all_fails_its_turn(store: SlowStore) -> None:
    turn = a_turn()
    store.unstorable = "\ud800"
    runner = runner_of(FakeChain(*answered("Half a \ud800 pair.")), store)
    assert (await (await runner.accept(turn, ADA)).reply())["error"]["code"] == "internal"
    begun = await eventually(partial(begun_or_none, store, a_turn("And?", conversation_id=turn.conversation_id)))
    assert begun.history == []


async def begun_or_none(store: SlowStore, turn: ChatTurn) -> Begun | None:
    beginning = await store.begin(turn, "ada")
    return beginning if isinstance(beginning, Begun) else None


async def test_too_many_turns_are_refused(store: SlowStore) -> None:
    runner = runner_of(FakeChain(SILENCE), store, max_running=2)
    results = await asyncio.gather(*(runner.accept(a_turn(), ADA) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results].count(Overloaded) == 3
    assert runner.running == 2
    await runner.aclose()


async def test_closing_stores_what_runs_as_partial(store: SlowStore) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), SILENCE)
    runner, turn = runner_of(chain, store), a_turn()
    running = await runner.accept(turn, ADA)
    await chain.silent.wait()
    beginning = asyncio.create_task(runner.accept(a_turn(), ADA))
    await asyncio.sleep(0)
    await runner.aclose()
    reply = await running.reply()
    assert (reply["answer"], reply["outcome"], reply["partial"]) == ("Roll ", "failed", True)
    assert (await (await beginning).reply())["outcome"] == "failed"
    assert len(store.finished) == 2
    with pytest.raises(Overloaded):
        await runner.accept(turn, ADA)
