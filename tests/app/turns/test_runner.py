"""Turns apart from their readers: accepted once, run once, stored however they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from fakes import SOURCE, FakeChain, SlowStore, a_turn, answered
from langchain_core.callbacks import AsyncCallbackHandler

from app.turns.limits import TurnHooks, TurnLimits
from app.turns.runner import TurnRunner
from app.visitor import Visitor, current_visitor
from chains.errors import (
    ConversationBusy,
    ModelUnavailable,
    NotFound,
    Overloaded,
    TurnIdReuse,
)
from chains.history import InMemoryMessageStore, Replay
from chains.turn import ChatTurn, Reply, ReplyPart

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


async def test_parts_come_numbered_from_the_ids_to_the_outcome(store: SlowStore) -> None:
    turn = a_turn()
    running = await runner_of(FakeChain(*answered("Roll back. [1]")), store).accept(turn, ADA)
    parts = [part async for part in running.parts()]
    assert [part["seq"] for part in parts] == [1, 2, 3, 4, 5]
    ids = {"conversation_id": str(turn.conversation_id), "turn_id": str(turn.turn_id)}
    assert parts[0] == {**ids, "durability": "stored", "seq": 1}
    assert [("outcome" in part, "answer" in part) for part in parts[-2:]] == [(False, True), (True, False)]
    assert (running.replayed, running.restarted) == (False, False)


async def test_reply_is_what_was_streamed_and_stored(store: SlowStore) -> None:
    texts = [f"{number} " for number in range(200)]
    running = await runner_of(FakeChain(*answered(*texts)), store, coalesce=0.001).accept(a_turn(), ADA)
    reply = await running.reply()
    assert reply["answer"] == "".join(texts) == store.finished[0]["answer"]
    assert Reply.model_validate(reply).outcome == "answered"
    assert sum([part async for part in running.parts()], ReplyPart()) == reply


async def test_reply_is_stored_before_its_end_is_seen(store: SlowStore) -> None:
    running = await runner_of(FakeChain(*answered("Yes.")), store).accept(a_turn(), ADA)
    async for part in running.parts():
        assert bool(store.finished) == ("outcome" in part)


async def test_new_visitors_token_comes_first_and_is_not_stored(store: SlowStore) -> None:
    turn = a_turn()
    runner = runner_of(FakeChain(*answered("Yes.")), store)
    running = await runner.accept(turn, Visitor("ada", new_token="signed"))
    parts = [part async for part in running.parts()]
    assert parts[0]["visitor_token"] == "signed"
    assert "signed" not in str(await (await runner.accept(turn, ADA)).reply())


async def test_turn_goes_on_without_a_reader(store: SlowStore) -> None:
    turn = a_turn()
    chain = FakeChain(ReplyPart(answer="Roll "), 0.05, *answered("back."))
    running = await runner_of(chain, store).accept(turn, ADA)
    async for part in running.parts():
        if "answer" in part:
            break
    assert (await running.reply())["answer"] == "Roll back."
    assert isinstance(await store.begin(turn, "ada"), Replay)


async def test_caller_who_leaves_during_accept_does_not_stop_the_turn(store: SlowStore) -> None:
    turn = a_turn()
    runner = runner_of(FakeChain(*answered("Yes.")), store)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.007):
            await runner.accept(turn, ADA)
    assert (await (await runner.accept(turn, ADA)).reply())["answer"] == "Yes."
    assert len(store.finished) == 1


async def test_complete_turn_is_replayed(store: SlowStore) -> None:
    turn, chain = a_turn(), FakeChain(*answered("Roll ", "back. [1]"))
    runner = runner_of(chain, store)
    first = await (await runner.accept(turn, ADA)).reply()
    again = await runner.accept(turn, ADA)
    assert again.replayed
    parts = [part async for part in again.parts()]
    assert [part["seq"] for part in parts] == [1, 2, 3, 4]
    assert parts[1] == {"sources": [SOURCE], "grounded": True, "seq": 2}
    assert parts[2] == {"answer": "Roll back. [1]", "seq": 3}
    assert Reply.model_validate(sum(parts, ReplyPart())) == Reply.model_validate(first)
    assert len(chain.inputs) == 1


async def test_simultaneous_copies_run_once_and_read_the_same(store: SlowStore) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), 0.3, *answered("back."))
    runner, turn = runner_of(chain, store), ChatTurn(question="How?", turn_id=uuid4())

    async def ask() -> list[ReplyPart]:
        return [part async for part in (await runner.accept(turn, ADA)).parts()]

    first, *others = await asyncio.gather(*(ask() for _ in range(5)))
    assert all(other == first for other in others)
    assert len(chain.inputs) == 1


async def test_turn_that_runs_elsewhere_is_busy(store: SlowStore) -> None:
    turn = a_turn()
    await store.begin(turn, "ada")
    with pytest.raises(ConversationBusy) as refusal:
        await runner_of(FakeChain(), store).accept(turn, ADA)
    assert refusal.value.retry_after == 1


async def test_refusals_of_the_store_are_raised(store: SlowStore) -> None:
    turn = a_turn()
    runner = runner_of(FakeChain(SILENCE), store)
    await runner.accept(turn, ADA)
    with pytest.raises(ConversationBusy):
        await runner.accept(a_turn(conversation_id=turn.conversation_id), ADA)
    with pytest.raises(NotFound):
        await runner.accept(turn, EVE)
    with pytest.raises(TurnIdReuse):
        await runner.accept(turn.model_copy(update={"question": "Other?"}), ADA)
    await runner.aclose()


async def test_chain_is_given_the_turn_and_its_history(store: SlowStore) -> None:
    turn, chain = a_turn(), FakeChain(*answered("Yes."))
    runner = runner_of(chain, store)
    await (await runner.accept(turn, ADA)).reply()
    await (await runner.accept(a_turn("And?", conversation_id=turn.conversation_id), ADA)).reply()
    assert chain.inputs[1]["turn"]["question"] == "And?"
    assert [message.content for message in chain.inputs[1]["history"]] == [turn.question, "Yes."]


class Watcher(AsyncCallbackHandler):
    """Notes the names of the runs it is told of."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def on_chain_start(self, *args: Any, name: str = "", **kwargs: Any) -> None:
        self.seen.append(name)


