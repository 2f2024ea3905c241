"""A loop whose clock jumps, so that a wait of an hour is exact and takes no time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

import pytest

from chains.resilience import Guard


class JumpingSelector(selectors.DefaultSelector):
    """Where it would wait for a timer, it skips to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            return super().select(None)
        if not ready and timeout:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._selector_of_time = JumpingSelector()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        return self._selector_of_time.now


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": JumpingLoop}


@pytest.fixture
def guard() -> Guard:
    """On the jumping clock; every random wait is its longest."""
    return Guard(now=lambda: asyncio.get_running_loop().time(), uniform=lambda least, most: most)
