"""A site with every feature: addresses, anchors and texts are those of a real Docusaurus build of the same files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from built_site import BOOK, GOLDEN, BuiltPage, as_json, build, golden

from chains.ingest.editions import Selection
from chains.ingest.page import Page
from chains.ingest.site import Overrides, Site

BUILT = golden()
FENCES = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1", re.DOTALL | re.MULTILINE)
CODE_SPANS = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
MARKUP = re.compile(
    r"</?[A-Za-z][^<>\n]*>|<!--|\{/\*|\*/|:::|^(?:import|export)\s|\{#|\*\*|\]\(|className|props\.|=>|-->|^\s*#{1,6}\s"
    r"|:[a-z_]+:|[\x00-\x08]",
    re.MULTILINE,
)

# What the theme says in the site's language and Docent in English, or leaves out.
OF_THE_THEME = re.compile(r"remarque|معلومات|نوٹ|\d+ (?:éléments|آئٹمز)")


@pytest.fixture(scope="module")
def read() -> dict[str, Page]:
    site = Site(BOOK, Selection(versions="all", languages="all", untranslated=True), Overrides())
    return {page.url: page for page in site.pages() if page}


def words(text: str) -> str:
    return "".join(re.findall(r"\w+", text)).lower()


def shown(page: Page) -> str:
    parts = [page.title]
    for section in page.sections:
        parts += [section.path[-1], *(block.text for block in section.blocks)]
    return "\n".join(parts)


def test_site_has_the_addresses_of_the_build(read: dict[str, Page]) -> None:
    assert read.keys() == BUILT.keys()


@pytest.mark.parametrize("url", BUILT)
def test_page_has_the_anchors_of_the_build(read: dict[str, Page], url: str) -> None:
    found = [section.anchor for section in read[url].sections if section.level > 1 and section.anchor]
    assert list(dict.fromkeys(found)) == list(dict.fromkeys(BUILT[url].anchors))


@pytest.mark.parametrize("url", BUILT)
def test_page_misses_no_text_of_the_build(read: dict[str, Page], url: str) -> None:
    text = words(shown(read[url]))
    assert [line for line in BUILT[url].texts if not OF_THE_THEME.fullmatch(line) and words(line) not in text] == []


@pytest.mark.parametrize("url", BUILT)
def test_page_holds_no_markup(read: dict[str, Page], url: str) -> None:
    text = CODE_SPANS.sub("", FENCES.sub("", shown(read[url])))
    assert MARKUP.findall(text) == []


def pages_of(path: Path, *selection: str) -> set[tuple[str, str]]:
    site = Site(path, Selection(*selection), Overrides())
    return {(page.version, page.language) for page in site.pages() if page and not page.path.startswith("../api")}


def test_latest_version_and_every_translation_are_read_by_default() -> None:
    assert pages_of(BOOK) == {("2.0", "en"), ("2.0", "fr"), ("2.0", "ur"), ("current", "en"), ("current", "fr")}
    assert pages_of(BOOK / "docs") == {("2.0", "en"), ("2.0", "fr"), ("2.0", "ur")}


def test_versions_and_languages_can_be_chosen() -> None:
    assert pages_of(BOOK / "docs", "all", "en") == {("current", "en"), ("2.0", "en"), ("1.0", "en")}
    assert pages_of(BOOK / "docs", "1.0", "all") == {("1.0", "en")}
    assert pages_of(BOOK / "versioned_docs/version-1.0") == {("1.0", "en")}
    assert pages_of(BOOK / "docs/guides") == {("current", "en")}


def test_untranslated_pages_are_read_once() -> None:
    site = Site(BOOK, Selection(), Overrides())
    french = {page.url for page in site.pages() if page and page.language == "fr"}
    root = "https://example.github.io/handbook/fr"
    assert french == {f"{root}/", f"{root}/guides/sensors/", f"{root}/guides-overview/", f"{root}/category/practice/",
                      f"{root}/community/team/"}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "owned", "foreign"),
    [
        ("", "intro.md ../community/index.md ../versioned_docs/version-1.0/intro.md", "https://example.org/a"),
        ("docs", "intro.md ../versioned_docs/version-9/a.md ../i18n/fr/docusaurus-plugin-content-docs/current/a.md",
         "../community/index.md ../i18n/fr/docusaurus-plugin-content-docs-community/current/a.md"),
        ("community", "../community/index.md", "intro.md ../versioned_docs/version-1.0/intro.md"),
        ("docs/guides", "guides/a.md", "intro.md guides2/a.md"),
        ("versioned_docs/version-1.0", "../versioned_docs/version-1.0/a.md", "../versioned_docs/version-2.0/a.md a.md"),
    ],
)  # fmt: skip
def test_run_owns_what_it_would_read(path: str, owned: str, foreign: str) -> None:
    site = Site(BOOK / path, Selection(), Overrides())
    assert [page for page in owned.split() if not site.owns(page)] == []
    assert [page for page in foreign.split() if site.owns(page)] == []


def test_overrides_win_over_the_configuration() -> None:
    site = Site(BOOK, Selection(languages="en"), Overrides("https://x.org/b/", "/manual", trailing_slash=False))
    urls = {page.url for page in site.pages() if page}
    assert {"https://x.org/b/manual", "https://x.org/b/manual/guides/sensors", "https://x.org/b/community"} <= urls


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_build_shows_what_is_kept(tmp_path: Path) -> None:
    """With the packages of npm: about 80 s to install, 30 s to build."""
    assert shutil.which("npm"), "npm is needed to build the site"
    built = build(tmp_path / "book")
    assert built == BUILT, f"run scripts/build_test_book.py to keep what {GOLDEN.name} is now\n{as_json(built)[:300]}"


__all__ = ["BuiltPage"]
