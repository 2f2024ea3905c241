"""Fixtures for any test that needs a provider. Nothing is imported or started before a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.provider_simulator.handle import ProviderKey, RunningSimulator


@pytest.fixture(scope="session")
def provider_simulator() -> Iterator[RunningSimulator]:
    from tests.provider_simulator.handle import running_simulator

    with running_simulator() as simulator:
        yield simulator


@pytest.fixture
def provider_key(provider_simulator: RunningSimulator) -> ProviderKey:
    """A fresh key: its faults, settings and log are this test's alone."""
    return provider_simulator.new_key()
