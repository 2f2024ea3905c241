"""A chain's memory: what a store promises, one in memory, and `with_history` that puts a store around a chain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, cast
from uuid import UUID, uuid4

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator

from chains.errors import ConversationBusy, DocentError, NotFound, TurnIdReuse
from chains.history_messages import (
    Remembered,
    TurnState,
    answer_message,
    content_of,
    ended,
    failure,
    interruption,
    question_message,
    recall,
    state_of,
)
from chains.turn import ChatTurn, Outcome, Reply, ReplyPart

WINDOW = 12  # messages, six turns, that the model is told
LEASE = 120.0  # seconds: twice a turn's default deadline; a turn that runs longer has lost its process
BUSY_FOR = 1  # seconds after which to ask again

Written = TypeVar("Written")


Durability = Literal["stored", "buffered"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The turn is ours to run. `turn` has its ids; `restarted`: it ran before and its reply was not complete.

    `durability`: whether the question is in the database, or waits in this process's memory for it to come back.
    `told`: the last `seq` of the attempts before this one; `run` names this one.
    """

    turn: ChatTurn
    history: list[BaseMessage]
    restarted: bool = False
    durability: Durability = "stored"
    told: int = 0
    run: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class Joined:
    """This very turn is running already; its attempt that runs tells from the `seq` after `told` on."""

    turn_id: UUID
    told: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """The turn is complete: its reply, as it was stored, or waits to be."""

    reply: ReplyPart
    durability: Durability = "stored"


@dataclass(frozen=True, slots=True)
class Refused:
    """NotFound (another owner's), TurnIdReuse or ConversationBusy."""

    error: DocentError


Beginning = Begun | Joined | Replay | Refused


class MessageStore(Protocol):
    """The two writes around a turn. Both may be repeated."""

    async def begin(self, turn: ChatTurn, owner: str) -> Beginning:
        """Store the question, check the owner, take the conversation, return its last messages.

        Raises:
            StorageUnavailable: nothing is known; the same call may be made again.
        """

    async def finish(self, turn_id: UUID, reply: ReplyPart) -> Durability | None:
        """Store the reply and free the conversation. Does nothing to a turn that is not running (any more).

        Returns `buffered` when the reply waits in memory for the database to come back; nothing: it is stored.

        A reply's `seq`, if it has one, is the last one that was told: another attempt goes on from there.

        Raises:
            StorageUnavailable: as above.
        """


@dataclass(slots=True)
class _KeptTurn:
    turn: ChatTurn
    owner: str
    began: float
    state: TurnState = TurnState.RUNNING
    reply: ReplyPart = field(default_factory=ReplyPart)
    told: int = 0


class InMemoryMessageStore:
    """Keeps conversations for as long as the process lives; for notebooks and tests, on one event loop."""

    def __init__(self, window: int = WINDOW, lease: float = LEASE) -> None:
        self._window, self._lease = window, lease
        self._turns: dict[UUID, _KeptTurn] = {}  # in the order in which they last began
        self._owners: dict[UUID, str] = {}

    async def begin(self, turn: ChatTurn, owner: str) -> Beginning:
        turn = turn.identified()
        turn_id, conversation_id = cast("UUID", turn.turn_id), cast("UUID", turn.conversation_id)
        known = self._turns.get(turn_id)
        if self._owners.get(conversation_id, owner) != owner or (known and known.owner != owner):
            return Refused(NotFound())
        if known and (known.turn.conversation_id, content_of(known.turn)) != (conversation_id, content_of(turn)):
            return Refused(TurnIdReuse())
        if known and known.state is TurnState.COMPLETE:
            return Replay(ReplyPart(known.reply))
        running = self._running_turn_of(conversation_id)
        if running == turn_id:
            return Joined(turn_id)
        if running is not None:
            return Refused(ConversationBusy(retry_after=BUSY_FOR))
        return self._take(turn, turn_id, conversation_id, owner)

    async def finish(self, turn_id: UUID, reply: ReplyPart) -> None:
        kept = self._turns[turn_id]
        if kept.state is TurnState.RUNNING:
            kept.reply = ended(reply)
            kept.told = max(kept.told, reply.get("seq", 0))
            kept.state = state_of(kept.reply)

    def _running_turn_of(self, conversation_id: UUID) -> UUID | None:
        for turn_id, kept in self._turns.items():
            if kept.turn.conversation_id == conversation_id and kept.state is TurnState.RUNNING:
                if time.monotonic() - kept.began <= self._lease:
                    return turn_id
                kept.state, kept.reply = TurnState.PARTIAL, ended(kept.reply)
        return None

    def _take(self, turn: ChatTurn, turn_id: UUID, conversation_id: UUID, owner: str) -> Begun:
        before = self._turns.pop(turn_id, None)
        history = self._recall(conversation_id)
        self._owners[conversation_id] = owner
        told = before.told if before else 0
        self._turns[turn_id] = _KeptTurn(turn, owner, time.monotonic(), told=told)
        return Begun(turn, history, restarted=before is not None, told=told)

    def _recall(self, conversation_id: UUID) -> list[BaseMessage]:
        rows: list[Remembered] = []
        for turn_id, kept in self._turns.items():
            if kept.turn.conversation_id == conversation_id:
                rows.append(Remembered(question_message(kept.turn), turn_id, kept.state))
                if kept.reply.get("answer"):
                    rows.append(Remembered(answer_message(kept.reply), turn_id, kept.state))
        return recall(rows, self._window)


