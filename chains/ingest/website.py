"""The pages of a website, by its sitemap or by a list of addresses."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from html import unescape
from urllib.parse import urldefrag, urljoin, urlsplit

from chains.ingest.addresses import Forbidden, Resolve, join, origin_of, resolve
from chains.ingest.errors import IngestError
from chains.ingest.fetching import Fetched, Fetcher, FetchFailed, PageGone, is_html
from chains.ingest.html_pages import read_html
from chains.ingest.page import Page, Unread
from chains.ingest.sitemap import list_pages
from chains.ingest.stamps import program_digest

_LINK = re.compile(rb"<link\b[^>]*>", re.IGNORECASE)
_IS_CANONICAL = re.compile(rb"\brel\s*=\s*[\"']?canonical\b", re.IGNORECASE)
_HREF = re.compile(rb"\bhref\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)

log = logging.getLogger(__name__)


class Website:
    """Main texts alone. `addresses` are pages, or one address of a sitemap, of a site, or of a page.

    A page that cannot be had, but that the server does not say is gone, stays in the index as it is. One that is not
    listed any more, or that robots.txt closes, is gone. `trusted`: these hosts may lie in a private network. `listed`:
    the addresses are all that are wanted of their hosts, be it one.
    """

    def __init__(
        self, addresses: Sequence[str], delay: float, *, trusted: bool = True, listed: bool = False,
        lookup: Resolve = resolve,
    ) -> None:  # fmt: skip
        try:
            origins = {origin_of(address) for address in addresses}
        except Forbidden as error:
            raise IngestError(f"{error}.") from error
        self._named = list(dict.fromkeys(urldefrag(address)[0] for address in addresses))
        self._listed = listed
        self._fetcher = Fetcher(origins if trusted else (), delay, lookup)
        self._failed: set[str] = set()
        self._read: set[bytes] = set()

    @cached_property
    def addresses(self) -> list[str]:
        """Every page's.

        Raises:
            IngestError: the sitemap or the page cannot be read.
        """
        if len(self._named) > 1:
            return self._named
        return list_pages(self._named[0], self._fetcher)

    def total(self) -> int:
        return len(self.addresses)

    @property
    def failed(self) -> int:
        """Pages that could not be had, and are not gone."""
        return len(self._failed)

    @property
    def language(self) -> str | None:
        """None: pages of one site say different ones, and often English for want of another."""
        return None

    def owns(self, page: str) -> bool:
        """Pages of the same hosts; of a sitemap that lists only what lies beside and below it, those; of a single
        page, only itself."""
        if page in self._failed:
            return False
        if self.addresses == self._named and len(self._named) == 1 and not self._listed:
            return page == self._named[0]
        return page.startswith(self._prefixes)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        beside = urljoin(self._named[0], "./")
        if not self._listed and all(address.startswith(beside) for address in self.addresses):
            return (beside,)
        return tuple({_prefix(origin_of(address)) for address in self.addresses})

    def unread(self) -> Iterator[Unread]:
        """Fetched one after the other; a page with several addresses comes once."""
        for address in self.addresses:
            fetched = self._fetched(address)
            if fetched is None or self._is_copy(address, fetched):
                continue
            stamp = hashlib.sha256(program_digest().encode() + fetched.address.encode() + fetched.body)
            yield Unread(address, stamp.hexdigest()[:32], partial(_read, address, fetched))

    def _fetched(self, address: str) -> Fetched | None:
        try:
            fetched = self._fetcher.fetch(address)
        except PageGone as error:
            log.warning("%s", error)
        except FetchFailed as error:
            log.warning("%s; what is indexed of it stays", error)
            self._failed.add(address)
        else:
            if is_html(fetched):
                return fetched
            log.warning("%s: %s, not a page", address, fetched.content_type or "no content type")
        return None

    def _is_copy(self, address: str, fetched: Fetched) -> bool:
        """Another listed address by a redirect; or one that differs in its end alone, and the page calls itself that,
        or is the same byte for byte."""
        said = _canonical(fetched)
        others = {fetched.address, said if _bare(said) == _bare(fetched.address) else address} - {address}
        if not others.isdisjoint(self._all):
            return True
        known = hashlib.sha256(f"{_bare(fetched.address)}\n".encode() + fetched.body).digest()
        copy = known in self._read
        self._read.add(known)
        return copy

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset(self.addresses)


def _bare(address: str) -> str:
    parts = urlsplit(address)
    return parts.netloc + re.sub(r"(/index\.html?)?/?$", "", parts.path)


def _canonical(fetched: Fetched) -> str:
    """What the page calls itself."""
    links = (link for link in _LINK.findall(fetched.body) if _IS_CANONICAL.search(link))
    href = _HREF.search(next(links, b""))
    return join(fetched.address, unescape(href.group(1).decode(errors="replace"))) if href else fetched.address


def _prefix(origin: str) -> str:
    """As addresses are written: without the port that goes without saying."""
    return re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", origin) + "/"


def _read(address: str, fetched: Fetched) -> Page | None:
    said = re.search(r"charset=[\"']?([\w-]+)", fetched.content_type, re.IGNORECASE)
    page = read_html(fetched.address, fetched.body, said.group(1) if said else None)
    return replace(page, path=address) if page else None
