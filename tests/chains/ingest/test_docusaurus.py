"""Which files are pages, and what a page is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from folder import page, pages, write

from chains.ingest.config import find_config
from chains.ingest.docusaurus import Docs, require_folder
from chains.ingest.errors import IngestError


def test_drafts_partials_and_hidden_files_are_no_pages(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.md": "A",
            "b.mdx": "B",
            "draft.md": "---\ndraft: true\n---\nD",
            "unlisted.md": "---\nunlisted: true\n---\nU",
            "_part.md": "P",
            "_folder/x.md": "X",
            "__tests__/x.md": "X",
            ".hidden/x.md": "X",
            "node_modules/x.md": "X",
            "text.txt": "T",
        },
    )
    assert pages(tmp_path).keys() == {"a.md", "b.mdx"}


def test_site_may_exclude_files_of_its_own(tmp_path: Path) -> None:
    source = "module.exports = {baseUrl: '/', presets: [['classic', {docs: {exclude: ['x/**', '**/*.{no,not}.md']}}]]};"
    names = ("a.md", "b.no.md", "c/d.not.md", "x/y/z.md", "_part.md")
    write(tmp_path, {"docusaurus.config.js": source, **{f"docs/{name}": "A" for name in names}})
    assert pages(tmp_path).keys() == {"a.md", "_part.md"}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: Front\n---\n# Heading\n\nText", "Front"),
        ("import A from 'a'\n\n# Heading `code`\n\nText", "Heading code"),
        ("Heading\n===\n\nText", "Heading"),
        ("## Second level\n\n# Heading\n\nText", "name"),
        ("---\nid: own\n---\nText", "own"),
        ("---\ntitle: ''\n---\nText", "name"),
        ("---\ntitle: Yes\n---\nText", "Yes"),
        ("---\ntitle: '007'\n---\nText", "007"),
        ("---\ntitle: 1.10\n---\nText", "1.1"),
        ("---\nid: 007\n---\nText", "7"),
        ("---\ntitle: Alone\n---\n", "Alone"),
        ("", "name"),
        ("Text", "name"),
    ],
)
def test_title_is_the_first_of_front_matter_heading_and_id(tmp_path: Path, text: str, title: str) -> None:
    write(tmp_path, {"01-name.md": text})
    assert page(tmp_path, "01-name.md").title == title


def test_path_names_the_headings_above(tmp_path: Path) -> None:
    write(tmp_path, {"page.md": "# Title\n\nA\n\n## Two\n\nB\n\n#### Four\n\nC\n\n### Three\n\nD\n\n## Next\n\nE"})
    assert [section.path[1:] for section in page(tmp_path).sections] == [
        (), ("Two",), ("Two", "Four"), ("Two", "Three"), ("Next",)
    ]  # fmt: skip


def test_breadcrumb_has_the_labels_of_the_folders(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "01-a/_category_.json": '\ufeff{"label": "Label A",}',
            "01-a/02-b/_category_.yml": "label: Label B",
            "01-a/02-b/03-c/page.md": "Text",
            "01-a/broken/_category_.json": "{",
            "01-a/broken/page.md": "Text",
        },
    )
    assert page(tmp_path, "01-a/02-b/03-c/page.md").breadcrumb == ("Label A", "Label B", "c")
    assert page(tmp_path, "01-a/broken/page.md").breadcrumb == ("Label A", "broken")


def test_partial_stands_where_it_is_shown(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "page.md": "import Part from './parts/_part.mdx';\nimport Other from '@site/_other.md'\n\n"
            "## Same\n\nBefore\n\n<Part a={1} />\n\nAfter <Other /> all",
            "parts/_part.mdx": "import Again from './_part.mdx'\n\n## Same\n\nPart {props.a}\n\n<Again />",
            "_other.md": "Other text",
        },
    )
    found = page(tmp_path)
    assert [section.anchor for section in found.sections][:2] == ["same", "same"]
    assert [block.text for block in found.sections[0].blocks] == ["Before"]
    assert [block.text for block in found.sections[-1].blocks][-1] == "After all"


def test_missing_partial_leaves_the_page(tmp_path: Path) -> None:
    write(tmp_path, {"page.md": "import Part from './_gone.md'\n\nBefore\n\n<Part />"})
    assert [block.text for block in page(tmp_path).sections[0].blocks] == ["Before"]


def test_front_matter_of_a_file_chooses_its_format(tmp_path: Path) -> None:
    write(tmp_path, {"page.md": "---\nmdx:\n  format: md\n---\na {b} c"})
    assert page(tmp_path).sections[0].blocks[0].text == "a {b} c"


def test_broken_front_matter_is_named_and_the_body_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, {"page.md": "---\ntitle: a: b\n  - c\n---\n\n# Heading\n\nText"})
    with caplog.at_level(logging.WARNING):
        assert page(tmp_path).title == "Heading"
    assert f"{tmp_path / 'page.md'}:2" in caplog.text


def test_file_that_is_not_utf8_is_named_and_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "page.md").write_bytes(b"# Title\n\ncaf\xe9 open")
    assert page(tmp_path).sections[0].blocks[0].text == "caf\N{REPLACEMENT CHARACTER} open"
    assert f"{tmp_path / 'page.md'}:3" in caplog.text


def test_binary_file_is_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "page.md").write_bytes(b"PK\x03\n\x00\x00")
    write(tmp_path, {"other.md": "Text"})
    assert pages(tmp_path).keys() == {"other.md"}
    assert f"{tmp_path / 'page.md'}:2" in caplog.text


def test_file_that_cannot_be_opened_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "page.md").symlink_to(tmp_path / "gone.md")
    with pytest.raises(IngestError, match=r"page\.md: No such file"):
        pages(tmp_path)


def test_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"file.md": "A"})
    with pytest.raises(IngestError, match="no such file or folder"):
        require_folder(tmp_path / "gone")
    with pytest.raises(IngestError, match="not a folder"):
        require_folder(tmp_path / "file.md")


def test_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="no Markdown page"):
        Docs.at(tmp_path, find_config(tmp_path)).files()


def test_folder_within_the_docs_keeps_its_addresses(tmp_path: Path) -> None:
    source = "module.exports = {baseUrl: '/', presets: ['classic']};"
    write(tmp_path, {"docusaurus.config.js": source, "docs/a/b.md": "B", "docs/c.md": "C"})
    assert {name: found.url for name, found in pages(tmp_path / "docs/a").items()} == {"a/b.md": "/docs/a/b"}


def test_circle_of_links_is_walked_once(tmp_path: Path) -> None:
    write(tmp_path, {"a/page.md": "A"})
    (tmp_path / "a/again").symlink_to(tmp_path / "a", target_is_directory=True)
    assert pages(tmp_path).keys() == {"a/page.md"}
