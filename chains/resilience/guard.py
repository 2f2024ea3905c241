"""What a process knows of its providers: their breakers, the budget for retries, and what was counted."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from chains.resilience.breaker import Breaker, Passage, State
from chains.resilience.deadline import Deadline, Now, Timeouts, current_deadline
from chains.resilience.failures import CircuitOpen, Operation, ProviderError

DEBT = 50.0  # calls at most that a burst into an outage owes: 500 turns pay it back

log = logging.getLogger(__name__)


class RetryBudget:
    """Lets one retry through for every `1 / share` first calls, so that an outage is not answered with a storm.

    `reserve` retries are there from the start, for a service too quiet to earn them; they are an advance on what is
    earned. At most twice as many are kept (Finagle's retry budget, with AWS's figure of a tenth). What was not asked
    for beforehand and turned out to be wasted is owed.
    """

    def __init__(self, share: float = 0.1, reserve: float = 5.0) -> None:
        self._share, self._most = share, 2 * reserve
        self._left = self._advance = reserve

    def deposit(self) -> None:
        if self._advance > 0:
            self._advance -= self._share
        else:
            self._left = min(self._left + self._share, self._most)

    def withdraw(self) -> bool:
        """Take one retry, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def owe(self) -> None:
        """Pay for a call that was made without asking."""
        self._left = max(self._left - 1, -DEBT)

    def forgive(self, calls: int) -> None:
        """Give back what was owed for so many."""
        self._left = min(self._left + calls, self._most)

    def fresh(self) -> RetryBudget:
        """Another one of the same size."""
        return RetryBudget(self._share, self._most / 2)


class Count(NamedTuple):
    """What is counted. `what`: calls, how each ended (answered, abandoned, or failures by `kind`), and refused,
    retries, fallbacks, restarts or skipped."""

    what: str
    provider: str
    operation: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """A breaker as health and metrics show it. `retry_after`: seconds. `detail` is for the author alone.

    `status` is health's word for the provider: ok, retired_model, quota or unavailable.
    """

    provider: str
    operation: str
    state: State
    status: str
    kind: str = ""
    detail: str = ""
    misconfigured: bool = False
    retry_after: float = 0.0


class Guard:
    """One per process, shared by all calls to providers; used on one event loop.

    `now` is a monotonic clock in seconds, `uniform(a, b)` a random number from a to b.
    """

    def __init__(
        self,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        *,
        budget: RetryBudget | None = None,
        now: Now = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.timeouts, self.now, self.uniform = timeouts, now, uniform
        self._budget = budget or RetryBudget()
        self._budgets: dict[Operation, RetryBudget] = {}
        self.counts: Counter[Count] = Counter()
        self._breakers: dict[tuple[str, Operation], Breaker] = {}

    def breaker(self, provider: str, operation: Operation) -> Breaker:
        return self._breakers.setdefault((provider, operation), Breaker(self.now))

    def budget(self, operation: Operation) -> RetryBudget:
        """Each operation earns its own: with those of a turn's embedding, its answer's tenth would be two."""
        return self._budgets.setdefault(operation, self._budget.fresh())

    def breaker_states(self) -> list[BreakerState]:
        """Of every provider and operation that was asked for since the start."""
        return [_state_of(breaker, *key) for key, breaker in self._breakers.items()]

    def deadline(self) -> Deadline:
        """The turn's; outside of a turn, one of its own for each call."""
        return current_deadline() or Deadline(self.timeouts.turn, self.now)

    def count(self, what: str, provider: str, operation: Operation, kind: str = "") -> None:
        self.counts[Count(what, provider, operation.value, kind)] += 1

    @contextmanager
    def passage(self, provider: str, operation: Operation) -> Iterator[Passage]:
        """Around one call: counted, and what it raises noted. A caller who goes away says nothing of the provider.

        Raises:
            CircuitOpen: the call may not be made.
        """
        try:
            passage = self.breaker(provider, operation).enter()
        except CircuitOpen:
            self.count("refused", provider, operation)
            raise
        self.count("calls", provider, operation)
        end = "abandoned"
        try:
            yield passage
        except ProviderError as error:
            passage.fail(error)
            end = "failures"
            self.count(end, provider, operation, error.kind)
            log.warning("%s %s failed: %s", provider, operation.value, error)
            raise
        else:
            passage.succeed()
            end = "answered"
        finally:
            if end != "failures":
                self.count(end, provider, operation)
            passage.release()


def _state_of(breaker: Breaker, provider: str, operation: Operation) -> BreakerState:
    state, cause = breaker.state, breaker.cause
    if state == "closed" or cause is None:
        return BreakerState(provider, operation.value, state, "ok")
    return BreakerState(
        provider,
        operation.value,
        state,
        status="ok" if state == "cooling" else cause.health,
        kind=cause.kind,
        detail=cause.detail,
        misconfigured=cause.misconfigured,
        retry_after=breaker.retry_after,
    )
