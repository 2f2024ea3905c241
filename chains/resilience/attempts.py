"""Which provider is asked next, when, and what the reader is told once nobody is left."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from chains.errors import DeadlineExceeded, DocentError, ModelUnavailable, RetrievalUnavailable
from chains.resilience.breaker import Breaker
from chains.resilience.failures import Operation, ProviderError
from chains.resilience.guard import Guard

ATTEMPTS = 4  # calls for one answer, all providers together: with a fault in five calls, three fail in one turn of 300
BACKOFF = 0.25  # seconds before the first retry at most, doubled for each further one
BACKOFF_LIMIT = 2.0
VOIDED = 2  # texts that a reader sees voided at most
CUT_SHORT = "The answer broke off before its end. Please ask again."


class Attempts:
    """The calls made for one purpose, within the turn's deadline.

    The first provider is asked first, and any other freely when it fails; but one that keeps failing, and any second
    call to the same provider, takes from the retry budget, and a free call that fails is paid afterwards, unless there
    is an answer in the end: in an outage of all there is nothing for free. A retry waits for a random time (full
    jitter) after what the provider asked for, if that leaves time to answer.
    """

    def __init__(self, guard: Guard, operation: Operation, providers: Sequence[str], limit: int = ATTEMPTS) -> None:
        self._guard, self._operation, self._providers, self._limit = guard, operation, providers, limit
        self._failures: dict[str, ProviderError] = {}
        self._budget = guard.budget(operation)
        self._made = 0
        self._asked = ""
        self._free = False  # an extra call that took nothing from the budget
        self._owed = 0
        self.deadline = guard.deadline()
        self.last_failure: ProviderError | None = None

    def failed(self, provider: str, error: ProviderError) -> None:
        self._failures[provider] = self.last_failure = error
        if self._free:
            self._budget.owe()
            self._owed += 1

    def answered(self) -> None:
        """The last call was, to its end: whoever failed before did not fail in an outage of all."""
        self._budget.forgive(self._owed)

    async def next(self, *, told: int = 0) -> str:
        """The provider to ask. `told`: so many texts were begun before the reader; who broke off is not asked to begin
        anew at once.

        Raises:
            DeadlineExceeded: no time is left.
            ModelUnavailable, RetrievalUnavailable: nobody is left to ask; `retry_after` says when one may be.
        """
        provider = None
        if not self.deadline.expired and self._made < self._limit and told <= VOIDED:
            provider = self._fresh() or await self._after_a_wait(told=told > 0)
        if provider is None:
            raise self._surrender(told=told > 0) from self.last_failure or self._breaker(self._providers[0]).refusal()
        if self._made == 0:
            self._budget.deposit()
        self._made += 1
        self._asked = provider
        return provider

    def _fresh(self) -> str | None:
        """One that was not asked yet and can be asked at once."""
        candidates = [name for name in self._providers if name not in self._failures and not self._breaker(name).wait]
        return next((name for name in candidates if self._take(name)), None)

    async def _after_a_wait(self, *, told: bool) -> str | None:
        """The one that can be asked soonest, again or because it was pausing; first one that pauses briefly and takes
        nothing from the budget."""
        candidates = [name for name in self._providers if self._may_ask(name) and not (told and name == self._asked)]
        waits = {provider: self._wait(provider) for provider in candidates}
        soonest = sorted(waits, key=lambda name: (self._spends(name) or waits[name] > BACKOFF_LIMIT, waits[name]))
        in_time = (name for name in soonest if self.deadline.leaves_time_after(waits[name]))
        provider = next((name for name in in_time if self._take(name)), None)
        if provider is None:
            return None
        await asyncio.sleep(waits[provider])
        while (wait := self._breaker(provider).wait) > 0:  # others failed there meanwhile
            if not self.deadline.leaves_time_after(wait):
                return None
            await asyncio.sleep(wait)
        return provider

    def _take(self, provider: str) -> bool:
        """Whether this call may be made; if so, it is counted for what it is."""
        spends = self._spends(provider)
        if spends and not self._budget.withdraw():
            return False
        self._free = self._made > 0 and not spends
        if provider in self._failures:
            self._guard.count("retries", provider, self._operation)
        elif provider != self._providers[0]:
            self._guard.count("fallbacks", provider, self._operation)
        return True

    def _spends(self, provider: str) -> bool:
        return self._made > 0 and (provider in self._failures or self._breaker(provider).faltering)

    def _may_ask(self, provider: str) -> bool:
        return provider not in self._failures or self._failures[provider].retryable

    def _wait(self, provider: str) -> float:
        most = min(BACKOFF * 2 ** max(self._made - 1, 0), BACKOFF_LIMIT)
        return self._breaker(provider).wait + self._guard.uniform(0, most)

    def _surrender(self, *, told: bool) -> DocentError:
        if self.deadline.expired:
            return DeadlineExceeded()
        if not self._made:
            self._guard.count("refused", self._providers[0], self._operation)
        soonest = min(self._breaker(provider).retry_after for provider in self._providers)
        retry_after = math.ceil(soonest) or None
        if self._operation is Operation.CHAT:
            return ModelUnavailable(CUT_SHORT if told else None, retry_after=retry_after)
        return RetrievalUnavailable(retry_after=retry_after)

    def _breaker(self, provider: str) -> Breaker:
        return self._guard.breaker(provider, self._operation)
