"""Turns go on while the database is away: they are kept in memory, and stored when it is back.

Order: a conversation's turns are stored in the order in which they were asked here, after whatever another process
stored in it meanwhile. The database has the last word about owners and copies: what it refuses then (the conversation
is another visitor's, the turn is complete already, its id stands for other words) is dropped and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import cast
from uuid import UUID, uuid4

import structlog

from app.logs import place_of
from app.turns.known import Conversation, KeptTurn
from app.turns.outage_buffer import OutageBuffer
from app.turns.stores import RunNamingStore
from chains.errors import ConversationBusy, StorageUnavailable, TurnLost
from chains.history import Beginning, Begun, Durability, Joined, Refused, Replay
from chains.history_messages import TurnState, failure
from chains.turn import ChatTurn, ReplyPart

PROBE_PAUSES = (0.25, 0.5, 1.0, 2.0)  # seconds between looks at a database that is away; the last repeats
STORED_AT_ONCE = 4  # conversations; the pool has ten connections, and new turns want some

log = structlog.get_logger(__name__)


class OutageStore:
    """A MessageStore in front of one that goes away at times. `on_away` is called whenever that is found.

    While it is known to be away nobody waits for it: `begin` answers at once, and a probe finds it back.
    """

    def __init__(
        self, kept: RunNamingStore, buffer: OutageBuffer | None = None, on_away: Callable[[], None] = lambda: None
    ) -> None:
        self._kept, self._on_away = kept, on_away
        self.buffer = buffer or OutageBuffer()
        self.away = False
        self._probe: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()

    async def begin(self, turn: ChatTurn, owner: str) -> Beginning:
        """As the store behind it; while that is away, only for conversations whose owner is known here.

        Raises:
            StorageUnavailable: it is away and the conversation is not known, or as much waits already as may.
        """
        turn, run, asked_at = turn.identified(), uuid4(), datetime.now(UTC)
        known = self.buffer.known.get(cast("UUID", turn.conversation_id))
        if not self.away and (known is None or await self._settle(known)):
            try:
                beginning = await self._kept.begin(turn, owner, run)
            except StorageUnavailable:
                self._miss()
            else:
                self.buffer.note(beginning, owner, run, asked_at)
                return beginning
        self._wanted.set()
        self._watch()
        return self.buffer.take(turn, owner, run)

    async def finish(self, turn_id: UUID, reply: ReplyPart) -> Durability | None:
        """As the store behind it; while that is away, the reply waits here.

        Raises:
            StorageUnavailable: it is away, and as much waits already as may.
        """
        conversation = self.buffer.conversation_of(turn_id)
        kept = conversation.turn(turn_id) if conversation is not None else None
        if conversation is None or kept is None:  # not begun here
            return await self._kept.finish(turn_id, reply)
        if turn_id not in conversation.waiting:
            if await self._finish_stored(conversation, kept, reply):
                return None
            self.buffer.wait(conversation, kept)
            self._watch()
        self.buffer.end(kept, reply)
        await self._settle(conversation)
        return "buffered" if turn_id in conversation.waiting else None

    def holds(self, turn_id: UUID) -> bool:
        """The turn, or its reply, is not in the database yet."""
        conversation = self.buffer.conversation_of(turn_id)
        return conversation is not None and turn_id in conversation.waiting

    async def flush(self) -> bool:
        """Store what waits. True when nothing is left but turns that still run, whose questions are stored."""
        waiting = [*self.buffer.waiting()]
        settled: list[bool] = []
        for first in range(0, len(waiting), STORED_AT_ONCE):
            settled += await asyncio.gather(*map(self._settle, waiting[first : first + STORED_AT_ONCE]))
        return all(settled)

    async def close(self, patience: float) -> None:
        """Store what waits if the database answers within `patience` seconds; what is lost then is counted."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait((self._probe,))
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.buffer.stats.waiting:
                    await self._look()
                    await asyncio.sleep(PROBE_PAUSES[0] if self.buffer.stats.waiting else 0)
        if lost := self.buffer.stats.waiting:
            self.buffer.stats.lost = lost
            log.error("turns_lost", turns=lost, bytes=self.buffer.stats.bytes)

    async def _finish_stored(self, conversation: Conversation, kept: KeptTurn, reply: ReplyPart) -> bool:
        """The end of a turn whose question is in the database."""
        if self.away:
            return False
        try:
            await self._kept.finish(cast("UUID", kept.turn.turn_id), reply)
        except StorageUnavailable:
            self._miss()
            return False
        except TurnLost:
            self.buffer.lose(conversation, kept)
            raise
        kept.end(reply)
        self.buffer.stored(conversation, kept)
        return True

    async def _settle(self, conversation: Conversation) -> bool:
        """Store what waits of a conversation, in order. True when the database knows of every turn of it."""
        if not conversation.waiting:
            return True
        if self.away:
            return False
        async with conversation.settling:
            for kept in [*conversation.waiting.values()]:
                if self.away or not await self._store(conversation, kept):
                    return False
        return True

    async def _store(self, conversation: Conversation, kept: KeptTurn) -> bool:
        """False: it has to wait on, and with it whatever follows."""
        turn_id = cast("UUID", kept.turn.turn_id)
        try:
            if kept.state is TurnState.RUNNING and kept.begun:
                return True
            if not await self._store_question(conversation, kept):
                return turn_id not in conversation.waiting
            if kept.state is TurnState.RUNNING:
                return True
            await self._store_reply(turn_id, kept.reply + {"seq": kept.told})
        except StorageUnavailable:
            self._miss()
            return False
        except Exception as error:  # one that cannot be stored at all must not keep the others waiting
            log.error("turn_unstorable", turn_id=str(turn_id), error=type(error).__name__, where=place_of(error))
            self._refuse(conversation, turn_id)
            return True
        self._settled(conversation, kept)
        return True

    async def _store_question(self, conversation: Conversation, kept: KeptTurn) -> bool:
        """Also of a turn that ran there before it went away: its lease may be over, and another may have ended it."""
        if await self._erased(conversation, kept):
            return False
        match await self._kept.begin(kept.turn, conversation.owner, kept.run):
            case Begun():
                kept.begun, conversation.born_here = True, False
                return not await self._erased(conversation, kept)  # perhaps while it was being stored
            case Replay(reply) if reply.get("answer") == kept.reply.get("answer"):  # ours: its answer was lost
                self._settled(conversation, kept)
                return False
            case Joined() | Refused(ConversationBusy()):  # another process has a turn in this conversation: after it
                return False
            case _:
                self._refuse(conversation, cast("UUID", kept.turn.turn_id))
                return False

    async def _erased(self, conversation: Conversation, kept: KeptTurn) -> bool:
        """Its reader has had it erased, by another process, since he asked: nothing of it is kept."""
        if not await self._kept.take_back(kept.turn, conversation.owner, kept.run, kept.created_at):
            return False
        self.buffer.drop(conversation, cast("UUID", kept.turn.turn_id))
        conversation.told, conversation.last = [], None
        return True

    def _settled(self, conversation: Conversation, kept: KeptTurn) -> None:
        turn_id = cast("UUID", kept.turn.turn_id)
        if conversation.waiting.get(turn_id) is kept:  # else it was asked again meanwhile, and runs
            self.buffer.drop(conversation, turn_id)
            self.buffer.stored(conversation, kept)
            self.buffer.stats.stored_late += 1

    async def _store_reply(self, turn_id: UUID, reply: ReplyPart) -> None:
        try:
            await self._kept.finish(turn_id, reply)
        except (StorageUnavailable, TurnLost):
            raise
        except Exception as error:
            log.error("reply_unstorable", turn_id=str(turn_id), error=type(error).__name__, where=place_of(error))
            await self._kept.finish(turn_id, failure(error, ReplyPart()))

    def _refuse(self, conversation: Conversation, turn_id: UUID) -> None:
        self.buffer.drop(conversation, turn_id)
        self.buffer.stats.refused += 1
        log.warning("buffered_turn_refused", turn_id=str(turn_id))

    def _miss(self) -> None:
        """The database did not answer."""
        if not self.away:
            log.warning("database_away")
        self.away = True
        self._on_away()
        self._watch()

    def _watch(self) -> None:
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._find_back())

    async def _find_back(self) -> None:
        """Look until the database answers and nothing waits; a turn that comes hurries the next look."""
        for attempt in count():
            await asyncio.sleep(PROBE_PAUSES[0])
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_PAUSES[min(attempt, len(PROBE_PAUSES) - 1)]):
                    await self._wanted.wait()
            self._wanted.clear()
            if await self._look():
                return

    async def _look(self) -> bool:
        """Whether the database is there and everything is settled."""
        try:
            await self._kept.ping()
        except StorageUnavailable:
            return False
        if self.away:
            log.info("database_back", waiting=self.buffer.stats.waiting)
        self.away = False
        return await self.flush()
