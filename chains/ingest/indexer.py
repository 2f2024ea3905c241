"""Keeps a collection in step with a folder of docs. What is indexed already, the collection itself knows."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from langchain_core.documents import Document
from langchain_qdrant import QdrantVectorStore

from chains.collection import (
    METADATA,
    Bm25Sparse,
    Client,
    Fingerprint,
    check_fingerprint,
    create_collection,
    ensure_indexes,
    read_fingerprint,
    vector_store,
)
from chains.collection_state import mark_unfinished, unfinished_docs
from chains.ingest.chunking import Chunk, chunker_of, cut, hash_page, point_id
from chains.ingest.page import Page
from chains.providers import CountWordPieces, PinnedEmbeddings

log = logging.getLogger(__name__)

# Chunks embedded and written together: few, so that progress shows and no call holds the interpreter for long.
BATCH = 64
SCROLL = 512

Progress = Callable[[int, int], None]


class Pages(Protocol):
    """Where pages come from: a site's files, or the web."""

    def total(self) -> int:
        """How many pages there are, roughly."""

    def pages(self) -> Iterator[Page | None]:
        """One after the other; None for what turns out to be none."""

    def owns(self, page: str) -> bool:
        """Whether a page of this path, if it is not among them, is gone."""


# The points of each indexed page: id -> the hash of the page that it was made from.
Stored = dict[str, dict[str, str]]


@dataclass(frozen=True)
class IndexReport:
    """What one run did, counted in pages. `chunks` are those of all pages read, `embedded` those that were sent."""

    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, int | float]:
        return asdict(self)

    def __str__(self) -> str:
        counts = ", ".join(f"{getattr(self, name)} {name}" for name in ("added", "updated", "deleted", "unchanged"))
        return f"{counts} in {self.seconds:.1f} s ({self.chunks} chunks, {self.embedded} embedded)"


@dataclass(frozen=True)
class _Change:
    """What must be in the collection for one page, by id, and the ids that must go once it is."""

    documents: dict[str, Document]
    stale: list[str]


def fingerprint_of(embeddings: PinnedEmbeddings) -> Fingerprint:
    """What a collection indexed with `embeddings` is made with."""
    sparse = Bm25Sparse().identity
    return Fingerprint(embeddings.identity, embeddings.dimensions, embeddings.prefix, sparse, chunker_of(embeddings))


class Indexer:
    """Brings a collection to what the docs say. Blocking: a server runs it in a thread of its own.

    `origin` is where the docs lie: the collection holds it until its first run has come to its end.
    """

    def __init__(
        self, client: Client, name: str, embeddings: PinnedEmbeddings, count: CountWordPieces, origin: str = ""
    ) -> None:
        self._client = client
        self._name = name
        self._fingerprint = fingerprint_of(embeddings)
        self._store: QdrantVectorStore = vector_store(client, name, embeddings)
        self._count = count
        self._origin = origin

    def run(self, source: Pages, progress: Progress | None = None) -> IndexReport:
        """Write what changed and remove what vanished; `progress` hears of pages done and pages in all.

        New points are written before old ones go, and a page is unchanged only when all its points are there: a run
        that fails loses nothing, and the next one finishes it.

        Raises:
            IngestError: the docs hold no page; nothing was changed.
            FingerprintMismatch: the collection was made otherwise; nothing was changed.
        """
        started = time.monotonic()
        total = source.total()
        self._require_collection()
        stored = self._stored(source.owns)
        tally: Counter[str] = Counter()
        for done, changes in self._changes(source, stored, tally):
            self._write(changes)
            if progress is not None:
                progress(min(done, total), total)
        self._delete([point for points in stored.values() for point in points])
        if unfinished_docs(self._client.get_collection(self._name)):
            mark_unfinished(self._client, self._name, "")
        return IndexReport(**tally, deleted=len(stored), seconds=time.monotonic() - started)

    def _require_collection(self) -> None:
        if not self._client.collection_exists(self._name):
            create_collection(self._client, self._name, self._fingerprint)
            mark_unfinished(self._client, self._name, self._origin)
        check_fingerprint(self._name, read_fingerprint(self._client, self._name), self._fingerprint)
        ensure_indexes(self._client, self._name)

    def _stored(self, owned: Callable[[str], bool]) -> Stored:
        """What the collection holds of the pages that are `owned`."""
        pages: Stored = {}
        offset: Any = None
        while True:
            keys = [f"{METADATA}.page", f"{METADATA}.page_hash"]
            records, offset = self._client.scroll(self._name, limit=SCROLL, offset=offset, with_payload=keys)
            for record in records:
                metadata = (record.payload or {}).get(METADATA, {})
                page = str(metadata.get("page", ""))
                if owned(page):
                    pages.setdefault(page, {})[str(record.id)] = str(metadata.get("page_hash", ""))
            if offset is None:
                return pages

    def _changes(self, source: Pages, stored: Stored, tally: Counter[str]) -> Iterator[tuple[int, list[_Change]]]:
        """Batches of changed pages, with the number of pages read. Pages that exist are taken out of `stored`."""
        batch: list[_Change] = []
        done = 0
        for done, chunks in enumerate(self._read(source), start=1):
            if chunks:
                change = self._compare(chunks, stored.pop(chunks[0].page.path, {}), tally)
                batch += [change] if change else []
            if sum(len(change.documents) for change in batch) >= BATCH:
                yield done, batch
                batch = []
        yield done, batch

    def _read(self, source: Pages) -> Iterator[list[Chunk]]:
        """The chunks of every page; none for drafts and empty ones."""
        addresses: dict[str, str] = {}
        for page in source.pages():
            if page is not None and addresses.setdefault(page.url, page.path) != page.path:
                log.warning("%s: has the address of %s, %s", page.path, addresses[page.url], page.url)
            yield cut(page, self._count) if page else []

    def _compare(self, chunks: list[Chunk], old: dict[str, str], tally: Counter[str]) -> _Change | None:
        page = chunks[0].page
        page_hash = hash_page(chunks, {"version": page.version, "language": page.language})
        documents = {document.metadata["chunk_id"]: document for document in _documents(chunks, page_hash)}
        tally["chunks"] += len(documents)
        if documents.keys() == old.keys() and set(old.values()) == {page_hash}:
            tally["unchanged"] += 1
            return None
        tally["updated" if old else "added"] += 1
        tally["embedded"] += len(documents)
        return _Change(documents, [point for point in old if point not in documents])

    def _write(self, changes: list[_Change]) -> None:
        documents = {point: document for change in changes for point, document in change.documents.items()}
        if documents:
            self._store.add_documents(list(documents.values()), ids=list(documents), batch_size=BATCH)
        self._delete([point for change in changes for point in change.stale])

    def _delete(self, points: list[str]) -> None:
        for start in range(0, len(points), SCROLL):
            self._store.delete(list(points[start : start + SCROLL]))


def _documents(chunks: list[Chunk], page_hash: str) -> Iterator[Document]:
    for chunk in chunks:
        metadata = {
            "chunk_id": point_id(chunk),
            "page": chunk.page.path,
            "page_hash": page_hash,
            "page_url": chunk.page.url,
            "url": chunk.url,
            "title": chunk.page.title,
            "heading": chunk.heading,
            "anchor": chunk.anchor,
            "ordinal": chunk.ordinal,
            "breadcrumb": list(chunk.page.breadcrumb),
            "version": chunk.page.version,
            "language": chunk.page.language,
        }
        yield Document(chunk.content, metadata=metadata)
