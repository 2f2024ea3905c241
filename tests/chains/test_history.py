"""What every store promises, in memory and in Postgres alike, and the runnable around a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableLambda

from chains.errors import ConversationBusy, DocentError, ModelUnavailable, NotFound, TurnIdReuse
from chains.history import Begun, InMemoryMessageStore, Joined, MessageStore, Refused, Replay, with_history
from chains.history_messages import INTERRUPTED, title_of
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore, connection_pool
from chains.turn import ChatTurn, ReplyPart
from fakes import FakeChain, answered

pytestmark = pytest.mark.anyio

ANSWER = ReplyPart(answer="Roll back. [1]", outcome="answered", grounded=True, model="fake")
FAILED = ReplyPart(outcome="failed", error=ModelUnavailable().as_dict())
PARTIAL = ReplyPart(answer="Roll", outcome="failed", partial=True, error=DocentError().as_dict())


class Stores:
    """Makes stores of one kind."""

    def __init__(self, kind: str, dsn: str | None) -> None:
        self._pool = connection_pool(dsn) if dsn else None
        self.kind = kind

    async def make(self, **options: Any) -> MessageStore:
        if self._pool is None:
            return InMemoryMessageStore(**options)
        await self._pool.open()
        return PostgresMessageStore(self._pool, **options)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()


@pytest.fixture(params=["memory", "postgres"])
def dsn(request: pytest.FixtureRequest) -> str | None:
    if request.param == "memory":
        return None
    database: str = request.getfixturevalue("database")
    migrate(database)
    return database


@pytest.fixture
async def stores(dsn: str | None) -> AsyncIterator[Stores]:
    stores = Stores("postgres" if dsn else "memory", dsn)
    yield stores
    await stores.close()


@pytest.fixture
async def store(stores: Stores) -> MessageStore:
    return await stores.make()


def a_turn(question: str = "How do I roll back?", **fields: Any) -> ChatTurn:
    return ChatTurn(question=question, **fields).identified()


async def told(store: MessageStore, conversation_id: UUID | None, owner: str = "ada") -> list[BaseMessage]:
    """The history that one more turn would be given; that turn fails."""
    begun = await store.begin(a_turn("?", conversation_id=conversation_id), owner)
    assert isinstance(begun, Begun)
    assert begun.turn.turn_id is not None
    await store.finish(begun.turn.turn_id, FAILED)
    return begun.history


async def begin_and_finish(store: MessageStore, turn: ChatTurn, reply: ReplyPart, owner: str = "ada") -> Begun:
    begun = await store.begin(turn, owner)
    assert isinstance(begun, Begun)
    assert begun.turn.turn_id is not None
    await store.finish(begun.turn.turn_id, reply)
    return begun


async def refusal(store: MessageStore, turn: ChatTurn, owner: str = "ada") -> type[DocentError]:
    refused = await store.begin(turn, owner)
    assert isinstance(refused, Refused)
    return type(refused.error)


async def test_begin_without_ids_makes_them(store: MessageStore) -> None:
    begun = await store.begin(ChatTurn(question="Hello?"), "ada")
    assert isinstance(begun, Begun)
    assert begun.turn.turn_id
    assert begun.turn.conversation_id
    assert begun.history == []
    assert not begun.restarted


async def test_begin_after_a_reply_tells_it(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ANSWER)
    history = await told(store, turn.conversation_id)
    assert [(type(message), message.content) for message in history] == [
        (HumanMessage, "How do I roll back?"),
        (AIMessage, "Roll back. [1]"),
    ]


async def test_begin_in_anothers_conversation_is_not_found(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ANSWER)
    assert await refusal(store, a_turn(conversation_id=turn.conversation_id), "eve") is NotFound


async def test_begin_with_anothers_turn_id_is_not_found(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ANSWER)
    assert await refusal(store, turn, "eve") is NotFound
    assert await refusal(store, a_turn(turn_id=turn.turn_id, conversation_id=uuid4()), "eve") is NotFound


async def test_begin_of_a_complete_turn_replays(store: MessageStore) -> None:
    turn = a_turn(selected_text="rollback", page_url="/deploy", language="en")
    await begin_and_finish(store, turn, ANSWER)
    replay = await store.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert replay.reply.items() >= ANSWER.items()


async def test_begin_of_a_complete_first_turn_without_its_conversation_replays(store: MessageStore) -> None:
    bare = ChatTurn(question="Hello?", turn_id=uuid4())
    await begin_and_finish(store, bare, ANSWER)
    assert isinstance(await store.begin(bare, "ada"), Replay)


@pytest.mark.parametrize(
    "change",
    [
        {"question": "Another?"},
        {"selected_text": "x"},
        {"scope": "selection"},
        {"page_url": "/"},
        {"language": "ur"},
        {"conversation_id": UUID(int=7)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_begin_with_other_content_under_the_same_id_is_refused(
    store: MessageStore, change: dict[str, Any]
) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ANSWER)
    assert await refusal(store, turn.model_copy(update=change)) is TurnIdReuse


async def test_begin_of_a_running_turn_joins(store: MessageStore) -> None:
    turn = a_turn()
    await store.begin(turn, "ada")
    assert await store.begin(turn, "ada") == Joined(turn.turn_id)  # type: ignore[arg-type]


async def test_begin_while_another_turn_runs_is_refused(store: MessageStore) -> None:
    turn = a_turn()
    failed = a_turn("First?", conversation_id=turn.conversation_id)
    complete = a_turn("Second?", conversation_id=turn.conversation_id)
    await begin_and_finish(store, failed, FAILED)
    await begin_and_finish(store, complete, ANSWER)
    await store.begin(turn, "ada")
    refused = await store.begin(a_turn(conversation_id=turn.conversation_id), "ada")
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, ConversationBusy)
    assert refused.error.retry_after == 1
    assert await refusal(store, failed) is ConversationBusy
    assert isinstance(await store.begin(complete, "ada"), Replay)


@pytest.mark.parametrize("ending", [FAILED, PARTIAL, ReplyPart(answer="Ro", outcome="cancelled")])
async def test_begin_of_an_incomplete_turn_runs_it_again(store: MessageStore, ending: ReplyPart) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ending)
    between = a_turn("Between?", conversation_id=turn.conversation_id)
    await begin_and_finish(store, between, ANSWER)
    again = await store.begin(turn, "ada")
    assert isinstance(again, Begun)
    assert again.restarted
    assert [message.content for message in again.history] == ["Between?", "Roll back. [1]"]
    await store.finish(turn.turn_id, ANSWER)  # type: ignore[arg-type]
    history = await told(store, turn.conversation_id)
    assert [message.content for message in history[2:]] == ["How do I roll back?", "Roll back. [1]"]
    assert len(history) == 4


async def test_begin_after_an_interrupted_turn_marks_its_answer(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, PARTIAL)
    assert [message.content for message in await told(store, turn.conversation_id)] == [
        "How do I roll back?",
        "Roll" + INTERRUPTED,
    ]


async def test_begin_after_a_failed_turn_does_not_tell_it(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, FAILED)
    assert await told(store, turn.conversation_id) == []


async def test_begin_tells_the_newest_messages_from_a_question_on(stores: Stores) -> None:
    store = await stores.make(window=3)
    conversation_id = uuid4()
    for question in ("One?", "Two?", "Three?"):
        await begin_and_finish(store, a_turn(question, conversation_id=conversation_id), ANSWER)
    assert [message.content for message in await told(store, conversation_id)] == ["Three?", "Roll back. [1]"]


async def test_begin_takes_over_from_a_process_that_is_gone(stores: Stores) -> None:
    dead, alive = await stores.make(lease=-1), None
    lost = a_turn()
    await dead.begin(lost, "ada")
    alive = dead if stores.kind == "memory" else await stores.make()
    other = a_turn("Other?", conversation_id=lost.conversation_id)
    await begin_and_finish(alive, other, ANSWER)
    again = await alive.begin(lost, "ada")
    assert isinstance(again, Begun)
    assert again.restarted


async def test_finish_without_an_outcome_is_partial(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ReplyPart(answer="Roll"))
    assert isinstance(await store.begin(turn, "ada"), Begun)


async def test_finish_twice_keeps_the_first_reply(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ANSWER)
    await store.finish(turn.turn_id, ReplyPart(answer="Other", outcome="answered"))  # type: ignore[arg-type]
    replay = await store.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert replay.reply["answer"] == ANSWER["answer"]


async def test_finish_leaves_the_visitor_token_out(store: MessageStore) -> None:
    turn = a_turn()
    await begin_and_finish(store, turn, ANSWER + {"visitor_token": "secret", "stage": "writing"})
    replay = await store.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert not {"visitor_token", "stage"} & replay.reply.keys()


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
    while (begun := await store.begin(follow_up, "notebook")) and not isinstance(begun, Begun):
        await asyncio.sleep(0.01)  # the event loop closes the inner generators a moment later
    assert chain.closed == 1
    assert [message.content for message in begun.history] == ["How do I roll back?", "Roll " + INTERRUPTED]


async def test_with_history_stores_although_its_task_is_cancelled(store: MessageStore) -> None:
    chain = FakeChain(ReplyPart(answer="Roll "), 30.0)
    turn = a_turn()
    task = asyncio.create_task(with_history(chain.as_runnable(), store).ainvoke(turn))
    while not chain.inputs:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
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


def test_title_is_cut_at_a_word() -> None:
    assert title_of(ChatTurn(question="Short\n one?")) == "Short one?"
    title = title_of(ChatTurn(question="word " * 40))
    assert len(title) <= 80
    assert title.endswith("word…")
