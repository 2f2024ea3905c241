"""How often the gate refused, by code and by door: plain numbers, for whoever shows them."""

from __future__ import annotations

from collections import Counter

DOORS = ("/api/chat", "/api/session", "/api/", "/ws/chat", "/rag/", "/retriever/", "/chat/")
OTHER = "other"


def door_of(path: str) -> str:
    """Which of a few doors a path belongs to: a counter per path would have no end."""
    return next((door for door in DOORS if path.startswith(door)), OTHER)


class RefusalCounts:
    """`by` holds the number of refusals by (code, door)."""

    def __init__(self) -> None:
        self.by: Counter[tuple[str, str]] = Counter()

    def add(self, code: str, door: str) -> None:
        self.by[code, door] += 1
