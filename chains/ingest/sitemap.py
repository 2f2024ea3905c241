"""Which pages a website has: by its sitemap, or by what the author listed."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from lxml import etree

from chains.ingest.addresses import Forbidden, join, origin_of
from chains.ingest.errors import IngestError
from chains.ingest.fetching import BIGGEST_SITEMAP, Fetched, Fetcher, FetchFailed, PageGone, is_html

MOST_PAGES = 200_000
DEEPEST = 3  # sitemaps that list sitemaps

log = logging.getLogger(__name__)


def list_pages(address: str, fetcher: Fetcher) -> list[str]:
    """The addresses that a sitemap lists; of a site's front page, those of its sitemap, or else that page alone.

    Raises:
        IngestError: the address cannot be read, is neither sitemap nor page, or is a sitemap without pages.
    """
    try:
        fetched = fetcher.fetch(address, BIGGEST_SITEMAP)
    except (FetchFailed, PageGone) as error:
        raise IngestError(f"{error}. Nothing was changed.") from error
    if _is_sitemap(fetched):
        return _all_pages(fetched, fetcher)
    if _is_called_sitemap(address) or not is_html(fetched):
        kind = fetched.content_type or "no content type"
        raise IngestError(f"{address}: {kind}, neither a sitemap nor a page. Nothing was changed.")
    if urlsplit(fetched.address).path.endswith("/") or not urlsplit(fetched.address).path:
        return _of_front_page(fetched.address, fetcher) or [address]
    return [address]


def entries_of(sitemap: Fetched) -> Iterator[tuple[str, str]]:
    """`url` or `sitemap`, and its address. No entity is resolved, and nothing is fetched for the document itself.

    Raises:
        IngestError: it is not XML.
    """
    if _is_text(sitemap):
        yield from (
            ("url", line.strip()) for line in sitemap.body.decode(errors="replace").splitlines() if line.strip()
        )
        return
    try:
        parser = etree.iterparse(
            io.BytesIO(sitemap.body), events=("end",), resolve_entities=False, no_network=True, load_dtd=False
        )
        for _, element in parser:
            tag = etree.QName(element).localname if isinstance(element.tag, str) else ""
            if tag == "loc":
                parent = element.getparent()
                kind = etree.QName(parent).localname if parent is not None else ""
                if kind in ("url", "sitemap") and (element.text or "").strip():
                    yield kind, join(sitemap.address, element.text or "")
            elif tag in ("url", "sitemap"):
                element.clear()
    except etree.XMLSyntaxError as error:
        raise IngestError(f"{sitemap.address}: not a readable sitemap ({error}). Nothing was changed.") from error


def _of_front_page(address: str, fetcher: Fetcher) -> list[str]:
    """Of a site below another one, by the sitemap in its own folder."""
    named = fetcher.robots(address).sitemaps if urlsplit(address).path in ("", "/") else ()
    for sitemap in [*named, urljoin(address, "sitemap.xml")]:
        try:
            fetched = fetcher.fetch(sitemap, BIGGEST_SITEMAP)
        except (FetchFailed, PageGone) as error:
            log.warning("%s", error)
            continue
        if _is_sitemap(fetched):
            return _all_pages(fetched, fetcher)
    return []


def _all_pages(sitemap: Fetched, fetcher: Fetcher) -> list[str]:
    origin = origin_of(sitemap.address)
    found: dict[str, None] = {}
    foreign: dict[str, None] = {}
    for page in _walk(sitemap, fetcher, DEEPEST):
        if _same_site(page, origin):
            found[page] = None
        else:
            foreign[page] = None
        if len(found) >= MOST_PAGES:
            log.warning("%s: more than %d pages; the rest is left out", sitemap.address, MOST_PAGES)
            break
    if not found:
        others = f" of its own host, only such as {next(iter(foreign))}" if foreign else ""
        raise IngestError(f"{sitemap.address}: a sitemap without pages{others}. Nothing was changed.")
    if foreign:
        log.warning("%s: %d addresses of other sites are left out", sitemap.address, len(foreign))
    return list(found)


def _walk(sitemap: Fetched, fetcher: Fetcher, depth: int) -> Iterator[str]:
    for kind, address in entries_of(sitemap):
        if kind == "url":
            yield address
        elif depth > 1 and _same_site(address, origin_of(sitemap.address)):
            try:
                inner = fetcher.fetch(address, BIGGEST_SITEMAP)
            except (FetchFailed, PageGone) as error:
                raise IngestError(
                    f"{error}. Without it nobody knows which pages are gone; nothing was changed."
                ) from error
            if not _is_sitemap(inner):
                raise IngestError(f"{address}: not a sitemap. Without it nobody knows which pages are gone.")
            yield from _walk(inner, fetcher, depth - 1)


def _is_sitemap(fetched: Fetched) -> bool:
    start = fetched.body[:2_000].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    listed = b"<urlset" in start or b"<sitemapindex" in start or (start.startswith(b"<?xml") and b"<html" not in start)
    return listed or _is_text(fetched)


def _is_text(fetched: Fetched) -> bool:
    """One address a line, as the protocol allows."""
    plain = fetched.content_type.lower().startswith("text/plain")
    return plain and all(re.fullmatch(rb"(https?://\S+)?", line.strip()) for line in fetched.body.splitlines())


def _is_called_sitemap(address: str) -> bool:
    return urlsplit(address).path.lower().endswith((".xml", ".xml.gz"))


def _same_site(address: str, origin: str) -> bool:
    try:
        return origin_of(address) == origin
    except Forbidden:
        return False
