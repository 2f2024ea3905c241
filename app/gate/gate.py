"""The gate's two steps: what a request costs its address, and whether a turn may begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.allowances import read_budget
from app.gate.budgets import Budgets
from app.gate.rates import Rate
from app.gate.refusal_counts import OTHER, RefusalCounts
from app.gate.shared_rates import SharedRates
from app.settings import Settings
from app.store import add_spending, forget_spending, spending_of
from app.visitor import Visitor
from chains.errors import DocentError, Overloaded, RateLimited, StorageUnavailable
from chains.turn import ChatTurn, ReplyPart

if TYPE_CHECKING:
    from datetime import date

    from psycopg_pool import AsyncConnectionPool

    from app.gate.budgets import Amounts

READS_PER_TURN = 20  # requests that ask no model, for one turn of RATE_ADDRESS: a page of history, a file, a socket
TURNS_PER_VISITOR = 8  # running at once: as many as one batch or one socket may have
RETRY_SOON = 2  # seconds, for what only waits until another turn ends
EVERYBODY = "site"


@dataclass(slots=True)
class Caller:
    """Who sent a request, as the first step saw it. `prepaid`: turns that were counted with the request itself."""

    address: str
    door: str = OTHER
    prepaid: int = 0


current_caller: ContextVar[Caller | None] = ContextVar("current_caller", default=None)


def caller_address() -> str:
    """As the first step saw it; empty outside of a request."""
    caller = current_caller.get()
    return caller.address if caller is not None else ""


class Gate:
    """One per process. `pool`: where daily budgets are kept, while it is there."""

    def __init__(self, settings: Settings, pool: Callable[[], AsyncConnectionPool | None]) -> None:
        self._pool = pool
        self._addresses = Rate(settings.rate_address)
        self._reads = Rate(settings.rate_address, times=READS_PER_TURN)
        self._visitors, self._site = Rate(settings.rate_visitor), Rate(settings.rate_site)
        self._max_running = settings.max_running_turns
        self._running: Counter[str] = Counter()
        self._swept_on: date | None = None
        self.shared = SharedRates(settings.redis_url) if settings.redis_url else None
        self.refusals = RefusalCounts()
        self.budgets = Budgets(
            read_budget(settings.budget_visitor), read_budget(settings.budget_site), self._write, self._read
        )

    @property
    def running(self) -> int:
        """Turns of all doors in this process."""
        return self._running.total()

    @property
    def sockets_per_address(self) -> int | None:
        """Open at once: as many as RATE_ADDRESS lets an address open in its shortest window; None is without end."""
        return min((item.amount for item in self._reads.items), default=None)

    def meet(self, caller: Caller, *, costly: bool) -> None:
        """The first step's rate: a costly request counts as a turn, any other as a part of one.

        Raises:
            RateLimited
        """
        if not costly:
            self._reads.take(caller.address)
            return
        self._addresses.take(caller.address)
        caller.prepaid = 1

    async def admit(self, turn: ChatTurn, visitor: Visitor) -> None:
        """The second step, for each turn from any door. What it grants, `end` gives back.

        Raises:
            RateLimited, BudgetExhausted, Overloaded: each says when to come back.
        """
        try:
            self._take_place(visitor)
            try:
                await self._take(visitor)
                await self.budgets.hold(visitor.id, returning=visitor.new_token is None)
            except BaseException:
                self._leave_place(visitor)
                raise
        except DocentError as error:
            self._count(error)
            raise

    def end(self, turn: ChatTurn, visitor: Visitor, reply: ReplyPart | None) -> None:
        """After each `admit` that returned: with the reply, or with None when there was nothing to run."""
        self._leave_place(visitor)
        self.budgets.settle(visitor.id, reply)

    async def admit_search(self, visitor: Visitor | None, count: int = 1) -> None:
        """Searches count as turns, and against no budget: they use the embedding model and no other.

        Raises:
            RateLimited, BudgetExhausted
        """
        try:
            self.budgets.check_open()
            for _ in range(count):
                await self._take(visitor)
        except DocentError as error:
            self._count(error)
            raise

    async def forget(self, visitor: Visitor) -> None:
        """What a visitor has spent; his rates end by themselves within an hour."""
        await self.budgets.forget(visitor.id)

    async def close(self) -> None:
        await self.budgets.close()
        if self.shared is not None:
            await self.shared.close()

    async def _take(self, visitor: Visitor | None) -> None:
        """In memory first, all or nothing: whom this process refuses the replicas together would refuse, too."""
        caller = current_caller.get()
        rates = [(self._site, EVERYBODY)]
        if visitor is not None:
            rates.append((self._visitors, visitor.id))
        if caller is not None and not caller.prepaid:
            rates.append((self._addresses, caller.address))
        for rate, key in rates:
            rate.check(key)
        for rate, key in rates:
            rate.take(key)
        if caller is not None:
            caller.prepaid = max(0, caller.prepaid - 1)
        if self.shared is not None:
            await self._take_shared(caller, visitor)

    async def _take_shared(self, caller: Caller | None, visitor: Visitor | None) -> None:
        assert self.shared is not None
        spenders = [(EVERYBODY, self._site.items)]
        if visitor is not None:
            spenders.append((f"visitor/{visitor.id}", self._visitors.items))
        if caller is not None:
            spenders.append((f"address/{caller.address}", self._addresses.items))
        await self.shared.take(spenders)

    def _take_place(self, visitor: Visitor) -> None:
        if self.running >= self._max_running:
            raise Overloaded(retry_after=RETRY_SOON)
        if self._running[visitor.id] >= TURNS_PER_VISITOR:
            raise RateLimited(f"{TURNS_PER_VISITOR} answers are being written for you.", retry_after=RETRY_SOON)
        self._running[visitor.id] += 1

    def _leave_place(self, visitor: Visitor) -> None:
        self._running[visitor.id] -= 1
        if self._running[visitor.id] <= 0:
            del self._running[visitor.id]

    def _count(self, error: DocentError) -> None:
        caller = current_caller.get()
        self.refusals.add(error.code, caller.door if caller is not None else OTHER)

    async def _write(self, day: date, amounts: Amounts) -> Amounts:
        pool = self._open_pool()
        if day != self._swept_on:
            await forget_spending(pool, day)
            self._swept_on = day
        return await add_spending(pool, day, amounts)

    async def _read(self, day: date, names: list[str]) -> Amounts:
        return await spending_of(self._open_pool(), day, names)

    def _open_pool(self) -> AsyncConnectionPool:
        pool = self._pool()
        if pool is None:
            raise StorageUnavailable
        return pool
