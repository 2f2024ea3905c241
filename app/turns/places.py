"""A bounded number of turns at once, and a short bounded queue before them."""

from __future__ import annotations

import asyncio

from chains.errors import Overloaded
from chains.history import BUSY_FOR


class Places:
    """`limit` turns may run; `queue` more wait, `patience` seconds at most; whoever comes then is refused at once."""

    def __init__(self, limit: int, queue: int, patience: float) -> None:
        self._free = asyncio.Semaphore(limit)
        self._queue, self._patience = queue, patience
        self._waiting = 0

    async def take(self) -> None:
        """Raises Overloaded."""
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= self._queue:
            raise Overloaded(retry_after=BUSY_FOR + round(self._patience))
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(retry_after=BUSY_FOR + round(self._patience)) from None
        finally:
            self._waiting -= 1

    def give_back(self) -> None:
        self._free.release()
