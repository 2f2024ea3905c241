"""The running service as its doors see it: the resources, and the one runner of turns over them."""

from __future__ import annotations

from app.gate.gate import Gate
from app.resources import Resources
from app.settings import Settings
from app.turns.limits import TurnHooks, TurnLimits
from app.turns.runner import TurnRunner
from app.visitor import VisitorTokens
from chains.errors import Overloaded
from chains.history import MessageStore

DRAIN_RETRY = 5  # seconds after which another process, or this one again, may answer


class Docent:
    """Built closed; `open` and `close` belong to the lifespan."""

    def __init__(self, settings: Settings, resources: Resources | None = None) -> None:
        self.settings = settings
        self.resources = resources or Resources(settings)
        self.gate = Gate(settings, lambda: self.resources.storage.pool)
        self._limits = TurnLimits(deadline=settings.turn_deadline, max_running=settings.max_running_turns)
        self._hooks = TurnHooks(self.gate.admit, self.gate.end, self.resources.health.suspect)
        self._runner: TurnRunner | None = None
        if self.gate.shared is not None:
            self.resources.health.register("limits", self.gate.shared.ping)

    async def open(self) -> None:
        await self.resources.open()

    async def close(self) -> None:
        """Store what still runs as partial, then close the engines."""
        self.resources.health.draining = True
        if self._runner is not None:
            await self._runner.aclose()
        await self.gate.close()
        await self.resources.close()

    async def runner(self) -> TurnRunner:
        """The runner, once there is something to run.

        Raises:
            Starting: the index is not open yet.
            StorageUnavailable: the database has never answered.
            Overloaded: the service is shutting down.
        """
        if self.resources.health.draining:
            raise Overloaded(retry_after=DRAIN_RETRY)
        chain = await self.resources.chain()
        store = await self.resources.storage.store()
        if self._runner is None:
            self._runner = TurnRunner(chain, store, self._limits, self._hooks)
        return self._runner

    async def runner_over(self, store: MessageStore) -> TurnRunner:
        """A runner for one turn whose history is kept elsewhere; its turn is gated and counted as every other."""
        return TurnRunner(await self.resources.chain(), store, self._limits, self._hooks)

    async def visitor_tokens(self) -> VisitorTokens:
        return await self.resources.storage.visitor_tokens()

    @property
    def running_turns(self) -> int:
        return self._runner.running if self._runner is not None else 0
