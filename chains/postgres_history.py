"""Conversations in Postgres: two round trips a turn, and langchain-postgres reads and writes the same messages."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import orjson
import psycopg
from langchain_core.messages import message_to_dict
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from chains.errors import ConversationBusy, NotFound, StorageUnavailable, TurnIdReuse, TurnLost
from chains.history import BUSY_FOR, LEASE, WINDOW, Beginning, Begun, Joined, Refused, Replay
from chains.history_messages import (
    TurnState,
    answer_message,
    cancellation,
    content_of,
    ended,
    interruption,
    question_message,
    recall,
    state_of,
    title_of,
)
from chains.history_pool import STATEMENT_PATIENCE
from chains.history_rows import remembered, turns_of
from chains.history_statements import BEGIN, CONVERSATION, CONVERSATIONS, FINISH, HISTORY, LAPSE, MESSAGES, TAKE_BACK
from chains.turn import ChatTurn, ReplyPart

if TYPE_CHECKING:
    from langchain_postgres import PostgresChatMessageHistory

RETRY_AFTER = 2  # seconds

log = logging.getLogger(__name__)


class PostgresMessageStore:
    """A MessageStore over a pool made by `chains.history_pool`; the tables are made by `chains.migrations`.

    `window`: messages given to the chain. `lease`: seconds after which a turn that still runs has lost its process
    and may be taken over; longer than any turn's deadline, unless somebody renews it.
    """

    def __init__(self, pool: AsyncConnectionPool, window: int = WINDOW, lease: float = LEASE) -> None:
        self._pool, self._window, self.lease = pool, window, timedelta(seconds=lease)
        self._losses = {
            "interrupted": _json(interruption()),
            "cancelled": _json(cancellation()),
            "lost": _json(message_to_dict(answer_message(interruption()))),
        }
        self.asked_at = time.monotonic()  # by a turn or a reader, and whether the database answered
        self.answering = True
        self._runs: dict[UUID, UUID] = {}  # turns begun here and not finished: whoever took one over is not overwritten

    async def begin(self, turn: ChatTurn, owner: str, run: UUID | None = None) -> Beginning:
        """A conversation that nobody owns, a notebook's for instance, becomes the first owner's.

        `run` names the call: made again under the same name, as long as the turn runs, it has the turn again.

        Raises:
            StorageUnavailable
        """
        turn = turn.identified()
        values = self._question_of(turn, owner) | ({"run": run} if run else {})
        try:
            (row,) = await self.ask(BEGIN, values)
        except UniqueViolation as error:
            if error.diag.constraint_name != "turn_running":
                raise
            # Another turn has taken the conversation since this statement's snapshot.
            return Refused(ConversationBusy(retry_after=BUSY_FOR))
        if not row["mine"]:
            return _refusal_of(row, turn)
        if row["outdated"]:  # a turn has begun since the snapshot, and may have ended: its messages are missing
            (newer,) = await self.ask(HISTORY, values)
            row["history"] = newer["history"]
        self._runs[values["turn"]] = values["run"]
        history = recall(remembered(row["history"]), self._window)
        return Begun(turn, history, restarted=row["attempt"] > 1, told=row["opened"], run=values["run"])

    async def finish(self, turn_id: UUID, reply: ReplyPart) -> None:
        """Raises StorageUnavailable; TurnLost when another process has ended the turn or has begun it anew."""
        kept = ended(reply)
        values = {
            "turn": turn_id,
            "run": self._runs.get(turn_id),
            "state": state_of(kept).value,
            "told": reply.get("seq", 0),
            "reply": _json(kept),
            "message": _json(message_to_dict(answer_message(kept))),
            "answered": bool(kept.get("answer")),
        }
        rows = await self.ask(FINISH, values)
        run = self._runs.pop(turn_id, None)
        if run is not None and not any(row["stored"] or (row["same"] and row["ours"]) for row in rows):
            raise TurnLost

    async def take_back(self, turn: ChatTurn, owner: str, run: UUID, asked_at: datetime) -> bool:
        """Whether it was erased by its owner since he asked it; nothing of this attempt is stored then.

        Raises:
            StorageUnavailable
        """
        values = {"turn": turn.turn_id, "conversation": turn.conversation_id, "owner": owner, "run": run}
        (row,) = await self.ask(TAKE_BACK, {**values, "asked_at": asked_at})
        return bool(row["erased"])

    async def ping(self) -> None:
        """Raises StorageUnavailable."""
        await self.ask("SELECT", {})

    async def lapse(
        self, *, turn_id: UUID | None = None, conversation_id: UUID | None = None, everyone: bool = False
    ) -> int:
        """End turns whose lease is over as what the journal holds of them: partial, or cancelled if that was asked.

        `everyone`: also those whose lease is not over, for no other process can have them. Returns how many there were.

        Raises:
            StorageUnavailable
        """
        values = {**self._losses, "turn": turn_id, "conversation": conversation_id, "all": everyone}
        return len(await self.ask(LAPSE, values))

    async def conversation(self, conversation_id: UUID, owner: str, limit: int = 200) -> dict[str, Any]:
        """The newest `limit` turns, oldest first: question, state and every field of the reply.

        Raises:
            NotFound: there is none, or it is another owner's.
            StorageUnavailable
        """
        values = {"conversation": conversation_id, "owner": owner, "limit": limit}
        rows = await self.ask(CONVERSATION, values)
        if not rows:
            raise NotFound
        if any(row["lapsed"] for row in rows[0]["messages"] or ()):
            await self.lapse(conversation_id=conversation_id)
            rows = await self.ask(CONVERSATION, values)
        head = {"conversation_id": str(conversation_id), "title": rows[0]["title"]}
        times = {name: rows[0][name].isoformat() for name in ("created_at", "updated_at")}
        return {**head, **times, "messages": turns_of(rows[0]["messages"] or [])}

    async def conversations(self, owner: str, limit: int = 50, before: datetime | None = None) -> list[dict[str, Any]]:
        """Newest first; `before`: the `updated_at` of the last one that was seen. Raises StorageUnavailable."""
        rows = await self.ask(CONVERSATIONS, {"owner": owner, "limit": limit, "before": before})
        return [
            {
                "conversation_id": str(row["id"]),
                "title": row["title"],
                "created_at": row["created_at"].isoformat(),
                "updated_at": row["updated_at"].isoformat(),
            }
            for row in rows
        ]

    def as_langchain(self, conversation_id: UUID | str) -> PostgresChatMessageHistory:
        """The same messages as LangChain's own history, for notebooks: synchronous, unbounded, knows no owner.

        It has a connection of its own, which lives as long as it does.
        """
        from langchain_postgres import PostgresChatMessageHistory  # 1.5 s, which serving does without

        connection = psycopg.connect(cast("str", self._pool.conninfo), autocommit=True, prepare_threshold=None)
        history = PostgresChatMessageHistory(MESSAGES, str(conversation_id), sync_connection=connection)
        weakref.finalize(history, connection.close)
        return history

    def _question_of(self, turn: ChatTurn, owner: str) -> dict[str, Any]:
        return {
            "turn": turn.turn_id,
            "conversation": turn.conversation_id,
            "owner": owner,
            "title": title_of(turn),
            "content": content_of(turn),
            "message": _json(message_to_dict(question_message(turn))),
            **self._losses,
            "run": uuid4(),
            "lease": self.lease,
            "window": self._window,
        }

    async def ask(self, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One statement, and whether it was answered is known to whoever watches the database."""
        self.asked_at = time.monotonic()
        try:
            rows = await self._ask_twice(statement, values)
        except StorageUnavailable:
            self.answering = False
            raise
        self.answering = True
        return rows

    async def _ask_twice(self, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Once more if its connection was dead. All of ours may be repeated."""
        try:
            return await self._execute(statement, values)
        except (PoolTimeout, PoolClosed, TimeoutError) as error:
            raise StorageUnavailable(retry_after=RETRY_AFTER) from error
        except psycopg.OperationalError as error:
            log.warning("A connection to Postgres was lost (%s); trying once more", type(error).__name__)
        try:
            await self._pool.check()  # the other idle connections died with it
            return await self._execute(statement, values)
        except (psycopg.OperationalError, TimeoutError) as error:
            raise StorageUnavailable(retry_after=RETRY_AFTER) from error

    async def _execute(self, statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        async with asyncio.timeout(STATEMENT_PATIENCE), self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(cast("Any", statement), {**values, "clock": datetime.now(UTC)})
            return await cursor.fetchall() if cursor.description else []


def _json(value: dict[str, Any]) -> Jsonb:
    return Jsonb(value, dumps=orjson.dumps)


def _refusal_of(row: dict[str, Any], turn: ChatTurn) -> Beginning:
    """What the statement says to a call that did not get the turn."""
    if row["elsewhere"] or (row["own"] and not row["same"]):
        return Refused(TurnIdReuse())
    if not row["held"] or row["own"] is False:
        return Refused(NotFound())
    match row["state"]:
        case TurnState.COMPLETE:
            ids = {"conversation_id": str(turn.conversation_id), "turn_id": str(turn.turn_id)}
            return Replay(ReplyPart(row["reply"] | ids))
        case TurnState.RUNNING:
            return Joined(cast("UUID", turn.turn_id), told=row["opened"])
        case _:  # no row: not inserted; another state: it may run again, but another turn runs
            return Refused(ConversationBusy(retry_after=BUSY_FOR))
