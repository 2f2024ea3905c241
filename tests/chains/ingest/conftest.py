"""What the tests of ingestion index into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from website_double import SiteDouble, website

from chains.edge import EdgeClient


@pytest.fixture
def client(tmp_path: Path) -> Iterator[EdgeClient]:
    """An open, empty index."""
    client = EdgeClient(tmp_path / "qdrant")
    client.open()
    yield client
    client.close()


@pytest.fixture
def site() -> Iterator[SiteDouble]:
    with website() as site:
        yield site
