"""Which pages a website has: by its sitemap, or by what the author listed."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

from lxml import etree

from chains.ingest.addresses import Forbidden, origin_of
from chains.ingest.errors import IngestError
from chains.ingest.fetching import BIGGEST_SITEMAP, Fetched, Fetcher, FetchFailed, PageGone

MOST_PAGES = 200_000
DEEPEST = 3  # sitemaps that list sitemaps

log = logging.getLogger(__name__)


def list_pages(address: str, fetcher: Fetcher) -> list[str]:
    """The addresses that a sitemap lists; of a site's front page, those of its sitemap, or else that page alone.

    Raises:
        IngestError: the address cannot be read, or is a sitemap without pages.
    """
    try:
        fetched = fetcher.fetch(address, BIGGEST_SITEMAP)
    except (FetchFailed, PageGone) as error:
        raise IngestError(f"{error}. Nothing was changed.") from error
    if _is_sitemap(fetched):
        pages = _all_pages(fetched, fetcher)
        if not pages:
            raise IngestError(f"{address}: a sitemap without pages. Nothing was changed.")
        return pages
    if urlsplit(fetched.address).path.strip("/") == "":
        return _of_front_page(fetched.address, fetcher) or [address]
    return [address]


def _of_front_page(address: str, fetcher: Fetcher) -> list[str]:
    for sitemap in [*fetcher.robots(address).sitemaps, urljoin(address, "/sitemap.xml")]:
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
    foreign = 0
    for page in _walk(sitemap, fetcher, DEEPEST):
        if _same_site(page, origin):
            found[urldefrag(page)[0]] = None
        else:
            foreign += 1
        if len(found) >= MOST_PAGES:
            log.warning("%s: more than %d pages; the rest is left out", sitemap.address, MOST_PAGES)
            break
    if foreign:
        log.warning("%s: %d addresses of other sites are left out", sitemap.address, foreign)
    return list(found)


def _walk(sitemap: Fetched, fetcher: Fetcher, depth: int) -> Iterator[str]:
    for kind, address in _entries(sitemap):
        if kind == "url":
            yield address
        elif depth > 1 and _same_site(address, origin_of(sitemap.address)):
            try:
                inner = fetcher.fetch(address, BIGGEST_SITEMAP)
            except (FetchFailed, PageGone) as error:
                raise IngestError(
                    f"{error}. Without it nobody knows which pages are gone; nothing was changed."
                ) from error
            yield from _walk(inner, fetcher, depth - 1)


def _entries(sitemap: Fetched) -> Iterator[tuple[str, str]]:
    """`url` or `sitemap`, and its address. No entity is resolved, and nothing is fetched for the document itself."""
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
                    yield kind, urljoin(sitemap.address, (element.text or "").strip())
            elif tag in ("url", "sitemap"):
                element.clear()
    except etree.XMLSyntaxError as error:
        raise IngestError(f"{sitemap.address}: not a readable sitemap ({error}). Nothing was changed.") from error


def _is_sitemap(fetched: Fetched) -> bool:
    start = fetched.body[:2_000].lstrip(b"\xef\xbb\xbf \r\n\t")
    return b"<urlset" in start or b"<sitemapindex" in start or (start.startswith(b"<?xml") and b"<html" not in start)


def _same_site(address: str, origin: str) -> bool:
    try:
        return origin_of(address) == origin
    except Forbidden:
        return False
