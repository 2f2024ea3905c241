"""Conversations are kept for so many days after their last question, and not longer."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.storage import Storage
from app.store_erasure import expire_conversations
from chains.errors import StorageUnavailable

if TYPE_CHECKING:
    from chains.postgres_history import PostgresMessageStore

FIRST_LOOK = 60.0  # seconds after the start, whose own work comes first,
LOOK_EVERY = 3600.0  # and then,
LOOK_AT_LEAST = 24 * 3600.0  # though a database that sleeps is woken for it once a day only
PORTION_PAUSE = 0.2  # seconds between portions: turns come first

log = structlog.get_logger(__name__)


async def keep_retention(
    storage: Storage, age: timedelta, first: float = FIRST_LOOK, every: float = LOOK_EVERY
) -> None:
    """Remove what is older than `age`, for as long as the service runs."""
    looked = float("-inf")
    pause = first
    while True:
        await asyncio.sleep(pause)
        pause = every
        if storage.asleep and time.monotonic() - looked < LOOK_AT_LEAST:
            continue
        try:
            await remove_expired(await storage.store(), age)
            looked = time.monotonic()
        except StorageUnavailable:
            pause = min(first, every)


async def remove_expired(store: PostgresMessageStore, age: timedelta) -> int:
    """All that is older than `age`, a portion at a time; how many conversations this process has removed.

    Raises:
        StorageUnavailable: what was removed before stays so.
    """
    total = 0
    while removed := await expire_conversations(store, age):
        total += removed
        await asyncio.sleep(PORTION_PAUSE)
    if total:
        log.info("conversations_expired", conversations=total, days=age.days)
    return total
