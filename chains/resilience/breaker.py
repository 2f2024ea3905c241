"""Leaves a provider alone that keeps failing, and asks again with one call at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from chains.resilience.deadline import Now
from chains.resilience.failures import CircuitOpen, ProviderError

FAILURES = 5  # in a row
WINDOW = 20  # calls, of which
FALTERING = 3  # in a row: not by chance, at a fault in five calls
RATE = 0.5  # this share failing is as bad as a run
COOLDOWN = 5.0  # seconds between probes: a provider that came back is used again within these

State = Literal["closed", "cooling", "open", "half_open"]


class Breaker:
    """One provider and operation.

    closed: all calls pass. cooling: none does, for as long as the provider asked; then all. open: none does, for the
    cooldown or for what the failure says; then half_open: one call passes, and its first token decides.

    Calls count by their beginning: those that hang end together, long after others passed them by. So a failure is none
    of a run once a call that began later was answered, and the share is that of the newest calls.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._until = 0.0
        self._tripped = False
        self._probing = False
        self._streak = 0
        self._begun = self._answered = 0  # calls: how many, and the number of the newest that was answered
        self._misses = 0  # as the streak, with those that asked to be left alone
        self._failed: list[int] = []  # numbers of calls, of the newest WINDOW
        self.cause: ProviderError | None = None

    @property
    def state(self) -> State:
        if self._now() < self._until:
            return "open" if self._tripped else "cooling"
        return "half_open" if self._tripped else "closed"

    @property
    def faltering(self) -> bool:
        """Its newest calls failed: a further one may be wasted, whatever the state."""
        return self._misses >= FALTERING

    @property
    def retry_after(self) -> float:
        """Seconds after which asking may help; 0: at once."""
        return max(self._until - self._now(), COOLDOWN if self._probing else 0.0, 0.0)

    @property
    def wait(self) -> float:
        """Seconds after which a call will pass; infinite where only a probe will."""
        match self.state:
            case "closed":
                return 0.0
            case "cooling":
                return self.retry_after
            case "half_open" if not self._probing:
                return 0.0
            case _:
                return math.inf

    def enter(self) -> Passage:
        """Begin a call.

        Raises:
            CircuitOpen: this one may not pass.
        """
        if self.wait > 0:
            raise self.refusal()
        self._probing = self._tripped
        self._begun += 1
        return Passage(self, self._begun, probe=self._tripped)

    def refusal(self) -> CircuitOpen:
        return CircuitOpen(self.cause.kind if self.cause else "", retry_after=self.retry_after)

    def succeed(self, number: int, *, probe: bool) -> None:
        self._answered = max(self._answered, number)
        self._streak = self._misses = 0
        self.revive(probe=probe)

    def revive(self, *, probe: bool) -> None:
        if probe:
            self._close()

    def fail(self, error: ProviderError, number: int, *, probe: bool) -> None:
        passed_by = number < self._answered
        self._misses += (error.counts or error.pause > 0) and not passed_by
        if error.lasting:
            self._trip(error, error.pause)
        elif error.counts:
            self._count(error, number, probe=probe, passed_by=passed_by)
        else:
            self.revive(probe=probe)
        if error.pause and not error.lasting:
            self._until = max(self._until, self._now() + error.pause)
            self.cause = error

    def release(self, *, probe: bool) -> None:
        if probe:
            self._probing = False

    def _count(self, error: ProviderError, number: int, *, probe: bool, passed_by: bool) -> None:
        if self._tripped and not probe:
            return  # it began before the breaker opened
        self._streak += not passed_by
        self._failed = [failed for failed in [*self._failed, number] if failed > self._begun - WINDOW]
        if probe or self._streak >= FAILURES or len(self._failed) >= WINDOW * RATE:
            self._trip(error, COOLDOWN)

    def _trip(self, error: ProviderError, pause: float) -> None:
        self._tripped, self.cause = True, error
        self._until = self._now() + pause
        self._failed.clear()

    def _close(self) -> None:
        self._tripped = self._probing = False
        self._streak = 0


@dataclass(slots=True)
class Passage:
    """A call that passed the breaker, and has to say how it ended."""

    breaker: Breaker
    number: int
    probe: bool

    def answers(self) -> None:
        """The first token is here: whoever waits for this probe may go."""
        if self.probe:
            self.breaker.revive(probe=True)
            self.probe = False

    def succeed(self) -> None:
        self.breaker.succeed(self.number, probe=self.probe)

    def fail(self, error: ProviderError) -> None:
        self.breaker.fail(error, self.number, probe=self.probe)

    def release(self) -> None:
        """However it ended, also by its caller's going away."""
        self.breaker.release(probe=self.probe)
