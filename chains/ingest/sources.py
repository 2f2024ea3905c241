"""Where pages come from, by what the author names: a folder of docs, PDF files, or addresses on the web."""

from __future__ import annotations

from pathlib import Path

from chains.errors import SettingsError
from chains.ingest.docusaurus import require_folder
from chains.ingest.errors import IngestError
from chains.ingest.options import IngestOptions
from chains.ingest.site import Site
from chains.ingest.target import Pages

PDF = ".pdf"


def open_source(named: str, options: IngestOptions) -> Pages:
    """A site's folder or one in it, a PDF file or a folder of them, `http(s)://...`, or a text file of such addresses.

    Raises:
        IngestError: there is nothing of that kind.
        SettingsError: an override is not an address, or a package is missing.
    """
    if named.startswith(("http://", "https://")):
        return _website([named], options)
    path = Path(named)
    if path.suffix.lower() == PDF or _holds_only_pdfs(path):
        return _pdfs(path, options)
    if path.is_file() and path.suffix == ".txt":
        return _website(_listed(path), options)
    require_folder(path)
    return Site(path, options.selection, options.overrides, may_be_empty=options.delete_most)


def _website(addresses: list[str], options: IngestOptions) -> Pages:
    try:
        from chains.ingest.website import Website
    except ModuleNotFoundError as error:
        raise _missing(error, "web") from None
    return Website(addresses, options.delay, trusted=options.trusted)


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


def _listed(file: Path) -> list[str]:
    """One address a line; lines that begin with # are remarks."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError(f"{file}: {error}. It must be a text file with one address a line.") from error
    addresses = [line for line in lines if line and not line.startswith("#")]
    if not addresses:
        raise IngestError(f"{file}: no address in it.")
    for address in addresses:
        if not address.startswith(("http://", "https://")):
            raise IngestError(f"{file}: {address[:100]!r} is not an http(s) address.")
    return addresses
