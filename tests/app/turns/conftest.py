"""A store that can be sent away, and the outage store before it."""

from __future__ import annotations

import pytest
from leaving_store import LeavingStore

from app.turns.outage import OutageStore


@pytest.fixture
def kept() -> LeavingStore:
    return LeavingStore()


@pytest.fixture
def store(kept: LeavingStore) -> OutageStore:
    return OutageStore(kept)
