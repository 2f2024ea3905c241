"""A turn that was accepted, as its readers see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.turns.log import SOURCES, TurnLog
from app.visitor import Visitor
from chains.history import Begun, Durability, opening_of
from chains.history_messages import TurnState, state_of
from chains.turn import ChatTurn, ReplyPart


class Stop(StrEnum):
    """Why a turn ended before its answer did."""

    CANCELLED = "cancelled"  # its reader asked for that
    UNREAD = "unread"  # nobody has read for the whole grace
    CLOSING = "closing"  # the service ends
    LOST = "lost"  # another process has taken the turn over, or it was erased


class ReadableTurn(Protocol):
    """Whatever a door can tell a reader: a turn that runs here, that is replayed, or that runs elsewhere."""

    @property
    def turn_id(self) -> str:
        """Of the events' ids."""

    def parts(self, after: int = 0) -> AsyncGenerator[ReplyPart, None]:
        """One event each, with its `seq`, those above `after`: as they come, to the one with the `outcome`."""

    async def reply(self) -> ReplyPart:
        """The whole reply, once it has ended. A failed one has its `error`; nothing is raised for it."""


class RunningTurn:
    """A turn that was accepted here: running, ended, or complete before and replayed, for any number of readers.

    `owner` is the visitor who may read it. While `grace` is set, so many seconds without any reader stop it.
    """

    def __init__(
        self, turn: ChatTurn, owner: str, log: TurnLog, *, replayed: bool = False, restarted: bool = False
    ) -> None:
        self.turn, self.owner, self.log = turn, owner, log
        self.replayed, self.restarted = replayed, restarted
        self.task: asyncio.Task[None] | None = None
        self.generating = False
        self.reason: Stop | None = None
        self.lost = False  # another attempt has the turn: who asks again is told that one, who reads on this one's end
        self.state = TurnState.RUNNING
        self._ended = asyncio.Event()
        self._readers = 0
        self._grace: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def turn_id(self) -> str:
        return str(self.turn.turn_id)

    def is_of(self, owner: str, conversation_id: UUID | None) -> bool:
        """This visitor's, and of this conversation unless any will do."""
        return self.owner == owner and conversation_id in (None, self.turn.conversation_id)

    async def parts(self, after: int = 0) -> AsyncGenerator[ReplyPart, None]:
        """As ReadableTurn's. A reader who has seen more than there is saw another attempt: he gets all of this one."""
        self._readers += 1
        self._disarm()
        try:
            shift = after - self.log.start if after > self.log.last else 0
            async with aclosing(self.log.read(after - shift)) as parts:
                if shift:
                    after += 1
                    yield ReplyPart(restart="resumed", seq=after)
                    shift += 1
                async for part in parts:
                    yield ReplyPart(part, seq=part["seq"] + shift) if shift else part
        finally:
            self._readers -= 1
            self._arm()

    async def reply(self) -> ReplyPart:
        """As ReadableTurn's."""
        whole = ReplyPart()
        async with aclosing(self.parts()) as parts:
            async for part in parts:
                whole = whole + part
        return whole

    def watch(self, grace: float) -> None:
        """From here on somebody has to read."""
        self._grace = grace
        self._arm()

    def heard_elsewhere(self) -> None:
        """A reader follows it on another replica."""
        self._disarm()
        self._arm()

    def stop(self, reason: Stop) -> None:
        """End the answer where it is; nothing happens to one that has come to its end. A reader's word comes first."""
        self.lost |= reason is Stop.LOST
        if self.reason is None or reason is Stop.CANCELLED:
            self.reason = reason
        if self.generating and self.task is not None:
            self.task.cancel()

    async def cancel(self) -> TurnState:
        """As its reader asks: how the turn has ended, once that is stored."""
        self.stop(Stop.CANCELLED)
        await self._ended.wait()
        return self.state

    def end(self, ending: ReplyPart) -> None:
        """Tell the last part, unless it was told. Nobody needs to read any more."""
        self._grace = None
        self._disarm()
        self.log.end(ending)
        self.state = state_of(self.log.fold())
        self._ended.set()

    def _arm(self) -> None:
        if self._grace is not None and self._readers == 0 and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._grace, self.stop, Stop.UNREAD)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def stop_all(turns: list[RunningTurn], reason: Stop, patience: float) -> None:
    """And wait for so many seconds until they are stored."""
    for turn in turns:
        turn.stop(reason)
    if tasks := [turn.task for turn in turns if turn.task is not None]:
        await asyncio.wait(tasks, timeout=patience)


def opened(begun: Begun, visitor: Visitor, coalesce: float, before: RunningTurn | None) -> RunningTurn:
    """A turn that begins. After an attempt `before` it counts on, and says at once that its text is void."""
    log = TurnLog(coalesce, max(begun.told, before.log.last if before else 0))
    running = RunningTurn(begun.turn, visitor.id, log, restarted=begun.restarted)
    token = {"visitor_token": visitor.new_token} if visitor.new_token else {}
    if begun.restarted:
        log.tell(ReplyPart(restart="retry"))
    log.tell(opening_of(begun.turn) + token + {"durability": begun.durability})
    return running


def replayed(turn: ChatTurn, owner: str, reply: ReplyPart, durability: Durability) -> RunningTurn:
    """A turn that was complete before, told again at once."""
    running = RunningTurn(turn, owner, TurnLog(0.0), replayed=True)
    running.log.tell(opening_of(turn) + {"durability": durability})
    if "sources" in reply:
        running.log.tell(ReplyPart({name: reply[name] for name in SOURCES if name in reply}))
    running.log.write(ReplyPart({name: value for name, value in reply.items() if name != "sources"}))
    running.end(ReplyPart(durability=durability) if durability == "buffered" else ReplyPart())
    return running
