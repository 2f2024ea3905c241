"""A running Docent over its own pages, as a reader of the README has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_service import LiveService, serving
from pages import DOCS


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with serving(tmp_path_factory.mktemp("live"), DOCS) as service:
        yield service
