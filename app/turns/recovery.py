"""Turns whose process was killed: ended as what was told of them, at the start of the next one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from chains.errors import StorageUnavailable

if TYPE_CHECKING:
    from chains.postgres_history import PostgresMessageStore

RETRY_PAUSE = 5.0  # seconds

log = structlog.get_logger(__name__)


async def recover(store: PostgresMessageStore, *, alone: bool) -> None:
    """Before anything begins. `alone`: no other process uses this database, so what runs there has lost its process.

    Later on readers do it: whoever asks for such a turn, or for another one in its conversation.

    Raises:
        StorageUnavailable
    """
    _report(await store.lapse(everyone=alone))


async def recover_later(store: PostgresMessageStore) -> None:
    """For those whose processes died a moment before this one started: their leases are over a little later."""
    await asyncio.sleep(store.lease.total_seconds() + 1)
    while True:
        try:
            _report(await store.lapse())
            return
        except StorageUnavailable:
            await asyncio.sleep(RETRY_PAUSE)


def _report(turns: int) -> None:
    if turns:
        log.warning("turns_recovered", turns=turns)