def with_history(
    chain: Runnable[dict[str, Any], ReplyPart], store: MessageStore, owner: str = "notebook"
) -> Runnable[ChatTurn | dict[str, Any], ReplyPart]:
    """The chain with a memory: a turn in, parts of its reply out, question and reply stored. Asynchronous only.

    The question is stored before the model is called. The reply is stored however the stream ends: a failure as
    failed, and what was told until the reader went away as partial. A turn that is complete is replayed.

    Raises:
        DocentError: the store refuses the turn, the turn is running already, or the chain fails.
    """

    async def answer(
        turns: AsyncIterator[ChatTurn | dict[str, Any]], config: RunnableConfig
    ) -> AsyncIterator[ReplyPart]:
        async for given in turns:
            beginning = await store.begin(ChatTurn.model_validate(given), owner)
            async with aclosing(_reply_to(beginning, chain, store, config)) as parts:
                async for part in parts:
                    yield part

    remembering: Runnable[Any, Any] = RunnableGenerator(cast("Any", answer), name="with_history")
    return remembering.with_types(input_type=ChatTurn, output_type=Reply)


async def _reply_to(
    beginning: Beginning, chain: Runnable[dict[str, Any], ReplyPart], store: MessageStore, config: RunnableConfig
) -> AsyncGenerator[ReplyPart, None]:
    match beginning:
        case Refused(error):
            raise error
        case Joined():
            raise ConversationBusy(retry_after=BUSY_FOR)
        case Replay(reply):
            yield reply
        case Begun() as begun:
            async with aclosing(_recorded(begun, chain, store, config)) as parts:
                async for part in parts:
                    yield part


async def _recorded(
    begun: Begun, chain: Runnable[dict[str, Any], ReplyPart], store: MessageStore, config: RunnableConfig
) -> AsyncGenerator[ReplyPart, None]:
    reply = opening = opening_of(begun.turn)
    ending = interruption()
    try:
        yield opening
        async with aclosing(chain.astream(chain_input(begun), config)) as parts:  # type: ignore[type-var]
            async for part in parts:
                reply = reply + part
                yield part
        ending = ReplyPart(outcome=Outcome.ANSWERED.value)
    except Exception as error:
        ending = failure(error, reply)
        raise
    finally:
        whole = reply if "outcome" in reply else reply + ending
        await settled(store.finish(cast("UUID", begun.turn.turn_id), whole))


def opening_of(turn: ChatTurn) -> ReplyPart:
    """The first part of every reply: which turn of which conversation this is."""
    return ReplyPart(conversation_id=str(turn.conversation_id), turn_id=str(turn.turn_id))


def chain_input(begun: Begun) -> dict[str, Any]:
    return {"turn": begun.turn.model_dump(), "history": begun.history}


async def settled(write: Coroutine[Any, Any, Written]) -> Written:
    """Wait until a write has ended, also when whoever waits for it is cancelled meanwhile."""
    task = asyncio.ensure_future(write)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
