"""A turn that was accepted, as its readers see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from app.turns.log import TurnLog
from chains.turn import ChatTurn, ReplyPart


class RunningTurn:
    """A turn that was accepted: running, or complete before and replayed. Any number of readers may follow it."""

    def __init__(self, turn: ChatTurn, coalesce: float, *, replayed: bool = False, restarted: bool = False) -> None:
        self.turn = turn
        self.replayed = replayed
        self.restarted = restarted
        self.log = TurnLog(coalesce)

    def parts(self, after: int = 0) -> AsyncGenerator[ReplyPart, None]:
        """One event each, with its `seq`: the ids first, then as they come; the last one has the `outcome`."""
        return self.log.read(after)

    async def reply(self) -> ReplyPart:
        """The whole reply, once it has ended. A failed one has its `error`; nothing is raised."""
        whole = ReplyPart()
        async for part in self.parts():
            whole = whole + part
        return whole
