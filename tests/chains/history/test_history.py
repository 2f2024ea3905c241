"""What every store promises, in memory and in Postgres alike, and the runnable around a store."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from asking import ANSWER, FAILED, PARTIAL, Stores, begin_and_finish, refusal, told
from fakes import a_turn
from langchain_core.messages import AIMessage, HumanMessage

from chains.errors import ConversationBusy, NotFound, TurnIdReuse
from chains.history import Begun, Joined, MessageStore, Refused, Replay
from chains.history_messages import INTERRUPTED, title_of
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.anyio


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


async def test_begin_tells_what_was_marked_and_what_was_refused(store: MessageStore) -> None:
    refused = ReplyPart(answer="I could not find it.", outcome="no_evidence")
    begun = await begin_and_finish(store, a_turn("What is this?", selected_text="`--grid`"), refused)
    question, answer = await told(store, begun.turn.conversation_id)
    assert question.additional_kwargs["selected_text"] == "`--grid`"
    assert answer.response_metadata["outcome"] == "no_evidence"


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
    store = stores.make(window=3)
    conversation_id = uuid4()
    for question in ("One?", "Two?", "Three?"):
        await begin_and_finish(store, a_turn(question, conversation_id=conversation_id), ANSWER)
    assert [message.content for message in await told(store, conversation_id)] == ["Three?", "Roll back. [1]"]


async def test_begin_takes_over_from_a_process_that_is_gone(stores: Stores) -> None:
    dead, lost = stores.make(lease=-1), a_turn()
    await dead.begin(lost, "ada")
    alive = stores.make() if stores.shared else dead
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


def test_title_is_cut_at_a_word() -> None:
    assert title_of(ChatTurn(question="Short\n one?")) == "Short one?"
    title = title_of(ChatTurn(question="word " * 40))
    assert len(title) <= 80
    assert title.endswith("word…")