@pytest.fixture
def visiting() -> AsyncIterator[None]:
    token = current_visitor.set(ADA)
    yield
    current_visitor.reset(token)


@pytest.mark.usefixtures("visiting")
async def test_runnable_streams_parts_and_shows_its_steps(store: SlowStore) -> None:
    watcher = Watcher()
    runnable = runner_of(FakeChain(*answered("Yes.")), store).as_runnable()
    parts = [part async for part in runnable.astream({"question": "How?"}, {"callbacks": [watcher]})]
    assert [part["seq"] for part in parts] == [1, 2, 3, 4, 5]
    assert watcher.seen == ["rag", "fake_chain"]
    assert runnable.get_input_schema() is ChatTurn
    assert runnable.get_output_schema() is Reply


@pytest.mark.usefixtures("visiting")
async def test_runnable_is_the_visitors_in_invoke_and_batch(store: SlowStore) -> None:
    runnable = runner_of(FakeChain(*answered("Yes.")), store).as_runnable()
    turns = [a_turn(), a_turn(), a_turn()]
    await runnable.ainvoke(turns[0])
    await runnable.abatch(turns[1:])  # type: ignore[arg-type]
    for turn in turns:
        assert isinstance(await store.begin(turn, "ada"), Replay)


@pytest.mark.usefixtures("visiting")
async def test_runnable_raises_refusals_and_tells_failures(store: SlowStore) -> None:
    runnable = runner_of(FakeChain(ModelUnavailable()), store).as_runnable()
    theirs = a_turn()
    await store.begin(theirs, "eve")
    with pytest.raises(NotFound):
        await runnable.ainvoke(theirs)
    assert (await runnable.ainvoke(a_turn()))["error"]["code"] == "model_unavailable"


async def test_every_admission_is_followed_by_one_end(store: SlowStore) -> None:
    turn, said = a_turn(), []

    async def admit(turn: ChatTurn, visitor: Visitor) -> None:
        said.append((turn.question, visitor.id))

    hooks = TurnHooks(admit, lambda turn, visitor, reply: said.append((visitor.id, reply and reply["usage"])))
    runner = runner_of(FakeChain(*answered("Yes.")), store, hooks)
    await (await runner.accept(turn, ADA)).reply()
    await (await runner.accept(turn, ADA)).reply()
    with pytest.raises(NotFound):
        await runner.accept(turn, Visitor("eve"))
    ends = [("ada", {"input_tokens": 7, "output_tokens": 3}), ("ada", None), ("eve", None)]
    assert said[1::2] == ends
    assert said[::2] == [(turn.question, end[0]) for end in ends]


async def test_turn_that_is_not_admitted_reaches_no_store(store: SlowStore) -> None:
    async def refuse(turn: ChatTurn, visitor: Visitor) -> None:
        raise Overloaded(retry_after=7)

    chain = FakeChain(*answered("Yes."))
    with pytest.raises(Overloaded):
        await runner_of(chain, store, TurnHooks(admit=refuse)).accept(a_turn(), ADA)
    assert (chain.inputs, store.finished) == ([], [])
