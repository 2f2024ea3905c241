"""Turns that have ended, for as long as what they told is known here alone."""

from __future__ import annotations

import asyncio
from uuid import UUID

from app.turns.running import RunningTurn

KEPT = 256  # turns; the oldest goes first


class EndedTurns:
    """Each is kept until the journal has all of it, or until its time is over."""

    def __init__(self) -> None:
        self._turns: dict[UUID, RunningTurn] = {}

    def keep(self, turn_id: UUID, running: RunningTurn, seconds: float) -> None:
        self.pop(turn_id)
        self._turns[turn_id] = running
        asyncio.get_running_loop().call_later(seconds, self.forget, turn_id, running)
        while len(self._turns) > KEPT:
            del self._turns[next(iter(self._turns))]

    def get(self, turn_id: UUID) -> RunningTurn | None:
        return self._turns.get(turn_id)

    def pop(self, turn_id: UUID) -> RunningTurn | None:
        """It is being told anew."""
        return self._turns.pop(turn_id, None)

    def erase(self, owner: str, conversation_id: UUID | None) -> None:
        """Those of a visitor, or of one conversation of his."""
        for turn_id in [turn_id for turn_id, turn in self._turns.items() if turn.is_of(owner, conversation_id)]:
            del self._turns[turn_id]

    def forget(self, turn_id: UUID, running: RunningTurn) -> None:
        """Unless another attempt has taken its place."""
        if self._turns.get(turn_id) is running:
            del self._turns[turn_id]
