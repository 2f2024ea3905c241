"""The image of this tree, and a volume for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from container import Image, mounted


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with mounted("docent") as image:
        yield image


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """DATA_DIR on a volume; its parents let user 1000 in."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"
