"""Docs folders written on the spot, and what a run over one did."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from chains.ingest.components import Components
from chains.ingest.config import find_config
from chains.ingest.dialect import Dialect, Format
from chains.ingest.docusaurus import Docs
from chains.ingest.jsx_markup import Renderer
from chains.ingest.markdown import Event, read_markdown
from chains.ingest.modules import Modules
from chains.ingest.page import Block, Heading, Page
from chains.ingest.report import IndexReport

BOOKS = Path(__file__).parents[4] / "shared/data/books"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def counts(report: IndexReport) -> tuple[int, int, int, int]:
    """Pages added, updated, deleted, unchanged."""
    return report.added, report.updated, report.deleted, report.unchanged


def pages(path: Path) -> dict[str, Page]:
    """The pages of a folder, by path, as its own configuration says."""
    docs = Docs.at(path, find_config(path))
    return {page.path: page for file in docs.files() if (page := docs.read(file))}


def page(path: Path, name: str = "page.md") -> Page:
    found = Docs.at(path, find_config(path)).read(PurePosixPath(name))
    assert found is not None
    return found


def read(text: str, format: Format = "mdx", dialect: Dialect | None = None) -> list[Event]:
    renderer = Renderer()
    components = Components(Modules(Path(), renderer), renderer, Path("page.mdx"), {}, {}, lambda: [])
    return read_markdown(text, format, dialect or Dialect(), components, lambda path, props: [])


def texts(text: str, format: Format = "mdx", dialect: Dialect | None = None) -> list[str]:
    return [event.text for event in read(text, format, dialect) if isinstance(event, Block)]


def anchors(text: str, format: Format = "mdx", dialect: Dialect | None = None) -> list[str]:
    return [event.anchor for event in read(text, format, dialect) if isinstance(event, Heading)]
