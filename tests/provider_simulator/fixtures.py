"""Fixtures for any test that needs a provider. Nothing is imported or started before a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.provider_simulator.handle import ProviderKey, RunningSimulator


@pytest.fixture(scope="session")
def provider_simulator() -> Iterator[RunningSimulator]:
    from tests.provider_simulator.handle import running_simulator

    with running_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one certificate authority instead of the 150 that every new client reads, for 35 ms each time."""
    import certifi

    end = "-----END CERTIFICATE-----\n"
    file = tmp_path_factory.mktemp("tls") / "one.pem"
    file.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    return file


@pytest.fixture
def quick_clients(one_certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Building a vendor's client takes 2 ms of CPU instead of 75. Nothing here speaks TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(one_certificate))


@pytest.fixture
def provider_key(provider_simulator: RunningSimulator) -> ProviderKey:
    """A fresh key: its faults, settings and log are this test's alone."""
    return provider_simulator.new_key()
