"""What turns ask of the store behind the memory that holds them while it is away."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from chains.history import Beginning, MessageStore
from chains.turn import ChatTurn


class RunNamingStore(MessageStore, Protocol):
    """A store that may go away, and whose `begin` may be repeated under the same `run` without doing more."""

    async def begin(self, turn: ChatTurn, owner: str, run: UUID | None = None) -> Beginning:
        """As MessageStore's."""

    async def take_back(self, turn: ChatTurn, owner: str, run: UUID, asked_at: datetime) -> bool:
        """Whether it was erased since it was asked; nothing of it is stored then. Raises StorageUnavailable."""

    async def ping(self) -> None:
        """Raises StorageUnavailable."""
