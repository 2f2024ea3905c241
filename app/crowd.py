"""How many WebSockets are open, and whether one more may be."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.memory import MemoryWatch

SOCKETS_LIMIT = 10_000  # at 35 KB each they take 350 MB
FILES_SHARE = 0.8  # of the files that this process may open; the rest is for requests, databases and providers


class Crowd:
    """At most `limit` sockets, `per_address` of them from one address; none while memory is scarce."""

    def __init__(self, memory: MemoryWatch, limit: int | None = None, per_address: int | None = None) -> None:
        self._memory = memory
        self._per_address = per_address
        self._from: Counter[str] = Counter()
        self._limit = min(SOCKETS_LIMIT, int(files_limit() * FILES_SHARE)) if limit is None else limit
        self.open = 0

    @contextmanager
    def entered(self, address: str = "") -> Iterator[bool]:
        """Whether this socket may stay; it counts until the end of the block."""
        if not self._has_room(address):
            yield False
            return
        self.open += 1
        self._from[address] += 1
        try:
            yield True
        finally:
            self.open -= 1
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]

    def _has_room(self, address: str) -> bool:
        crowded = self._per_address is not None and self._from[address] >= self._per_address
        return self.open < self._limit and not crowded and not self._memory.scarce


def files_limit() -> int:
    """How many files this process may have open; sockets are files."""
    if sys.platform == "win32":
        return SOCKETS_LIMIT
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return SOCKETS_LIMIT * 2 if limit == resource.RLIM_INFINITY else limit
