"""What an indexer works between: where pages come from, and the collection that they go into."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from chains.collection import Bm25Sparse, Client, Fingerprint
from chains.ingest.chunking import chunker_of
from chains.ingest.lease import Lease
from chains.ingest.page import Unread
from chains.providers import CountWordPieces, PinnedEmbeddings

LOOKED_UP = 100  # pages whose states are asked for in one request
SLOW = 2.0  # seconds; what came until then is looked up and written

Progress = Callable[[int, int], None]


class Pages(Protocol):
    """Where pages come from: a site's files, PDFs, or the web."""

    def total(self) -> int:
        """How many pages there are, roughly."""

    def unread(self) -> Iterator[Unread]:
        """One after the other."""

    def owns(self, page: str) -> bool:
        """Whether a page of this path that was not among them is gone."""

    @property
    def failed(self) -> int:
        """Pages that could not be read, and are not gone."""

    @property
    def language(self) -> str | None:
        """What its author says that the pages are written in (BCP 47); None where nobody says it."""


def in_groups(unread: Iterator[Unread]) -> Iterator[list[Unread]]:
    """Of LOOKED_UP pages; smaller ones where pages come slowly, so that a run over the web shows how far it is."""
    group: list[Unread] = []
    until = time.monotonic() + SLOW
    for page in unread:
        group.append(page)
        if len(group) == LOOKED_UP or time.monotonic() > until:
            yield group
            group, until = [], time.monotonic() + SLOW
    if group:
        yield group


@dataclass(frozen=True)
class Target:
    """The collection to be written, and what with. `origin` is where the pages come from, `sparse` counts words.

    `lease` keeps other runs away, where others could write to it.
    """

    client: Client
    collection: str
    embeddings: PinnedEmbeddings
    count: CountWordPieces
    origin: str = ""
    sparse: Bm25Sparse = field(default_factory=Bm25Sparse)
    lease: Lease | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        return fingerprint_of(self.embeddings, self.sparse)

    def hold(self) -> None:
        """To be called before every write.

        Raises:
            IndexBusy: another run writes to the collection.
        """
        if self.lease is not None:
            self.lease.hold()


def fingerprint_of(embeddings: PinnedEmbeddings, sparse: Bm25Sparse | None = None) -> Fingerprint:
    """What a collection indexed with `embeddings` is made with; its words are English unless `sparse` says other."""
    bm25 = (sparse or Bm25Sparse()).identity
    return Fingerprint(embeddings.identity, embeddings.dimensions, embeddings.prefix, bm25, chunker_of(embeddings))
