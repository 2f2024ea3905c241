"""How many WebSockets are open, and whether one more may be."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.memory import MemoryWatch

SOCKETS_LIMIT = 10_000  # at 35 KB each they take 350 MB
FILES_SHARE = 0.8  # of the files that this process may open; the rest is for requests, databases and providers


class Crowd:
    """At most `limit` sockets; none while memory is scarce."""

    def __init__(self, memory: MemoryWatch, limit: int | None = None) -> None:
        self._memory = memory
        self._limit = min(SOCKETS_LIMIT, int(files_limit() * FILES_SHARE)) if limit is None else limit
        self.open = 0

    @contextmanager
    def entered(self) -> Iterator[bool]:
        """Whether this socket may stay; it counts until the end of the block."""
        welcome = self.open < self._limit and not self._memory.scarce
        self.open += welcome
        try:
            yield welcome
        finally:
            self.open -= welcome


def files_limit() -> int:
    """How many files this process may have open; sockets are files."""
    if sys.platform == "win32":
        return SOCKETS_LIMIT
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return SOCKETS_LIMIT * 2 if limit == resource.RLIM_INFINITY else limit
