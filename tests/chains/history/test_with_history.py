"""The runnable around a store."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from asking import told
from fakes import FakeChain, a_turn, answered, eventually
from langchain_core.runnables import RunnableLambda

from chains.errors import ConversationBusy, ModelUnavailable, NotFound
from chains.history import Begun, MessageStore, Replay, with_history
from chains.history_messages import INTERRUPTED
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio


async def test_with_history_streams_and_remembers(store: MessageStore) -> None:
    chain = FakeChain(*answered("Roll ", "back. [1]"))
    remembering = with_history(chain.as_runnable(), store)
    turn = a_turn()
    parts = [part async for part in remembering.astream(turn)]
    assert parts[0] == {"conversation_id": str(turn.conversation_id), "turn_id": str(turn.turn_id)}
    assert parts[1:] == answered("Roll ", "back. [1]")
    await remembering.ainvoke({"question": "And then?", "conversation_id": str(turn.conversation_id)})
    assert [message.content for message in chain.inputs[1]["history"]] == ["How do I roll back?", "Roll back. [1]"]


async def test_with_history_replays_a_complete_turn(store: MessageStore) -> None:
    chain = FakeChain(*answered("Roll back. [1]"))
    remembering = with_history(chain.as_runnable(), store)
    turn = a_turn()
    first = await remembering.ainvoke(turn)
    assert (await remembering.ainvoke(turn)).items() <= first.items()
    assert len(chain.inputs) == 1


async def test_with_history_of_a_plain_chain_is_complete(store: MessageStore) -> None:
    remembering = with_history(RunnableLambda(lambda _: ReplyPart(answer="Yes.")), store)
    turn = a_turn()
    await remembering.ainvoke(turn)
    assert isinstance(await store.begin(turn, "notebook"), Replay)


async def test_with_history_stores_a_failure_and_raises_it(store: MessageStore) -> None:
    remembering = with_history(FakeChain(ModelUnavailable()).as_runnable(), store)
    turn = a_turn()
    with pytest.raises(ModelUnavailable):
        await remembering.ainvoke(turn)
    begun = await store.begin(turn, "notebook")
    assert isinstance(begun, Begun)
    assert begun.restarted


async def test_with_history_stores_what_a_gone_reader_saw(store: MessageStore) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), 30.0)
    turn = a_turn()
    follow_up = a_turn("And then?", conversation_id=turn.conversation_id)
    async with aclosing(with_history(chain.as_runnable(), store).astream(turn)) as parts:  # type: ignore[type-var]
        async for part in parts:
            if "answer" in part:
                break

    async def begin() -> Begun | None:
        beginning = await store.begin(follow_up, "notebook")
        return beginning if isinstance(beginning, Begun) else None

    begun = await eventually(begin)  # the event loop closes the inner generators a moment later
    assert chain.closed == 1
    assert [message.content for message in begun.history] == ["How do I roll back?", "Roll " + INTERRUPTED]


async def test_with_history_stores_although_its_task_is_cancelled(store: MessageStore) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), 30.0)
    turn = a_turn()
    task = asyncio.create_task(with_history(chain.as_runnable(), store).ainvoke(turn))
    await chain.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await told(store, turn.conversation_id, "notebook")) == 2


async def test_with_history_refuses_what_the_store_refuses(store: MessageStore) -> None:
    remembering = with_history(FakeChain(*answered("Yes.")).as_runnable(), store, owner="eve")
    turn = a_turn()
    await store.begin(turn, "ada")
    with pytest.raises(NotFound):
        await remembering.ainvoke(turn)
    with pytest.raises(ConversationBusy):
        await with_history(FakeChain().as_runnable(), store, owner="ada").ainvoke(turn)
