"""Fixtures of the simulator's own tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.provider_simulator.clients import StockClients
from tests.provider_simulator.handle import ProviderKey


@pytest.fixture
async def stock(provider_key: ProviderKey, quick_clients: None) -> AsyncIterator[StockClients]:
    clients = StockClients(provider_key)
    yield clients
    await clients.close()
