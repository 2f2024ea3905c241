"""PDF files as pages: one each, with a section for every sheet, so that a source leads to `file.pdf#page=7`."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from chains.ingest.errors import IngestError
from chains.ingest.page import Block, Kind, Page, Section, Unread
from chains.ingest.slugs import encode_path, join_path
from chains.ingest.stamps import program_digest

BIGGEST = 500_000_000  # bytes
MOST_SHEETS = 20_000
REPEATED = 0.5  # of the sheets: a first or last line that stands on more of them is no text
SHORT = 0.7  # of the usual length: a line that ends a sentence this early ends its paragraph

log = logging.getLogger(__name__)


class PdfFiles:
    """One PDF file, or all below a folder. `site_url` is where they are published."""

    def __init__(self, path: Path, site_url: str | None) -> None:
        path = path.resolve()
        if not path.exists():
            raise IngestError(f"{path}: no such file. Name a PDF file or a folder of them.")
        self._folder = path if path.is_dir() else path.parent
        self._one = path.name if path.is_file() else None
        self._base = (site_url or "").rstrip("/")

    def total(self) -> int:
        return len(self._files())

    @property
    def failed(self) -> int:
        """None: a file that cannot be read is warned of and left out."""
        return 0

    @property
    def language(self) -> str | None:
        """None: every file has its own."""
        return None

    def owns(self, page: str) -> bool:
        if "://" in page or page.startswith("../") or not page.lower().endswith(".pdf"):
            return False
        return self._one is None or page == self._one

    def unread(self) -> Iterator[Unread]:
        for file in self._files():
            key = file.relative_to(self._folder).as_posix()
            if file.stat().st_size > BIGGEST:
                raise IngestError(f"{file}: larger than {BIGGEST:,} bytes. Take it apart, or leave it out.")
            stamp = hashlib.sha256(f"{program_digest()}\n{key}\n{self._base}\n".encode() + file.read_bytes())
            yield Unread(key, stamp.hexdigest()[:32], partial(self._read, file, key))

    def _files(self) -> list[Path]:
        if self._one is not None:
            return [self._folder / self._one]
        return sorted(file for file in self._folder.rglob("*") if file.suffix.lower() == ".pdf" and file.is_file())

    def _read(self, file: Path, key: str) -> Page | None:
        try:
            return read_pdf(file, key, self._base + encode_path(join_path(key)))
        except (PyPdfError, OSError, ValueError, LookupError, RecursionError) as error:
            raise IngestError(f"{file}: not a readable PDF ({error}). Repair it, or leave it out.") from error


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
    repeated = _repeated(sheets)
    found: list[Section] = []
    path: tuple[str, ...] = (title,)
    for number, sheet in enumerate(sheets, start=1):
        path = (title, *headings[number]) if number in headings else path
        blocks = tuple(Block(Kind.TEXT, text) for text in _paragraphs(_lines(sheet, repeated)))
        if blocks:
            found.append(Section(path, min(len(path), 6), f"page={number}", blocks))
    return Page(key, url, title, (), tuple(found), language=_language(reader))


def _headings(reader: PdfReader) -> dict[int, tuple[str, ...]]:
    """By the sheet that they begin on, the bookmarks above and at it; the last one where several begin."""
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
    except (PyPdfError, LookupError, ValueError, AttributeError, RecursionError) as error:
        log.warning("the bookmarks cannot be read (%s); sheets have no headings", error)
    return found


def _repeated(sheets: list[str]) -> set[str]:
    """First and last lines of most sheets, without their numbers."""
    if len(sheets) < 4:
        return set()
    counts: Counter[str] = Counter()
    for sheet in sheets:
        lines = [line for line in sheet.splitlines() if line.strip()]
        counts.update({_masked(line) for line in (*lines[:2], *lines[-2:])})
    return {line for line, count in counts.items() if count > REPEATED * len(sheets)}


def _masked(line: str) -> str:
    return re.sub(r"\d+", "0", " ".join(line.split()))


def _lines(sheet: str, repeated: set[str]) -> list[str]:
    lines = [line.rstrip() for line in sheet.replace("\x00", "").splitlines()]
    filled = [index for index, line in enumerate(lines) if line.strip()]
    edges = {*filled[:2], *filled[-2:]}
    return [line for index, line in enumerate(lines) if not (index in edges and _masked(line) in repeated)]


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Lines that belong together, as one; a word that was cut at a line's end is whole again."""
    usual = sorted(len(line) for line in lines if line.strip())
    long = usual[len(usual) * 3 // 4] if usual else 0
    text = ""
    for line in [*lines, ""]:
        stripped = line.strip()
        if stripped:
            cut = re.search(r"[^\W\d_]-$", text) and stripped[0].islower()
            text = f"{text[:-1]}{stripped}" if cut else f"{text} {stripped}"
        ends = not stripped or (len(stripped) < SHORT * long and re.search(r"[.!?:۔。]$", stripped))
        if ends and text.strip():
            yield text.strip()
            text = ""


def _language(reader: PdfReader) -> str:
    said = reader.root_object.get("/Lang")
    return str(said) if isinstance(said, str) and said else "en"
