"""What this process remembers of the conversations that it served: enough to go on while the database is away."""

from __future__ import annotations

import time
from asyncio import Lock
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import orjson
from langchain_core.messages import BaseMessage

from chains.history import WINDOW
from chains.history_messages import (
    Remembered,
    TurnState,
    answer_message,
    ended,
    question_message,
    recall,
    state_of,
    title_of,
)
from chains.turn import ChatTurn, Reply, ReplyPart

SERVED_WITHIN = 3600.0  # seconds: who has not asked for an hour is not taken at his word while the database is away
CONVERSATIONS_LIMIT = 2_000
COMPLETE_LIMIT = 64  # turns of a conversation
MEMORY_LIMIT = 32 * 1024 * 1024  # bytes of text
RUNNING_SIZE = 64 * 1024  # bytes set aside for a turn that runs: question, sources and a long answer


@dataclass(slots=True)
class KeptTurn:
    """A turn and its reply, to be stored. `run` names it to the database; `told`: its last `seq`.

    `begun`: the question is in the database, and the turn runs there.
    """

    turn: ChatTurn
    run: UUID = field(default_factory=uuid4)
    begun: bool = False
    state: TurnState = TurnState.RUNNING
    reply: ReplyPart = field(default_factory=ReplyPart)
    told: int = 0
    size: int = RUNNING_SIZE
    began: float = field(default_factory=time.monotonic)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def end(self, reply: ReplyPart) -> None:
        self.reply = ended(reply)
        self.state = state_of(self.reply)
        self.told = max(self.told, reply.get("seq", 0))
        self.size = len(orjson.dumps([self.turn.model_dump(), self.reply], default=str))

    def rows(self) -> list[Remembered]:
        """As the next turn of the conversation may be told of it."""
        rows = [Remembered(question_message(self.turn), self.turn.turn_id, self.state)]
        if self.reply.get("answer"):
            rows.append(Remembered(answer_message(self.reply), self.turn.turn_id, self.state))
        return rows

    def as_message(self) -> dict[str, Any]:
        """As a reader of the conversation gets it from the database."""
        question = question_message(self.turn)
        told = {"turn_id": str(self.turn.turn_id), "question": self.turn.question, "state": self.state.value}
        reply = Reply.model_validate(self.reply).model_dump(mode="json", exclude_none=True) if self.reply else {}
        return {**told, "created_at": self.created_at.isoformat(), **question.additional_kwargs, **reply}


@dataclass(slots=True)
class Conversation:
    """`running` is stored and runs here; `last` was stored before; `waiting` are not stored, in the order of asking.

    `complete`: turns that were stored so from here, and are not run again. `born_here`: the database has never heard
    of it.
    """

    id: UUID
    owner: str
    born_here: bool = False
    served: float = field(default_factory=time.monotonic)
    told: list[Remembered] = field(default_factory=list)
    running: KeptTurn | None = None
    last: KeptTurn | None = None
    complete: deque[UUID] = field(default_factory=lambda: deque(maxlen=COMPLETE_LIMIT))
    waiting: dict[UUID, KeptTurn] = field(default_factory=dict)
    settling: Lock = field(default_factory=Lock)
    counted: int = 0

    @property
    def at_work(self) -> bool:
        return bool(self.waiting) or self.running is not None

    @property
    def size(self) -> int:
        """Bytes of what is remembered, without what waits."""
        return sum(len(row.message.text) for row in self.told) + (self.last.size if self.last else 0)

    def turn(self, turn_id: UUID) -> KeptTurn | None:
        candidates = (self.waiting.get(turn_id), self.running, self.last)
        return next((kept for kept in candidates if kept is not None and kept.turn.turn_id == turn_id), None)

    def runs(self, lease: float) -> KeptTurn | None:
        """The turn that has the conversation; one whose lease is over has lost it."""
        turns = [*self.waiting.values(), *([self.running] if self.running else [])]
        running = (kept for kept in turns if kept.state is TurnState.RUNNING)
        return next((kept for kept in running if time.monotonic() - kept.began <= lease), None)

    def history(self, turn_id: UUID) -> list[BaseMessage]:
        """What the model is told before this turn."""
        rows = [*self.told, *(row for kept in self.waiting.values() for row in kept.rows())]
        return recall([row for row in rows if row.turn_id != turn_id], WINDOW)

    def remember(self, kept: KeptTurn) -> None:
        """It has ended and is stored: what it adds to the history, and its reply for whoever asks again."""
        if kept.state is TurnState.COMPLETE:
            self.complete.append(cast("UUID", kept.turn.turn_id))
        before = [row for row in self.told if row.turn_id != kept.turn.turn_id]
        self.told = [*before, *kept.rows()][-2 * WINDOW :]
        self.last, self.born_here = kept, False

    def as_report(self) -> dict[str, Any]:
        """As the database would tell it, if it knew."""
        turns = list(self.waiting.values())
        times = {"created_at": turns[0].created_at.isoformat(), "updated_at": turns[-1].created_at.isoformat()}
        head = {"conversation_id": str(self.id), "title": title_of(turns[0].turn)}
        return {**head, **times, "messages": [kept.as_message() for kept in turns]}


class KnownConversations:
    """Those of the last hour, so many of them and so many bytes; the one that was served longest ago goes first."""

    def __init__(self, limit: int = CONVERSATIONS_LIMIT, memory: int = MEMORY_LIMIT) -> None:
        self._limit, self._memory = limit, memory
        self._known: OrderedDict[UUID, Conversation] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, conversation_id: UUID) -> Conversation | None:
        known = self._known.get(conversation_id)
        if known is not None and not known.at_work and time.monotonic() - known.served > SERVED_WITHIN:
            self.forget(conversation_id)
            return None
        return known

    def add(self, conversation: Conversation) -> Conversation:
        self.forget(conversation.id)
        self._known[conversation.id] = conversation
        self._count(conversation)
        self._make_room()
        return conversation

    def renew(self, conversation: Conversation) -> None:
        """It was served: it goes last, and is counted by what it holds."""
        conversation.served = time.monotonic()
        if self._known.get(conversation.id) is conversation:
            self._count(conversation)
            self._known.move_to_end(conversation.id)
            self._make_room()

    def forget(self, conversation_id: UUID) -> None:
        if known := self._known.pop(conversation_id, None):
            self._size -= known.counted
            known.counted = 0

    def of(self, owner: str) -> list[Conversation]:
        return [known for known in self._known.values() if known.owner == owner]

    def _count(self, conversation: Conversation) -> None:
        self._size += conversation.size - conversation.counted
        conversation.counted = conversation.size

    def _make_room(self) -> None:
        over = len(self._known) > self._limit or self._size > self._memory
        for conversation_id in [*self._known] if over else ():
            if len(self._known) <= self._limit and self._size <= self._memory:
                return
            if not self._known[conversation_id].at_work:
                self.forget(conversation_id)
