"""The rules for addresses and anchors, one by one."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from chains.ingest.slugs import Slugger, apply_trailing_slash, custom_id, join_path, page_slug, strip_number_prefix


@pytest.mark.parametrize(
    ("name", "stripped"),
    [
        ("01-intro", "intro"),
        ("1. Intro", "Intro"),
        ("003 - my doc", "my doc"),
        ("5-My-Doc", "My-Doc"),
        ("2021-11-30-news", "2021-11-30-news"),
        ("8.0", "8.0"),
        ("8.0-release", "8.0-release"),
        ("7.0-foo", "7.0-foo"),
        ("3d-printing", "3d-printing"),
        ("100", "100"),
        ("01-", "01-"),
        ("01--x", "x"),
        ("a1-b", "a1-b"),
    ],
)
def test_number_prefix_is_stripped(name: str, stripped: str) -> None:
    assert strip_number_prefix(name) == stripped


@pytest.mark.parametrize(
    ("path", "front_matter", "slug"),
    [
        ("a/b.md", {}, "/a/b"),
        ("01-a/02-b.md", {}, "/a/b"),
        ("a/README.md", {}, "/a/"),
        ("index.mdx", {}, "/"),
        ("a/a.md", {}, "/a/"),
        ("a/A.md", {}, "/a/"),
        ("01-a/a.md", {}, "/a/a"),
        ("a/index.md", {"id": "x"}, "/a/"),
        ("a/b.md", {"id": "x"}, "/a/x"),
        ("a/b.md", {"slug": "/x/y"}, "/x/y"),
        ("a/b.md", {"slug": "x/y"}, "/a/x/y"),
        ("a/b.md", {"slug": "../x"}, "/x"),
        ("a/b.md", {"slug": "./"}, "/a/"),
        ("a/b.md", {"slug": "x/"}, "/a/x/"),
        ("a/b.md", {"slug": ""}, "/a/b"),
        ("01-a/02-b.md", {"parse_number_prefixes": "false"}, "/01-a/02-b"),
    ],
)
def test_page_slug_follows_path_and_front_matter(path: str, front_matter: dict[str, str], slug: str) -> None:
    assert page_slug(PurePosixPath(path), front_matter) == slug


def test_page_slug_keeps_prefixes_when_the_site_does() -> None:
    assert page_slug(PurePosixPath("01-a/02-b.md"), {}, strip_prefixes=False) == "/01-a/02-b"


def test_paths_join_with_single_slashes() -> None:
    assert join_path("/book/", "/", "", "/a/") == "/book/a/"


@pytest.mark.parametrize(
    ("path", "setting", "expected"),
    [
        ("/b/x", None, "/b/x"),
        ("/b/x/", None, "/b/x/"),
        ("/b/x", True, "/b/x/"),
        ("/b/x/", False, "/b/x"),
        ("/b/", False, "/b/"),
        ("/", False, "/"),
    ],
)
def test_trailing_slash_spares_the_root(path: str, setting: bool | None, expected: str) -> None:
    assert apply_trailing_slash(path, setting, "/b/") == expected


def test_slugger_numbers_repeats() -> None:
    slugger = Slugger()
    assert [slugger.slug(text) for text in ("A b", "A b", "A b-1", "A b")] == ["a-b", "a-b-1", "a-b-1-1", "a-b-2"]


@pytest.mark.parametrize(
    ("text", "slug"),
    [("C++ & more", "c--more"), ("🚀 Start", "-start"), ("snake_case", "snake_case"), ("½ x²", "-x"), ("Ⅳ ①", "ⅳ-")],
)
def test_slug_keeps_letters_marks_and_digits(text: str, slug: str) -> None:
    assert Slugger().slug(text) == slug


def test_slug_keeps_the_case_when_told() -> None:
    assert Slugger(keep_case=True).slug("The API") == "The-API"


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Text {#id}", ("Text", "id")),
        ("Text{#my.id }", ("Text", "my.id")),
        ("Text {#a} {#b}", ("Text {#a}", "b")),
        ("Text {#a} more", ("Text {#a} more", None)),
        ("Text", ("Text", None)),
    ],
)
def test_custom_id_stands_at_the_end(heading: str, expected: tuple[str, str | None]) -> None:
    assert custom_id(heading) == expected
