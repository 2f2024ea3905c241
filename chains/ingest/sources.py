"""Where pages come from, by what the author names: a folder of docs, PDF files, or addresses on the web."""

from __future__ import annotations

import re
from pathlib import Path

from chains.errors import SettingsError
from chains.ingest.docusaurus import require_folder
from chains.ingest.options import IngestOptions
from chains.ingest.site import Site
from chains.ingest.target import Pages

PDF = ".pdf"


def open_source(named: str, options: IngestOptions) -> Pages:
    """A site's folder or one in it, a PDF file or a folder of them, `http(s)://...`, or a file of such addresses: one a
    line in `.txt`, or a sitemap in `.xml`.

    Raises:
        IngestError: there is nothing of that kind.
        SettingsError: an override is not an address, or a package is missing.
    """
    if re.match(r"https?://", named, re.IGNORECASE):
        return _website(named, options)
    path = Path(named)
    if path.suffix.lower() == PDF or _holds_only_pdfs(path):
        return _pdfs(path, options)
    if path.is_file() and path.suffix.lower() in (".txt", ".xml"):
        return _website(path, options)
    require_folder(path)
    return Site(path, options.selection, options.overrides, may_be_empty=options.delete_most)


def _website(named: str | Path, options: IngestOptions) -> Pages:
    try:
        from chains.ingest.address_lists import read_addresses
        from chains.ingest.website import Website
    except ModuleNotFoundError as error:
        raise _missing(error, "web") from None
    listed = isinstance(named, Path)
    addresses = read_addresses(named) if isinstance(named, Path) else [named]
    return Website(addresses, options.delay, trusted=options.trusted, listed=listed)


def _pdfs(path: Path, options: IngestOptions) -> Pages:
    try:
        from chains.ingest.pdf import PdfFiles
    except ModuleNotFoundError as error:
        raise _missing(error, "pdf") from None
    return PdfFiles(path, options.overrides.site_url)


def _missing(error: ModuleNotFoundError, extra: str) -> SettingsError:
    install = f"pip install --editable '.[{extra}]'"
    return SettingsError(f"The package {error.name} is needed for this. Install it with: {install}")


def _holds_only_pdfs(path: Path) -> bool:
    found = False
    for file in path.rglob("*") if path.is_dir() else ():
        if file.suffix.lower() in (".md", ".mdx"):
            return False
        found = found or file.suffix.lower() == PDF
    return found
