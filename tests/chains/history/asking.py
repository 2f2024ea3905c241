"""What the tests of the stores say to them."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from fakes import CITATION, SOURCE, a_turn
from langchain_core.messages import BaseMessage
from psycopg_pool import AsyncConnectionPool

from chains.errors import DocentError, ModelUnavailable
from chains.history import Begun, InMemoryMessageStore, MessageStore, Refused
from chains.postgres_history import PostgresMessageStore
from chains.turn import ChatTurn, ReplyPart

ANSWER = ReplyPart(answer="Roll back. [1]", outcome="answered", grounded=True, model="fake")
FAILED = ReplyPart(outcome="failed", error=ModelUnavailable().as_dict())
PARTIAL = ReplyPart(answer="Roll", outcome="failed", partial=True, error=DocentError().as_dict())


class Stores:
    """Makes stores of one kind."""

    def __init__(self, pool: AsyncConnectionPool | None) -> None:
        self._pool = pool
        self.shared = pool is not None  # two stores see the same conversations

    def make(self, **options: Any) -> MessageStore:
        return PostgresMessageStore(self._pool, **options) if self._pool else InMemoryMessageStore(**options)


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


WHOLE = ReplyPart(
    answer="Roll back. [1]",
    sources=[SOURCE],
    citations=[CITATION],
    outcome="answered",
    grounded=True,
    model="fake",
    usage={"input_tokens": 7, "output_tokens": 3},
    timings={"total": 1.5},
)


def ids_of(turn: ChatTurn) -> tuple[UUID, UUID]:
    return cast("UUID", turn.turn_id), cast("UUID", turn.conversation_id)
