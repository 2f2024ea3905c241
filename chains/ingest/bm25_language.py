"""Whose endings and stop words a collection's BM25 knows: those of the language that its pages are written in.

One collection has one set of rules, for a question has to be cut like the texts that it is to find.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from itertools import islice

from chains.collection import Bm25Sparse, Client, read_fingerprint
from chains.ingest.indexed import Indexed
from chains.ingest.page import Page, Unread
from chains.ingest.target import Pages
from chains.language import OTHER_SCRIPTS, main_language

LOOKED_AT = 8  # pages; what is read of them here is not read again
ENOUGH = 4_000  # characters of each

log = logging.getLogger(__name__)


def settle_language(source: Pages, client: Client, active: str | None, anew: bool = False) -> tuple[Pages, Bm25Sparse]:
    """The rules for a run over `source`, and the source, to be read from in place of it.

    A new collection gets those of the first pages' language. An existing one keeps its own where the source is only a
    part of it, and, unless it is made `anew`, where no configuration says what the pages are written in. Otherwise a
    change of the language gives other rules, and so another fingerprint.

    Raises:
        IngestError: there is no page.
    """
    source.total()
    pages = Peeked(source)
    stored = read_fingerprint(client, active) if active else None
    kept = Bm25Sparse.of_identity(stored.bm25) if stored else None
    if kept is not None and source.language is None and not anew:
        return pages, kept
    language = written_in(pages.first(LOOKED_AT), source.language)
    own = Bm25Sparse.of_language(language)
    if active is None or kept is None or kept.identity == own.identity or _is_whole(source, client, active):
        return pages, own
    log.info("Pages in %r join a collection whose words are counted otherwise: %s", language, kept.identity)
    return pages, kept


def written_in(pages: list[Page], said: str | None) -> str:
    """The language (BCP 47) of the first page and those after it that state the same.

    Letters of another script than Latin decide: configurations are often left at English. Then what is `said`, then
    what most texts look like, then what the first page states.
    """
    same = [page for page in pages if page.language == pages[0].language]
    language, share = main_language([_text(page) for page in same])
    if language in OTHER_SCRIPTS and share > 0.5:
        return str(language)
    return said or language or (same[0].language if same else "en")


class Peeked:
    """Pages of which the first few may be read ahead, each of them once."""

    def __init__(self, source: Pages) -> None:
        self._source = source
        self._ahead: list[Unread] = []
        self._rest: Iterator[Unread] | None = None

    def first(self, number: int) -> list[Page]:
        """Those among them that are pages; to be asked for once, and before `unread`."""
        self._rest = self._source.unread()
        self._ahead = [Unread(each.path, each.stamp, cache(each.read)) for each in islice(self._rest, number)]
        return [page for each in self._ahead if (page := each.read())]

    def unread(self) -> Iterator[Unread]:
        """All of them."""
        yield from self._ahead
        self._ahead = []
        yield from self._source.unread() if self._rest is None else self._rest

    def total(self) -> int:
        return self._source.total()

    def owns(self, page: str) -> bool:
        return self._source.owns(page)

    @property
    def failed(self) -> int:
        """Pages that could not be read, and are not gone."""
        return self._source.failed

    @property
    def language(self) -> str | None:
        """What their author says that they are written in."""
        return self._source.language


def _is_whole(source: Pages, client: Client, collection: str) -> bool:
    return all(source.owns(page) for _, page in Indexed(client, collection).points())


def _text(page: Page) -> str:
    return "\n".join(block.text for section in page.sections for block in section.blocks)[:ENOUGH]
