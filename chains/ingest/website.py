"""The pages of a website, by its sitemap or by a list of addresses."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

from chains.ingest.addresses import Forbidden, Resolve, origin_of, resolve
from chains.ingest.errors import IngestError
from chains.ingest.fetching import Fetched, Fetcher, FetchFailed, PageGone
from chains.ingest.html_pages import read_html
from chains.ingest.page import Page, Unread
from chains.ingest.sitemap import list_pages
from chains.ingest.stamps import program_digest

log = logging.getLogger(__name__)


class Website:
    """Main texts alone. `addresses` are pages, or one address of a sitemap, of a site, or of a page.

    A page that cannot be had, but that the server does not say is gone, stays in the index as it is. One that is not
    listed any more, or that robots.txt closes, is gone. `trusted`: these hosts may lie in a private network.
    """

    def __init__(
        self, addresses: Sequence[str], delay: float, *, trusted: bool = True, lookup: Resolve = resolve
    ) -> None:
        try:
            origins = {origin_of(address) for address in addresses}
        except Forbidden as error:
            raise IngestError(f"{error}.") from error
        self._named = list(addresses)
        self._fetcher = Fetcher(origins if trusted else (), delay, lookup)
        self._failed: set[str] = set()

    @cached_property
    def addresses(self) -> list[str]:
        """Every page's.

        Raises:
            IngestError: the sitemap or the page cannot be read.
        """
        if len(self._named) > 1:
            return list(dict.fromkeys(self._named))
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
        """Pages of the same hosts; those of a single page, only itself."""
        if page in self._failed:
            return False
        if self.addresses == self._named and len(self._named) == 1:
            return page == self._named[0]
        return page.startswith(self._prefixes)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple({_prefix(origin_of(address)) for address in self.addresses})

    def unread(self) -> Iterator[Unread]:
        """Fetched one after the other."""
        for address in self.addresses:
            try:
                fetched = self._fetcher.fetch(address)
            except PageGone as error:
                log.warning("%s", error)
            except FetchFailed as error:
                log.warning("%s; what is indexed of it stays", error)
                self._failed.add(address)
            else:
                if _is_html(fetched):
                    stamp = hashlib.sha256(program_digest().encode() + fetched.address.encode() + fetched.body)
                    yield Unread(address, stamp.hexdigest()[:32], partial(_read, address, fetched))
                else:
                    log.warning("%s: %s, not a page", address, fetched.content_type or "no content type")


def _prefix(origin: str) -> str:
    """As addresses are written: without the port that goes without saying."""
    return re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", origin) + "/"


def _is_html(fetched: Fetched) -> bool:
    kind = fetched.content_type.partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") or (not kind and b"<html" in fetched.body[:2_000].lower())


def _read(address: str, fetched: Fetched) -> Page | None:
    encoding = re.search(r"charset=[\"']?([\w-]+)", fetched.content_type)
    try:
        b"".decode(encoding.group(1) if encoding else "utf-8")
    except LookupError:
        encoding = None
    return read_html(address, fetched.body, encoding.group(1) if encoding else None)
