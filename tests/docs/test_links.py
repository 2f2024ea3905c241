"""Every link inside the pages leads somewhere."""

import re
from pathlib import Path

import pytest
from pages import PAGES, anchors, name_of, prose

_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_resolve(page: Path) -> None:
    broken = [target for target in _LINK.findall(prose(page)) if not _resolves(page, target)]
    assert not broken


def _resolves(page: Path, target: str) -> bool:
    if target.startswith(("https://", "http://")):
        return True
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.is_file() and (not anchor or anchor in anchors(file))
