"""Two real books: read whole, and clean."""

from __future__ import annotations

import re

import pytest
from folder import BOOKS, pages

from chains.ingest.chunking import MOST_WORD_PIECES, Chunk, cut
from chains.ingest.page import Page
from chains.providers import word_pieces

TOOLCHAIN = "https://microsoft.github.io/physical-ai-toolchain/"
FENCES = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1", re.DOTALL | re.MULTILINE)
CODE_SPANS = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LEFTOVERS = re.compile(r"</?[A-Za-z][^<>\n]*>|<!--|\{/\*|^:::|^(?:import|export)\s", re.MULTILINE)

pytestmark = pytest.mark.skipif(not BOOKS.is_dir(), reason=f"{BOOKS} is absent: the books are not part of the project")


@pytest.fixture(scope="module")
def toolchain() -> dict[str, Page]:
    return pages(BOOKS / "physical-ai-toolchain/docs")


@pytest.fixture(scope="module")
def react_native() -> dict[str, Page]:
    return pages(BOOKS / "react-native")


def leftovers(chunks: list[Chunk]) -> list[str]:
    texts = (CODE_SPANS.sub("", FENCES.sub("", chunk.content)) for chunk in chunks)
    return [text for text in texts if LEFTOVERS.search(text)]


@pytest.mark.parametrize("book", ["toolchain", "react_native"])
def test_no_chunk_holds_markup(book: str, request: pytest.FixtureRequest) -> None:
    count = word_pieces()
    chunks = [chunk for page in request.getfixturevalue(book).values() for chunk in cut(page, count)]
    assert not leftovers(chunks)
    assert max(count.batch([chunk.content for chunk in chunks])) <= MOST_WORD_PIECES


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("README.md", "documentation"),
        ("getting-started/README.md", "getting-started/"),
        ("getting-started/quickstart.md", "getting-started/quickstart"),
        ("deprecation-policy.md", "deprecation-policy"),
        ("recipes/training/end-to-end-lerobot-pipeline.md", "recipes/training/end-to-end-lerobot-pipeline"),
    ],
)
def test_toolchain_pages_lie_where_its_build_puts_them(toolchain: dict[str, Page], name: str, url: str) -> None:
    assert toolchain[name].url == TOOLCHAIN + url


@pytest.mark.parametrize(
    ("name", "anchor"),
    [
        ("contributing/README.md", "infrastructure-as-code-style"),
        ("recipes/training/end-to-end-lerobot-pipeline.md", "-prerequisites"),
        ("contributing/architecture.md", "t0--dev"),
    ],
)
def test_toolchain_anchors_are_those_of_its_build(toolchain: dict[str, Page], name: str, anchor: str) -> None:
    assert anchor in {section.anchor for section in toolchain[name].sections}


def test_toolchain_has_the_pages_and_headings_of_its_build(toolchain: dict[str, Page]) -> None:
    assert len(toolchain) == len({page.url for page in toolchain.values()}) == 83
    assert sum(section.level > 1 for page in toolchain.values() for section in page.sections) == 1_043


def test_react_native_has_the_pages_of_its_build(react_native: dict[str, Page]) -> None:
    assert len(react_native) == len({page.url for page in react_native.values()}) == 227
    assert react_native["getting-started.md"].url == "https://reactnative.dev/docs/environment-setup"


def test_react_native_shows_its_partials(react_native: dict[str, Page]) -> None:
    page = react_native["set-up-your-environment.md"]
    text = "\n".join(block.text for section in page.sections for block in section.blocks)
    assert "brew install watchman" in text
    assert {"android-studio", "installing-an-ios-simulator-in-xcode"} <= {section.anchor for section in page.sections}
