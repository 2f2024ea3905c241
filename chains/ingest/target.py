"""What an indexer works between: where pages come from, and the collection that they go into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from chains.collection import Bm25Sparse, Client, Fingerprint
from chains.ingest.chunking import chunker_of
from chains.ingest.page import Unread
from chains.providers import CountWordPieces, PinnedEmbeddings

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


@dataclass(frozen=True)
class Target:
    """The collection to be written, and what with. `origin` is where the pages come from."""

    client: Client
    collection: str
    embeddings: PinnedEmbeddings
    count: CountWordPieces
    origin: str = ""


def fingerprint_of(embeddings: PinnedEmbeddings) -> Fingerprint:
    """What a collection indexed with `embeddings` is made with."""
    sparse = Bm25Sparse().identity
    return Fingerprint(embeddings.identity, embeddings.dimensions, embeddings.prefix, sparse, chunker_of(embeddings))
