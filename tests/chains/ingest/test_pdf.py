"""PDF files to pages, sections and points."""

from __future__ import annotations

from pathlib import Path

import pytest
from hashed import HashedEmbeddings
from pdf_files import write_pdf

from chains.collection_generations import active_collection
from chains.edge import EdgeClient
from chains.ingest import ingest, target_of
from chains.ingest.errors import IngestError
from chains.ingest.options import IngestOptions
from chains.ingest.page import Page
from chains.ingest.pdf import PdfFiles, read_pdf
from chains.ingest.pdf_text import read_sheets
from chains.ingest.report import IndexReport
from chains.ingest.sources import open_source
from chains.settings import ChainSettings

LINE = "A line of the usual length that goes on and on until it"


def page_of(file: Path) -> Page:
    page = read_pdf(file, file.name, f"/{file.name}")
    assert page is not None
    return page


def test_sheets_are_sections_that_can_be_linked_to(tmp_path: Path) -> None:
    file = write_pdf(
        tmp_path / "arm manual.pdf",
        ["Welcome to the arm.", "Set the torque limit to 12 Nm.", "More of it.", "Reset it with (limits reset)."],
        "The Arm Manual",
        [("Limits", 1), ("Reset", 3)],
    )
    (found,) = [unread.read() for unread in PdfFiles(file, "https://x.org/files").unread()]
    assert found is not None
    assert (found.path, found.url, found.title) == (
        "arm manual.pdf",
        "https://x.org/files/arm%20manual.pdf",
        "The Arm Manual",
    )
    told = [(section.path[1:], section.anchor, section.blocks[0].text) for section in found.sections]
    assert told == [
        ((), "page=1", "Welcome to the arm."),
        (("Limits",), "page=2", "Set the torque limit to 12 Nm."),
        (("Limits",), "page=3", "More of it."),
        (("Reset",), "page=4", "Reset it with (limits reset)."),
    ]  # fmt: skip


def test_lines_become_paragraphs(tmp_path: Path) -> None:
    file = write_pdf(tmp_path / "a.pdf", [f"{LINE}\nends here.\n{LINE} is cali-\nbrated and done.\n{LINE}\nlast"])
    assert [block.text for block in page_of(file).sections[0].blocks] == [
        f"{LINE} ends here.",
        f"{LINE} is calibrated and done.",
        f"{LINE} last",
    ]


def test_running_headers_and_numbers_are_left_out(tmp_path: Path) -> None:
    sheets = [f"The Manual\nText of sheet {'abcdef'[n]}.\nPage {n + 1} of 6" for n in range(6)]
    texts = [
        block.text for section in page_of(write_pdf(tmp_path / "a.pdf", sheets)).sections for block in section.blocks
    ]
    assert texts == [f"Text of sheet {'abcdef'[n]}." for n in range(6)]


def test_scanned_file_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_pdf(write_pdf(tmp_path / "scan.pdf", ["", ""]), "scan.pdf", "/scan.pdf") is None
    assert "text recognition" in caplog.text


@pytest.mark.parametrize("kind", ["locked", "broken", "cut", "empty"])
def test_unreadable_file_is_an_error_and_changes_nothing(tmp_path: Path, kind: str) -> None:
    file = write_pdf(tmp_path / "a.pdf", ["Text."], password="x" if kind == "locked" else "")
    if kind == "broken":
        file.write_bytes(b"%PDF-1.7\nnothing of the kind")
    if kind == "cut":
        file.write_bytes(file.read_bytes()[:200])
    if kind == "empty":
        file.write_bytes(b"")
    with pytest.raises(IngestError, match=r"a\.pdf"):
        [unread.read() for unread in PdfFiles(file, None).unread()]


def test_folder_of_pdfs_is_indexed_and_kept_in_step(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    write_pdf(folder / "a.pdf", ["First book."])
    write_pdf(folder / "more/b.PDF", ["Second book."])
    client = EdgeClient(tmp_path / "qdrant")
    client.open()
    target = target_of(str(folder), ChainSettings.load(), client, HashedEmbeddings())
    assert ingest(str(folder), target, IngestOptions()).added == 2
    (folder / "a.pdf").unlink()
    report = ingest(str(folder), target, IngestOptions())
    assert (report.unchanged, report.deleted, report.embedded) == (1, 1, 0)
    records, _ = client.scroll(active_collection(client, "docusaurus-book"))
    assert [record.payload["metadata"]["url"] for record in records if record.payload] == ["/more/b.PDF#page=1"]
    client.close()


def test_folder_with_markdown_is_a_site(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", ["Text."])
    (tmp_path / "b.md").write_text("Text")
    assert [unread.path for unread in open_source(str(tmp_path), IngestOptions()).unread()] == ["b.md"]
    with pytest.raises(IngestError, match="no such file"):
        open_source(str(tmp_path / "c.pdf"), IngestOptions())


def test_lines_that_differ_in_more_than_the_sheets_number_are_text(tmp_path: Path) -> None:
    sheets = [f"The Manual {n + 3}\nThe code of unit {n} is {n * 37}.\nIt is {n * 5} mm long." for n in range(6)]
    texts = [block.text for section in page_of(write_pdf(tmp_path / "a.pdf", sheets)).sections
             for block in section.blocks]  # fmt: skip
    assert texts == [f"The code of unit {n} is {n * 37}. It is {n * 5} mm long." for n in range(6)]
    short = page_of(write_pdf(tmp_path / "b.pdf", [f"Sheet {n} is blank." for n in range(6)]))
    assert len(short.sections) == 6


def test_ligatures_and_cut_words_are_whole_again() -> None:
    assert read_sheets(["The o\ufb03ce \ufb01les cali\u00ad\nbrated soft\u00adware, twenty\u2010\nfold", ""]) == [
        ["The office files calibrated software, twentyfold"],
        [],
    ]


def test_short_sheets_lead_to_their_own_pages(tmp_path: Path, client: EdgeClient) -> None:
    file = write_pdf(tmp_path / "a.pdf", ["Looms.", "Carpets and wool.", "Dyes."])
    ingest(str(file), target_of(str(file), ChainSettings.load(), client, HashedEmbeddings()), IngestOptions())
    records, _ = client.scroll(active_collection(client, "docusaurus-book"))
    told = {record.payload["metadata"]["url"]: record.payload["page_content"] for record in records if record.payload}
    assert told["/a.pdf#page=2"] == "a\n\nCarpets and wool."
    assert len(told) == 3


def test_file_that_cannot_be_read_stays_in_the_index_as_it_is(
    tmp_path: Path, client: EdgeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside docs, whose runs leave it alone, too."""
    books, docs = tmp_path / "books", tmp_path / "docs"
    write_pdf(books / "a.pdf", ["First book."])
    write_pdf(books / "b.pdf", ["Second book."])
    docs.mkdir()
    (docs / "page.md").write_text("# Page\n\nText.")

    def run(source: Path) -> IndexReport:
        return ingest(str(source), target_of("", ChainSettings.load(), client, HashedEmbeddings()), IngestOptions())

    run(books)
    (books / "a.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind")
    write_pdf(books / "c.pdf", ["Third book."])
    report = run(books)
    assert (report.added, report.unchanged, report.deleted, report.failed) == (1, 1, 0, 1)
    assert "a.pdf: not a readable PDF" in caplog.text
    assert (run(docs).deleted, run(docs).deleted) == (0, 0)
    records, _ = client.scroll(active_collection(client, "docusaurus-book"))
    kept = {record.payload["metadata"]["page"] for record in records if record.payload}
    assert kept == {"a.pdf", "b.pdf", "c.pdf", "page.md"}
