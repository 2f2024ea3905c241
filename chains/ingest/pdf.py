"""PDF files as pages: one each, with a section for every sheet, so that a source leads to `file.pdf#page=7`."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from chains.ingest.errors import IngestError
from chains.ingest.page import Block, Kind, Page, Section, Unread
from chains.ingest.pdf_text import read_sheets
from chains.ingest.slugs import encode_path, join_path
from chains.ingest.stamps import program_digest

BIGGEST = 500_000_000  # bytes
MOST_SHEETS = 20_000

# What pypdf raises of broken files: it trusts the types of what it finds in them.
_UNREADABLE = (PyPdfError, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError,
               RecursionError, NotImplementedError, zlib.error)  # fmt: skip

log = logging.getLogger(__name__)


class PdfFiles:
    """One PDF file, or all below a folder. `site_url` is where they are published.

    A file of a folder that cannot be read is warned of, and stays in the index as it is; a single one is an error.
    """

    def __init__(self, path: Path, site_url: str | None) -> None:
        path = path.resolve()
        if not path.exists():
            raise IngestError(f"{path}: no such file. Name a PDF file or a folder of them.")
        self._folder = path if path.is_dir() else path.parent
        self._one = path.name if path.is_file() else None
        self._base = (site_url or "").rstrip("/")
        self._failed: set[str] = set()

    def total(self) -> int:
        return len(self._files())

    @property
    def failed(self) -> int:
        """Files that could not be read, and are not gone."""
        return len(self._failed)

    @property
    def language(self) -> str | None:
        """None: every file has its own."""
        return None

    def owns(self, page: str) -> bool:
        if page in self._failed or not is_pdf(page) or page.startswith("../"):
            return False
        return self._one is None or page == self._one

    def unread(self) -> Iterator[Unread]:
        """In the order of their names."""
        for file in self._files():
            key = file.relative_to(self._folder).as_posix()
            try:
                stamp = self._stamp(file, key)
            except IngestError as error:
                self._leave(key, error)
            else:
                yield Unread(key, stamp, partial(self._read, file, key))

    def _files(self) -> list[Path]:
        if self._one is not None:
            return [self._folder / self._one]
        return sorted(file for file in self._folder.rglob("*") if is_pdf(file.name) and file.is_file())

    def _stamp(self, file: Path, key: str) -> str:
        try:
            if file.stat().st_size > BIGGEST:
                raise IngestError(f"{file}: larger than {BIGGEST:,} bytes. Take it apart, or leave it out.")
            stamp = hashlib.sha256(f"{program_digest()}\n{key}\n{self._base}\n".encode() + file.read_bytes())
        except OSError as error:
            raise IngestError(f"{file}: {error.strerror}. Let this program read it, or leave it out.") from error
        return stamp.hexdigest()[:32]

    def _read(self, file: Path, key: str) -> Page | None:
        try:
            return read_pdf(file, key, self._base + encode_path(join_path(key)))
        except IngestError as error:
            self._leave(key, error)
        except DependencyError as error:
            self._leave(key, IngestError(f"{file}: {error}. Install that, or save a copy without encryption."))
        except _UNREADABLE as error:
            self._leave(key, IngestError(f"{file}: not a readable PDF ({error}). Repair it, or leave it out."))
        return None

    def _leave(self, key: str, error: IngestError) -> None:
        if self._one is not None:
            raise error
        log.warning("%s What is indexed of it stays.", error)
        self._failed.add(key)


def is_pdf(page: str) -> bool:
    """By the path of a page, which is that of a file here."""
    return "://" not in page and page.lower().endswith(".pdf")


def read_pdf(file: Path, key: str, url: str) -> Page | None:
    """None, with a warning, for a file without text, such as a scanned one."""
    reader = PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise IngestError(f"{file}: locked by a password. Save a copy without one.")
    title = str((reader.metadata.title if reader.metadata else "") or "").strip() or file.stem
    sheets = [page.extract_text() for page in reader.pages[:MOST_SHEETS]]
    if not any(sheet.strip() for sheet in sheets):
        log.warning("%s: no text in it; a scanned file has to go through text recognition first", file)
        return None
    headings = _headings(reader)
    found: list[Section] = []
    path: tuple[str, ...] = (title,)
    for number, paragraphs in enumerate(read_sheets(sheets), start=1):
        path = (title, *headings[number]) if number in headings else path
        blocks = tuple(Block(Kind.TEXT, text) for text in paragraphs)
        if blocks:
            found.append(Section(path, min(len(path), 6), f"page={number}", blocks, apart=True))
    return Page(key, url, title, (), tuple(found), language=_language(reader))


def _headings(reader: PdfReader) -> dict[int, tuple[str, ...]]:
    """By the sheet that they begin on, the bookmarks above and at it; the first one where several begin."""
    found: dict[int, tuple[str, ...]] = {}

    def walk(outline: list[Any], above: tuple[str, ...], depth: int) -> None:
        last = above
        for item in outline:
            if isinstance(item, list):
                if depth < 6:
                    walk(item, last, depth + 1)
                continue
            last = (*above, " ".join(str(item.title).split()))
            number = reader.get_destination_page_number(item)
            if number is not None and number >= 0:
                found.setdefault(number + 1, last)

    try:
        walk(reader.outline, (), 1)
    except _UNREADABLE as error:
        log.warning("the bookmarks cannot be read (%s); sheets have no headings", error)
    return found


def _language(reader: PdfReader) -> str:
    said = reader.root_object.get("/Lang")
    return str(said) if isinstance(said, str) and said else "en"
