"""Which version and language of the pages a reader reads, so that no other one answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from qdrant_client import models

from chains.collection import AsyncClient
from chains.collection_payload import DOCENTS_KEYS, PayloadKeys
from chains.errors import RetrievalUnavailable
from chains.language import language_of, primary
from chains.remote_qdrant import CLIENT_ERRORS
from chains.turn import ChatTurn

GOOD_FOR = 30.0  # seconds
PATIENCE = 2.0  # seconds; without an answer all editions are searched
KEPT_PAGES = 1_000
MOST_EDITIONS = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Edition:
    """Of one page; "" where nothing is said."""

    version: str = ""
    language: str = ""


class Editions:
    """A collection of one version and one language is never asked.

    Of several versions the one of the reader's page is searched, and all of them for a page that is not indexed. Of
    several languages the turn's is searched, else the question's, else the page's, if there are pages in it.
    `current` names the collection that is searched.
    """

    def __init__(
        self, client: AsyncClient, current: Callable[[], Awaitable[str]], keys: PayloadKeys = DOCENTS_KEYS
    ) -> None:
        self._client, self._current, self._keys = client, current, keys
        self._collection = ""
        self._versions: list[str] = []
        self._languages: list[str] = []
        self._read_at = -GOOD_FOR
        self._pages: OrderedDict[str, Edition] = OrderedDict()

    async def filter_for(self, turn: ChatTurn) -> models.Filter | None:
        """None: everything may answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._read()
                if len(self._versions) < 2 and len(self._languages) < 2:
                    return None
                page = await self._edition_of(turn.page_url) if turn.page_url else Edition()
        except (*CLIENT_ERRORS, RetrievalUnavailable, TimeoutError) as error:
            log.warning("All versions and languages are searched: %s", type(error).__name__)
            return None
        version = [page.version] if page.version and len(self._versions) > 1 else []
        return edition_filter(version, self._in_language(turn, page))

    def _in_language(self, turn: ChatTurn, page: Edition) -> list[str]:
        if len(self._languages) < 2:
            return []
        for wanted in (turn.language, language_of(turn.question), page.language):
            tags = [tag for tag in self._languages if wanted and primary(tag) == primary(wanted)]
            if tags:
                return tags
        return []

    async def _read(self) -> None:
        collection = await self._current()
        if collection == self._collection and time.monotonic() - self._read_at < GOOD_FOR:
            return
        self._collection = collection
        self._versions = await self._values("metadata.version")
        self._languages = await self._values("metadata.language")
        self._pages.clear()
        self._read_at = time.monotonic()

    async def _values(self, key: str) -> list[str]:
        found = await self._client.facet(self._collection, key, limit=MOST_EDITIONS)
        return [str(hit.value) for hit in found.hits]

    async def _edition_of(self, page_url: str) -> Edition:
        if page_url not in self._pages:
            at = models.FieldCondition(key="metadata.page_url", match=models.MatchAny(any=_spellings(page_url)))
            records, _ = await self._client.scroll(
                self._collection, scroll_filter=models.Filter(must=[at]), limit=1, with_payload=True
            )
            facts = self._keys.facts(records[0].payload) if records else {}
            edition = Edition(str(facts.get("version") or ""), str(facts.get("language") or ""))
            self._pages[page_url] = edition
        self._pages.move_to_end(page_url)
        edition = self._pages[page_url]
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return edition


def edition_filter(versions: Sequence[str] = (), languages: Sequence[str] = ()) -> models.Filter | None:
    """Only pages of one of these versions, and in one of these languages; none given: of any."""
    wanted = {"metadata.version": versions, "metadata.language": languages}
    must: list[models.Condition] = [
        models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))
        for key, values in wanted.items()
        if values
    ]
    return models.Filter(must=must) if must else None


def _spellings(page_url: str) -> list[str]:
    """With and without the last slash, with and without the host: indexed pages may lack either."""
    try:
        parts = urlsplit(page_url)
    except ValueError:  # in brackets that hold no address
        return [page_url]
    path = parts.path.rstrip("/")
    host = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return list(dict.fromkeys(f"{start}{path}{end}" for start in (host, "") for end in ("", "/")))
