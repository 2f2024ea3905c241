"""What a runner is told at its making: how much and how long, and who is asked and told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.visitor import Visitor
from chains.turn import ChatTurn, ReplyPart


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Seconds, and numbers of turns in this process.

    A turn stops when nobody has read it for `resume_grace`. `queue` turns wait for one of the `max_running` to end, for
    `queue_patience` at most: a burst is absorbed, and under lasting load a refusal costs nothing.
    """

    deadline: float = 60.0
    coalesce: float = 0.025  # 40 events a second read as a steady flow and cost a fifth of one event per token
    max_running: int = 200
    queue: int = 32
    queue_patience: float = 2.0
    resume_grace: float = 60.0


async def admit_all(turn: ChatTurn, visitor: Visitor) -> None:
    """Refuse nobody."""


def tell_nobody(turn: ChatTurn, visitor: Visitor, reply: ReplyPart | None) -> None:
    """Nobody counts what is spent."""


@dataclass(frozen=True, slots=True)
class TurnHooks:
    """Who has a say in a turn besides the chain and the store.

    `admit` may raise a DocentError before the store is asked. Each call of it that returned is followed by one of
    `on_end`: with the reply, `usage` included, when the turn has run; with None when the store refused it, or it was
    joined or replayed. `on_failure` is called when a service failed a turn.
    """

    admit: Callable[[ChatTurn, Visitor], Awaitable[None]] = admit_all
    on_end: Callable[[ChatTurn, Visitor, ReplyPart | None], None] = tell_nobody
    on_failure: Callable[[], None] = lambda: None
