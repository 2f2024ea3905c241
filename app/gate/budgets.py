"""Daily budgets of turns and tokens: counted in memory, written to the database, learned from it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

import structlog

from app.allowances import Budget
from chains.errors import BudgetExhausted, StorageUnavailable
from chains.turn import ReplyPart

SITE = "site"
EXPECTED_TOKENS = 3_000  # held for a turn that runs: a prompt with its passages, and an answer
CHARACTERS_PER_TOKEN = 4  # of an answer whose provider told no usage
MOST_SPENDERS = 50_000  # known at once; one that is forgotten is read again
WRITE_PAUSE = 1.0  # seconds that spending is gathered for one statement; what a killed process forgets
RETRY_PAUSE = 10.0  # seconds, while the database is away
READ_PATIENCE = 0.5  # seconds that the first turn of a returning visitor waits to learn what he has spent today
CLOSED = "The chat is closed at the moment. The pages themselves are all there."
DAY = 24 * 3600

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Spent:
    """Turns and tokens of one spender today: stored or not (`turns`, `tokens`), and held for turns that run."""

    turns: int = 0
    tokens: int = 0
    held: int = 0

    def exhausts(self, budget: Budget) -> bool:
        turns, tokens = self.turns + self.held, self.tokens + self.held * EXPECTED_TOKENS
        return (budget.turns is not None and turns >= budget.turns) or (
            budget.tokens is not None and tokens >= budget.tokens
        )


Amount = tuple[int, int]  # turns, tokens
Amounts = dict[str, Amount]  # by spender
Write = Callable[[date, Amounts], Awaitable[Amounts]]  # adds, and answers with the new sums
Read = Callable[[date, list[str]], Awaitable[Amounts]]


class Budgets:
    """`write` and `read` raise StorageUnavailable while the database is away: then this process's memory counts.

    Across replicas a budget may be overrun by what the others spent within about WRITE_PAUSE and has not been read.
    """

    def __init__(self, visitor: Budget, site: Budget, write: Write, read: Read) -> None:
        self._visitor, self._site = visitor, site
        self._write, self._read = write, read
        self._day = today()
        self._spent: OrderedDict[str, Spent] = OrderedDict()
        self._unwritten: Amounts = {}
        self._writing: asyncio.Task[None] | None = None
        self._writes = asyncio.Lock()

    @property
    def _unlimited(self) -> bool:
        return self._visitor == self._site == Budget()

    @property
    def _closed(self) -> bool:
        return self._visitor.closed or self._site.closed

    def check_open(self) -> None:
        """Raises BudgetExhausted when a budget of 0 closes the chat."""
        if self._closed:
            raise BudgetExhausted(CLOSED, retry_after=_until_tomorrow())

    async def hold(self, visitor: str, *, returning: bool) -> None:
        """Set one turn aside. A `returning` visitor may have spent before, through another process or the last one.

        Raises:
            BudgetExhausted: says when the next day begins.
        """
        self.check_open()
        if self._unlimited:
            return
        self._turn_page()
        unknown = [name for name in (SITE, visitor) if name not in self._spent and (returning or name == SITE)]
        if unknown:
            await self._learn(unknown)
        for name, budget in ((visitor, self._visitor), (SITE, self._site)):
            if self._of(name).exhausts(budget):
                raise BudgetExhausted(retry_after=_until_tomorrow())
        for name in (visitor, SITE):
            self._of(name).held += 1

    def settle(self, visitor: str, reply: ReplyPart | None) -> None:
        """What was held becomes what was spent; without a reply nothing was."""
        if self._unlimited or self._closed:
            return
        self._turn_page()
        for name in (visitor, SITE):
            spent = self._of(name)
            spent.held = max(0, spent.held - 1)
            if reply is not None:
                self._add(name, 1, tokens_of(reply))
        if self._unwritten and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write_soon())

    async def forget(self, visitor: str) -> None:
        """Write nothing more of what a visitor has spent so far; the site's sum keeps it."""
        async with self._writes:
            self._unwritten.pop(visitor, None)
            if (spent := self._spent.pop(visitor, None)) is not None and spent.held:
                self._spent[visitor] = Spent(held=spent.held)

    async def close(self) -> None:
        """Write what was gathered."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        with suppress(StorageUnavailable):
            await self._write_down()

    def _add(self, name: str, turns: int, tokens: int) -> None:
        spent = self._of(name)
        spent.turns, spent.tokens = spent.turns + turns, spent.tokens + tokens
        before = self._unwritten.get(name, (0, 0))
        if name in self._unwritten or len(self._unwritten) < MOST_SPENDERS:
            self._unwritten[name] = (before[0] + turns, before[1] + tokens)

    async def _learn(self, names: list[str]) -> None:
        try:
            async with asyncio.timeout(READ_PATIENCE):
                stored = await self._read(self._day, names)
        except (StorageUnavailable, TimeoutError):
            return
        for name in names:
            self._take_over(name, stored.get(name, (0, 0)))

    async def _write_soon(self) -> None:
        pause = WRITE_PAUSE
        while self._unwritten:
            await asyncio.sleep(pause)
            try:
                await self._write_down()
                pause = WRITE_PAUSE
            except StorageUnavailable:
                pause = RETRY_PAUSE

    async def _write_down(self) -> None:
        async with self._writes:
            await self._write_gathered()

    async def _write_gathered(self) -> None:
        amounts, self._unwritten = self._unwritten, {}
        if not amounts:
            return
        day = self._day
        try:
            stored = await self._write(day, amounts)
        except BaseException:
            if day == self._day:
                for name, (turns, tokens) in amounts.items():
                    more = self._unwritten.get(name, (0, 0))
                    self._unwritten[name] = (more[0] + turns, more[1] + tokens)
            raise
        if day == self._day:
            for name, amount in stored.items():
                self._take_over(name, amount)

    def _take_over(self, name: str, stored: Amount) -> None:
        """The sums of all replicas, and what this one has not written."""
        own = self._unwritten.get(name, (0, 0))
        spent = self._of(name)
        spent.turns, spent.tokens = stored[0] + own[0], stored[1] + own[1]

    def _of(self, name: str) -> Spent:
        spent = self._spent.setdefault(name, Spent())
        self._spent.move_to_end(name)
        if len(self._spent) > MOST_SPENDERS:
            oldest, idle = next(iter(self._spent.items()))
            if idle.held == 0 and oldest not in self._unwritten and oldest != SITE:
                del self._spent[oldest]
            else:
                self._spent.move_to_end(oldest)
        return spent

    def _turn_page(self) -> None:
        """A new day, UTC: what runs is spent on the day on which it ends."""
        if (day := today()) != self._day:
            self._day = day
            self._unwritten = {}
            self._spent = OrderedDict(
                (name, Spent(held=spent.held)) for name, spent in self._spent.items() if spent.held
            )


def tokens_of(reply: ReplyPart) -> int:
    """As the provider told, else estimated by the answer's length."""
    usage = reply.get("usage") or {}
    told = int(usage.get("input_tokens", 0)) + int(usage.get("output_tokens", 0))
    return told or len(reply.get("answer", "")) // CHARACTERS_PER_TOKEN


def today() -> date:
    return datetime.now(UTC).date()


def _until_tomorrow() -> int:
    return DAY - int(time.time()) % DAY
