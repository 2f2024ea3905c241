"""One turn being answered: the chain into the log, and the reply into the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import structlog
from langchain_core.runnables import Runnable, RunnableConfig

from app.logs import place_of
from app.turns.limits import TurnHooks, TurnLimits
from app.turns.running import RunningTurn, Stop
from chains.errors import DeadlineExceeded, DocentError, StorageUnavailable, TurnLost
from chains.history import Begun, MessageStore, chain_input, settled
from chains.history_messages import cancellation, failure, interruption
from chains.resilience import Deadline, turn_deadline
from chains.turn import Outcome, ReplyPart

FINISH_PAUSE = 1.0  # seconds between attempts to store a reply that cannot even be kept in memory,
FINISH_TRIES = 120  # so many of them

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Generation:
    """Runs once. The reply is stored before anyone sees its end; while it is not, the turn counts as running."""

    running: RunningTurn
    begun: Begun
    chain: Runnable[dict[str, Any], ReplyPart]
    store: MessageStore
    limits: TurnLimits
    hooks: TurnHooks

    @property
    def turn_id(self) -> UUID:
        return cast("UUID", self.begun.turn.turn_id)

    async def run(self, config: RunnableConfig | None) -> ReplyPart:
        """The reply. Whatever fails is said by its end."""
        reply = ReplyPart()
        try:
            ending = await self._generate(config)
            reply = self.running.log.fold() + ending
            trouble, durability = await self._finish(reply)
            self.running.lost |= isinstance(trouble, TurnLost)
            self.running.end(self._failed(trouble) if trouble else ending + durability)
            if isinstance(trouble, StorageUnavailable):
                await self._finish_later(reply)
            elif trouble and not self.running.lost:
                # This reply cannot be stored at all, and the conversation must not stay busy.
                await self._finish(failure(trouble, ReplyPart()))
        finally:
            self.running.end(interruption())  # does nothing where an end was told
        return reply

    async def _generate(self, config: RunnableConfig | None) -> ReplyPart:
        """Run the chain into the log; returns what remains to be said at the end."""
        deadline = asyncio.timeout(self.limits.deadline)
        log = self.running.log
        self.running.generating = True
        try:
            if self.running.reason is not None:
                return _stopped(self.running.reason)
            async with deadline:
                with turn_deadline(Deadline(self.limits.deadline)):
                    await self._follow(config)
        except asyncio.CancelledError:
            _forget_cancellation()
            return _stopped(self.running.reason)
        except Exception as error:
            return self._failed(DeadlineExceeded() if deadline.expired() else error)
        finally:
            self.running.generating = False
        if log.full:
            return ReplyPart(outcome=Outcome.TRUNCATED.value)
        return ReplyPart() if "outcome" in log.fold() else ReplyPart(outcome=Outcome.ANSWERED.value)

    async def _follow(self, config: RunnableConfig | None) -> None:
        parts = cast("AsyncGenerator[ReplyPart, None]", self.chain.astream(chain_input(self.begun), config))
        async with aclosing(parts):
            async for part in parts:
                self.running.log.write(part)
                if self.running.log.full:
                    return

    async def _finish(self, reply: ReplyPart) -> tuple[Exception | None, ReplyPart]:
        """What went wrong, and the end's durability where it is not stored. `seq` is the end's, which is told next."""
        try:
            durability = await settled(self.store.finish(self.turn_id, reply + {"seq": self.running.log.last + 1}))
        except Exception as error:
            return error, ReplyPart()
        return None, ReplyPart(durability=durability) if durability else ReplyPart()

    async def _finish_later(self, reply: ReplyPart) -> None:
        """Were the turn left running in the database, its conversation would be busy for a whole lease."""
        for _ in range(FINISH_TRIES):
            await asyncio.sleep(FINISH_PAUSE)
            trouble, _ = await self._finish(reply)
            if trouble is None:
                return

    def _failed(self, error: Exception) -> ReplyPart:
        """Say in the log what failed and where, without an exception's words: they may quote the question."""
        code = error.code if isinstance(error, DocentError) else type(error).__name__
        cause = type(error.__cause__).__name__
        ours = not isinstance(error, DocentError) or error.retryable  # else the turn itself is at fault
        report = log.error if ours else log.warning
        report("turn_failed", turn_id=str(self.turn_id), error=code, cause=cause, where=place_of(error))
        if ours:
            self.hooks.on_failure()
        return failure(error, self.running.log.fold())


def _stopped(reason: Stop | None) -> ReplyPart:
    return cancellation() if reason is Stop.CANCELLED else interruption()


def _forget_cancellation() -> None:
    """The task goes on to store what there is."""
    if (task := asyncio.current_task()) is not None:
        task.uncancel()
