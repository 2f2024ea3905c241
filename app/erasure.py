"""What a reader has erased is gone everywhere that this process knows of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from app.gate.gate import Gate
from app.storage import Storage
from app.store_erasure import erase_conversations, erase_spending, running_turns
from app.turns.following import FollowedTurn
from app.turns.journal import Journal
from app.turns.runner import CANCEL_PATIENCE, TurnRunner
from app.visitor import Visitor
from chains.errors import NotFound, StorageUnavailable
from chains.postgres_history import RETRY_AFTER


class Erasure:
    """Turns are stopped first: one that is still written would store its reply."""

    def __init__(self, storage: Storage, runners: Sequence[TurnRunner], gate: Gate) -> None:
        self._storage, self._runners, self._gate = storage, runners, gate

    async def erase(self, visitor: Visitor, conversation_id: UUID | None = None) -> bool:
        """One conversation, or everything of a visitor. False: there was nothing.

        Raises:
            StorageUnavailable: nothing was erased.
        """
        store, outage = await self._storage.store(), await self._storage.outage_store()
        if outage.away:
            raise StorageUnavailable(retry_after=RETRY_AFTER)
        await self._stop(visitor, conversation_id)
        async with outage.buffer.erasing(visitor.id, conversation_id) as waiting:
            erased = await erase_conversations(store, visitor.id, conversation_id)
        if conversation_id is None:
            await self._gate.forget(visitor)
            await erase_spending(store, visitor.id)
        return waiting or erased > 0

    async def _stop(self, visitor: Visitor, conversation_id: UUID | None) -> None:
        """Here at once; elsewhere within a second, or else its process finds the turn gone and stores nothing."""
        for runner in self._runners:
            await runner.erase(visitor, conversation_id)
        journal = await self._storage.journal()
        elsewhere = await running_turns(await self._storage.store(), visitor.id, conversation_id)
        await asyncio.gather(*(_cancel(journal, turn_id, visitor.id) for turn_id in elsewhere))


async def _cancel(journal: Journal, turn_id: UUID, owner: str) -> None:
    with suppress(NotFound):
        await journal.ask_cancel(turn_id, owner)
        await FollowedTurn(journal, turn_id, owner).state_after(CANCEL_PATIENCE)
