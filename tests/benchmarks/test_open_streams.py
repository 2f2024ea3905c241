"""Forty answers at once through the running service, all whole, and none of them by way of another thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.open_streams import PROVIDERS, Load, measure, told
from tests.provider_simulator.handle import RunningSimulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LOAD = Load(streams=40, tokens=10, gap=0.3)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_open_streams_are_whole_and_stay_in_one_thread(
    tmp_path: Path, database: str, provider_simulator: RunningSimulator, provider: str
) -> None:
    figures = measure(provider, provider_simulator, LOAD, tmp_path, database)
    assert figures.failed(LOAD.tokens) == 0, told(figures, LOAD)
    assert figures.wakes.total() < LOAD.streams, told(figures, LOAD)
