"""Addresses, titles and anchors of a small site with every feature, against what a real Docusaurus build made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from folder import pages

from chains.ingest.config import find_config
from chains.ingest.docusaurus import Docs
from chains.ingest.page import Page

SITE = Path(__file__).parent / "site"
GOLDEN: dict[str, Any] = json.loads((SITE / "golden.json").read_text(encoding="utf-8"))["pages"]

# Docusaurus takes these titles from the file's name, though the page shows its first heading.
SHOWN_TITLES = {"features.mdx": "Features of MDX", "late-title.md": "Late title"}


@pytest.fixture(scope="module")
def built() -> dict[str, Page]:
    return pages(SITE)


def test_site_has_the_pages_of_the_build(built: dict[str, Page]) -> None:
    assert built.keys() == GOLDEN.keys()


@pytest.mark.parametrize("name", GOLDEN)
def test_page_has_the_address_of_the_build(built: dict[str, Page], name: str) -> None:
    assert unquote(built[name].url) == GOLDEN[name]["url"]
    assert built[name].url.isascii()
    assert " " not in built[name].url


@pytest.mark.parametrize(("setting", "key"), [(True, "trailing_slash"), (False, "no_trailing_slash")])
def test_trailing_slash_gives_the_addresses_of_the_build(setting: bool, key: str) -> None:
    docs = Docs(replace(find_config(SITE), trailing_slash=setting))
    found = {page.path: unquote(page.url) for file in docs.files() if (page := docs.read(file))}
    assert found == {name: page[key] for name, page in GOLDEN.items()}


@pytest.mark.parametrize("name", GOLDEN)
def test_page_has_the_title_of_the_build(built: dict[str, Page], name: str) -> None:
    assert built[name].title == SHOWN_TITLES.get(name, GOLDEN[name]["title"])


@pytest.mark.parametrize("name", GOLDEN)
def test_page_has_the_anchors_of_the_build(built: dict[str, Page], name: str) -> None:
    """Headings without text or id are left out; a build numbers their slugs all the same."""
    expected = [
        anchor
        for level, anchor, text in GOLDEN[name]["headings"]
        if level > 1 and text and anchor and anchor != "footnote-label"
    ]
    found = [section.anchor for section in built[name].sections if section.level > 1]
    assert list(dict.fromkeys(found)) == list(dict.fromkeys(expected))
    assert len(found) - len(expected) == sum(
        1 for level, anchor, text in GOLDEN[name]["headings"] if level > 1 and text and not anchor
    )


def test_address_without_a_known_site_is_root_relative() -> None:
    docs = Docs(replace(find_config(SITE), url=None))
    urls = [page.url for file in docs.files() if (page := docs.read(file))]
    assert all(url.startswith("/book/manual/") for url in urls)
