"""How long a turn may take, and how much of that each of its steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

from chains.settings import ChainSettings

LEAST_LEFT = 1.0  # seconds; a call that would have less than this is not worth waiting for

Now = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: of a whole turn, and of one call or one wait of each kind within it."""

    turn: float = 60.0
    connect: float = 5.0
    embed: float = 5.0
    retrieve: float = 8.0
    rerank: float = 3.0
    first_token: float = 20.0
    between_tokens: float = 15.0

    @classmethod
    def of(cls, settings: ChainSettings) -> Self:
        return cls(
            turn=settings.turn_deadline,
            connect=settings.connect_timeout,
            embed=settings.embed_timeout,
            retrieve=settings.retrieve_timeout,
            rerank=settings.rerank_timeout,
            first_token=settings.first_token_timeout,
            between_tokens=settings.between_tokens_timeout,
        )


class Deadline:
    """A moment that nothing done for a turn may pass. `now` is a monotonic clock in seconds."""

    def __init__(self, seconds: float, now: Now = time.monotonic) -> None:
        self.now = now
        self._at = now() + seconds

    @property
    def remaining(self) -> float:
        return max(0.0, self._at - self.now())

    @property
    def expired(self) -> bool:
        return self.remaining < 0.001  # a timer of the rest may go off within its clock's resolution

    def share(self, seconds: float) -> float:
        """`seconds`, or what remains if that is less."""
        return min(seconds, self.remaining)

    def leaves_time_after(self, wait: float) -> bool:
        """Whether a call made `wait` seconds from here would still have a chance."""
        return wait + LEAST_LEFT <= self.remaining


_turn: ContextVar[Deadline | None] = ContextVar("turn_deadline", default=None)


@contextmanager
def turn_deadline(deadline: Deadline) -> Iterator[Deadline]:
    """The deadline of every call made inside, in tasks started inside too. For coroutines, not for generators."""
    token = _turn.set(deadline)
    try:
        yield deadline
    finally:
        _turn.reset(token)


def current_deadline() -> Deadline | None:
    """The turn's deadline; None outside of a turn, as in a notebook."""
    return _turn.get()
