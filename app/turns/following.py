"""A turn that runs on another replica, or ran: told from the journal, and to its end from the store."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import reduce
from uuid import UUID

from app.turns.journal import Journal, Look
from app.turns.log import PARTS_LIMIT, SOURCES, TOLD_BEFORE
from chains.errors import NotFound, Overloaded, StorageUnavailable
from chains.history import BUSY_FOR
from chains.history_messages import TurnState, interruption
from chains.turn import ReplyPart

PATIENCE = 30.0  # seconds that a database may be away before its reader is let go


class FollowedTurn:
    """Numbers go on from the reader's own, without gaps.

    What was never written is void when another attempt begins after it: it is told as restarts. A turn that has ended
    without all of its end in the journal is told again as a whole, as it is stored. `first`: nobody wants to hear
    what bears the numbers up to this one. `closing` ends the telling where it is: the reader may go on elsewhere.
    """

    def __init__(
        self, journal: Journal, turn_id: UUID, owner: str, first: int = 0, closing: asyncio.Event | None = None
    ) -> None:
        self._journal, self._id, self._owner = journal, turn_id, owner
        self._first, self._closing = first, closing or asyncio.Event()

    @property
    def turn_id(self) -> str:
        return str(self._id)

    async def open(self, after: int) -> None:
        """See whether there is something to tell.

        Raises:
            NotFound: no turn of this reader's, or it ended too long ago.
            StorageUnavailable
        """
        look = await self._look(after)
        if look.forgotten:
            raise NotFound
        if look.told < after <= look.told + PARTS_LIMIT:
            await self._journal.note(self._id, self._owner, after)

    async def parts(self, after: int = 0) -> AsyncGenerator[ReplyPart, None]:
        """As ReadableTurn's. Raises StorageUnavailable when the database stays away: the reader may come again."""
        after = max(after, self._first)
        while not self._closing.is_set():
            look = await self._look_patiently(after)
            for part in _gapless(look.parts, after):
                after = part["seq"]
                yield part
                if "outcome" in part:
                    return
            if look.lapsed:
                await self._lapse()
            elif look.settled:
                async for part in self._stored_end(look, after):
                    yield part
                return
            else:
                await asyncio.sleep(self._journal.times.poll)

    async def reply(self) -> ReplyPart:
        """As ReadableTurn's. Raises Overloaded when this service closes before the turn ends elsewhere."""
        whole = ReplyPart()
        async with aclosing(self.parts()) as parts:
            async for part in parts:
                whole = whole + part
        if "outcome" not in whole:
            raise Overloaded(retry_after=BUSY_FOR)
        return whole

    async def state_after(self, patience: float) -> TurnState:
        """The state that the turn has ended in; `running` if it has not within `patience` seconds.

        Raises:
            NotFound: it was erased meanwhile.
            StorageUnavailable
        """
        end = time.monotonic() + patience
        while (look := await self._look(PARTS_LIMIT)).state is TurnState.RUNNING and time.monotonic() < end:
            if look.lapsed:
                await self._lapse()
            else:
                await asyncio.sleep(self._journal.times.poll)
        return look.state

    async def _stored_end(self, look: Look, after: int) -> AsyncIterator[ReplyPart]:
        """What the journal does not have: the end alone, if the reader has seen the same text as is stored."""
        reply = look.reply or interruption()
        journal = await self._look_patiently(look.opened)
        told = reduce(ReplyPart.__add__, journal.parts, ReplyPart())
        seen = told.get("seq", 0) == after and told.get("answer", "") == reply.get("answer", "")
        if seen and "outcome" in told:
            return
        parts = [] if seen else _again(reply)
        parts.append(_end_of(reply, self.turn_id, look.conversation_id))
        await self._journal.note(self._id, self._owner, min(after, look.told + PARTS_LIMIT) + len(parts))
        for part in parts:
            after += 1
            yield ReplyPart(part, seq=after)

    async def _look(self, after: int) -> Look:
        look = await self._journal.look(self._id, self._owner, after)
        if look is None:
            raise NotFound
        return look

    async def _look_patiently(self, after: int) -> Look:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._look(after)
            except StorageUnavailable:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(self._journal.times.poll)

    async def _lapse(self) -> None:
        try:
            await self._journal.lapse(self._id)
        except StorageUnavailable:
            await asyncio.sleep(self._journal.times.poll)


def _gapless(parts: list[ReplyPart], after: int) -> list[ReplyPart]:
    """Those that follow one another; numbers that are missing before a restart are void, and told as restarts."""
    told: list[ReplyPart] = []
    for part in parts:
        missing = range(after + 1, part["seq"])
        if missing and "restart" not in part:
            break
        told += (ReplyPart(restart="lost", seq=seq) for seq in missing)
        told.append(part)
        after = part["seq"]
    return told


def _again(reply: ReplyPart) -> list[ReplyPart]:
    parts = [ReplyPart(restart="resumed")]
    if reply.get("sources"):
        parts.append(ReplyPart({name: reply[name] for name in SOURCES if name in reply}))
    if reply.get("answer"):
        parts.append(ReplyPart(answer=reply["answer"]))
    return parts


def _end_of(reply: ReplyPart, turn_id: str, conversation_id: str) -> ReplyPart:
    kept = {name: value for name, value in reply.items() if name not in TOLD_BEFORE}
    digest = hashlib.sha256(str(reply.get("answer", "")).encode()).hexdigest()
    return ReplyPart(kept, turn_id=turn_id, conversation_id=conversation_id, answer_sha256=digest)
