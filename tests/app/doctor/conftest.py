"""What the doctor looks at: real services and what stands in for a provider's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.doctor.diagnosis import Diagnosis
from app.settings import Settings
from tests.qdrant_server import QdrantServer

KEY = "canary-key-of-the-cluster"

Configure = Callable[..., Settings]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Settings of these values alone."""

    def settings(**values: Any) -> Settings:
        return Settings(_env_file=None, data_dir=tmp_path / "data", **values)  # type: ignore[call-arg]

    return settings


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path / "cluster", api_key=KEY) as server:
        yield server


def told(found: list[Diagnosis], check: str) -> list[tuple[str, str]]:
    """Verdict, and all that is said, of one check."""
    return [(each.verdict.value, f"{each.says} {each.remedy}") for each in found if each.check == check]
