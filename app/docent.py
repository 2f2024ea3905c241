"""The running service as its doors see it: the resources, and the one runner of turns over them."""

from __future__ import annotations

import asyncio
from uuid import UUID

from app.crowd import Crowd
from app.erasure import Erasure
from app.garbage import spare_what_stays
from app.gate.gate import Gate
from app.gate.newcomers import Newcomers, load_check
from app.memory import MemoryWatch
from app.metrics.meter import Meter
from app.metrics.readings import Readings
from app.resources import Resources
from app.settings import Settings
from app.turns.limits import TurnHooks, TurnLimits
from app.turns.runner import TurnRunner
from app.visitor import Visitor, VisitorTokens
from chains.errors import Overloaded
from chains.history import InMemoryMessageStore
from chains.turn import ChatTurn, ReplyPart

QUEUE = 32  # turns that wait for a place at most,
QUEUE_SHARE = 6  # and one for so many that may run: who waits should get a place before his patience of 2 s ends
DRAIN_RETRY = 5  # seconds after which another process, or this one again, may answer
SETTLING = 0.5  # seconds after the end of the first turn, so that its reader has all of it
SCARCE_RETRY = 5  # seconds after which some memory may be free again


class Docent:
    """Built closed; `open` and `close` belong to the lifespan."""

    def __init__(self, settings: Settings, resources: Resources | None = None) -> None:
        self.settings = settings
        self.resources = resources or Resources(settings)
        self.newcomers = Newcomers(load_check(settings.newcomer_check))
        self.gate = Gate(settings, lambda: self.resources.storage.pool)
        self._limits = TurnLimits(
            deadline=settings.turn_deadline,
            max_running=settings.max_running_turns,
            queue=min(QUEUE, max(1, settings.max_running_turns // QUEUE_SHARE)),
            resume_grace=settings.resume_grace,
        )
        self.memory = MemoryWatch()
        self.crowd = Crowd(self.memory, per_address=self.gate.sockets_per_address)
        self._hooks = TurnHooks(self._admit, self._end, self.resources.health.suspect)
        self.meter = Meter()
        self.meter.registry.register(Readings(self))
        self._lag: asyncio.Task[None] | None = None
        self._settled = False
        self._runner: TurnRunner | None = None
        self._storeless: TurnRunner | None = None
        if self.gate.shared is not None:
            self.resources.health.register("limits", self.gate.shared.ping)

    async def open(self) -> None:
        self._lag = asyncio.create_task(self.meter.watch_loop())
        await self.resources.open()

    async def close(self) -> None:
        """Store what still runs as partial, then close the engines."""
        try:
            await self.stop_turns()
        finally:
            if self._lag is not None:
                self._lag.cancel()
            await self.gate.close()
            await self.resources.close()

    async def stop_turns(self) -> None:
        """Let no turn in any more; what runs is stored as partial, and its readers are told."""
        self.resources.health.draining = True
        await asyncio.gather(*(runner.aclose() for runner in (self._runner, self._storeless) if runner is not None))

    async def runner(self) -> TurnRunner:
        """The runner, once there is something to run.

        Raises:
            Starting: the index is not open yet.
            StorageUnavailable: the database has never answered.
            Overloaded: the service is shutting down.
        """
        self._refuse_while_draining()
        return await self.runner_to_read()

    async def runner_to_read(self) -> TurnRunner:
        """The same for those who read or stop what runs already, also while the service is shutting down."""
        chain = await self.resources.chain()
        store = await self.resources.storage.outage_store()
        if self._runner is None:
            journal = await self.resources.storage.journal()
            self._runner = TurnRunner(chain, store, self._limits, self._hooks, journal)
        return self._runner

    async def storeless_runner(self) -> TurnRunner:
        """For turns that bring a store of their own, when there may be no database; gated and counted as every other.

        Raises:
            Starting, Overloaded: as `runner`.
        """
        self._refuse_while_draining()
        chain = await self.resources.chain()
        if self._storeless is None:
            self._storeless = TurnRunner(chain, InMemoryMessageStore(), self._limits, self._hooks)
        return self._storeless

    async def _admit(self, turn: ChatTurn, visitor: Visitor) -> None:
        """Raises Overloaded while memory is scarce, and whatever the gate raises."""
        if self.memory.scarce:
            raise Overloaded(retry_after=SCARCE_RETRY)
        await self.gate.admit(turn, visitor)

    def _end(self, turn: ChatTurn, visitor: Visitor, reply: ReplyPart | None) -> None:
        self.gate.end(turn, visitor, reply)
        self.meter.count(reply)
        if not self._settled:  # by the first turn, which imports and connects the last of what is needed
            self._settled = True
            asyncio.get_running_loop().call_later(SETTLING, spare_what_stays)

    def _refuse_while_draining(self) -> None:
        if self.resources.health.draining:
            raise Overloaded(retry_after=DRAIN_RETRY)

    async def erase(self, visitor: Visitor, conversation_id: UUID | None = None) -> bool:
        """Erase a conversation of a visitor's, or everything of his; what runs of it is stopped first.

        False: there was nothing.

        Raises:
            StorageUnavailable: nothing was erased.
        """
        runners = [runner for runner in (self._runner, self._storeless) if runner is not None]
        return await Erasure(self.resources.storage, runners, self.gate).erase(visitor, conversation_id)

    async def visitor_tokens(self) -> VisitorTokens:
        return await self.resources.storage.visitor_tokens()

    @property
    def unfinished_turns(self) -> int:
        """Those that run, and those that wait for the database."""
        return self.running_turns + self.resources.storage.waiting_turns

    @property
    def running_turns(self) -> int:
        return sum(runner.running for runner in (self._runner, self._storeless) if runner is not None)
