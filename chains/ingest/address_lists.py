"""Files that name pages on the web: an address a line, or the sitemap that a site's build leaves."""

from __future__ import annotations

import re
from pathlib import Path

from chains.ingest.addresses import Forbidden, origin_of
from chains.ingest.errors import IngestError
from chains.ingest.fetching import Fetched
from chains.ingest.sitemap import entries_of


def read_addresses(file: Path) -> list[str]:
    """Those in a text file, where lines that begin with # are remarks, or in a sitemap (`.xml`).

    Raises:
        IngestError: the file cannot be read, names none, or something else; says in which line.
    """
    try:
        raw = file.read_bytes()
        if file.suffix.lower() == ".xml":
            return _of_sitemap(file, raw)
        lines = [line.strip() for line in raw.decode("utf-8-sig").splitlines()]
    except OSError as error:
        raise IngestError(f"{file}: {error.strerror}. Let this program read it.") from error
    except UnicodeDecodeError as error:
        raise IngestError(f"{file}: {error}. It must be a text file in UTF-8 with one address a line.") from error
    addresses = {number: line for number, line in enumerate(lines, start=1) if line and not line.startswith("#")}
    if not addresses:
        raise IngestError(f"{file}: no address in it. Write one http(s) address a line.")
    for number, address in addresses.items():
        _require(address, f"{file}:{number}")
    return list(addresses.values())


def _of_sitemap(file: Path, raw: bytes) -> list[str]:
    entries = list(entries_of(Fetched(str(file), "", raw)))
    if any(kind == "sitemap" for kind, _ in entries):
        raise IngestError(f"{file}: names other sitemaps. Name it by its address on the web instead.")
    if not entries:
        raise IngestError(f"{file}: a sitemap without pages.")
    for _, address in entries:
        _require(address, str(file))
    return [address for _, address in entries]


def _require(address: str, place: str) -> None:
    try:
        if re.search(r"\s", address):
            raise Forbidden(f"{address[:200]!r} is more than one address")
        origin_of(address)
    except Forbidden as error:
        raise IngestError(f"{place}: {error}. Correct the line, or remove it.") from error
