"""Keeps a collection in step with pages. What is indexed already, the collection itself knows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from langchain_core.documents import Document
from langchain_qdrant import QdrantVectorStore

from chains.collection import (
    check_fingerprint,
    ensure_indexes,
    read_fingerprint,
    vector_store,
)
from chains.collection_state import mark_unfinished, unfinished_docs
from chains.ingest.chunking import Chunk, cut, hash_page, point_id
from chains.ingest.doubts import few_found, other_site, refusal
from chains.ingest.indexed import STATE, Indexed, Seen, State, page_digest
from chains.ingest.page import Page, Unread
from chains.ingest.report import IndexReport
from chains.ingest.target import LOOKED_UP, Pages, Progress, Target, in_groups

log = logging.getLogger(__name__)

# Chunks embedded and written together: few, so that progress shows and no call holds the interpreter for long.
BATCH = 64
REMEMBERED = 10_000  # addresses, to warn of those that come twice


@dataclass
class _Batch:
    """What must be in the collection, by id, and the pages whose other points must go once it is."""

    documents: dict[str, Document] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)


class Indexer:
    """Brings a collection to what the pages say. Blocking: a server runs it in a thread of its own.

    `dry_run`: it is only looked at; "" counts as an empty one, and so does one that, for the reason `anew`, another
    would take the place of. `seen` are the pages that are not gone.
    """

    def __init__(self, target: Target, *, dry_run: bool = False, anew: str = "") -> None:
        self._target = target
        self._indexed = Indexed(target.client, target.collection)
        self._absent = bool(anew) or not target.collection
        self._store: QdrantVectorStore = vector_store(
            target.client, target.collection, target.embeddings, target.sparse
        )
        self._addresses: dict[str, str] = {}
        self._points = 0  # of the pages that were found
        self.seen = Seen()
        self.report = IndexReport(dry_run=dry_run, collection=target.collection, rebuild=anew)

    def run(self, source: Pages, progress: Progress | None = None, *, delete_most: bool = False) -> IndexReport:
        """Write what changed and remove what vanished; `progress` hears of pages done and pages in all.

        New points are written before old ones go, and a page is unchanged only when all its points are there: a run
        that fails loses nothing, and the next one finishes it.

        Raises:
            IngestError: most pages that are indexed were not found again, and stay unless `delete_most`.
            FingerprintMismatch: the collection was made otherwise; nothing was changed.
        """
        started = time.monotonic()
        self.write(source, progress)
        self.remove_gone(source.owns, delete_most=delete_most)
        self.finish()
        self.report.seconds = time.monotonic() - started
        return self.report

    def write(self, source: Pages, progress: Progress | None = None) -> None:
        """The first part of `run`: all that is new or changed."""
        self._require_collection()
        total = source.total()
        for done, batch in self._batches(source):
            self._write(batch)
            if progress is not None:
                progress(min(done, total), total)
        self.report.failed = source.failed

    def keep(self, page: str) -> None:
        """Count one point of a page as found, which the source has not."""
        self.seen.add(page)
        self._points += 1

    def remove_gone(self, owns: Callable[[str], bool], *, delete_most: bool = False) -> None:
        """Points of pages that are owned and were not found. Without any, the collection need not be looked through.

        Raises:
            IngestError: that these pages are gone is doubtful, and `delete_most` was not said.
        """
        if self._absent:
            self.report.doubt = "" if delete_most else self._doubt_of_rebuild(owns)
            return
        if not self.report.dry_run and self._indexed.count() == self._points:
            return
        gone: set[str] = set()
        for _, page in self._indexed.points():
            if page not in gone and page not in self.seen and owns(page):
                gone.add(page)
                self.report.note("deleted", page)
        known = self.report.found - self.report.added
        doubt = few_found(self.report.found, known + len(gone))
        if not doubt and known < len(gone):
            doubt = other_site(self._indexed.address(min(gone)), next(iter(self._addresses), ""))
        doubt = "" if delete_most else doubt
        if self.report.dry_run:
            self.report.doubt = doubt
        elif doubt:
            raise refusal(doubt)
        else:
            self._delete_gone(gone)

    def _doubt_of_rebuild(self, owns: Callable[[str], bool]) -> str:
        """What a rebuild of the collection would be refused for."""
        client, name = self._target.client, self._target.collection
        if not name or read_fingerprint(client, name) is None:
            return ""
        pages = {page for _, page in self._indexed.points()}
        return few_found(self.report.found, sum(page in self.seen or owns(page) for page in pages))

    def finish(self) -> None:
        """Say that everything is in it."""
        client, name = self._target.client, self._target.collection
        if not self.report.dry_run and unfinished_docs(client.get_collection(name)):
            self._target.hold()
            mark_unfinished(client, name, "")

    def _require_collection(self) -> None:
        if self._absent:
            return
        client, name = self._target.client, self._target.collection
        check_fingerprint(name, read_fingerprint(client, name), self._target.fingerprint)
        if not self.report.dry_run:
            ensure_indexes(client, name)
        elif STATE not in client.get_collection(name).payload_schema:
            self._indexed.readable = False

    def _batches(self, source: Pages) -> Iterator[tuple[int, _Batch]]:
        """What to write, with the number of pages done."""
        batch, done = _Batch(), 0
        for group in in_groups(source.unread()):
            states = {} if self._absent else self._indexed.states([page.path for page in group])
            for page in group:
                self._compare(page, states, batch)
                done += 1
                if len(batch.documents) >= BATCH:
                    yield done, batch
                    batch = _Batch()
            if len(group) < LOOKED_UP:
                yield done, batch
                batch = _Batch()
        yield done, batch

    def _compare(self, unread: Unread, states: dict[str, State | None], batch: _Batch) -> None:
        there, known = unread.path in states, states.get(unread.path)
        if known is not None and unread.stamp and known.stamp == unread.stamp:
            self._count(unread.path, "unchanged", known.chunks)
            return
        page = unread.read()
        chunks = self._cut(page) if page else []
        if not chunks:
            return
        content = hash_page(chunks, {"version": chunks[0].page.version, "language": chunks[0].page.language})[:32]
        state = State(page_digest(unread.path), len(chunks), content, unread.stamp)
        if known is not None and (known.chunks, known.content) == (state.chunks, content):
            self._count(unread.path, "unchanged", state.chunks)
            if known.stamp != state.stamp and not self.report.dry_run:
                self._target.hold()
                self._indexed.stamp(unread.path, state)
            return
        documents = {document.metadata["chunk_id"]: document for document in _documents(chunks, str(state))}
        self._count(unread.path, "updated" if there else "added", len(documents))
        self.report.embedded += len(documents)
        if not self.report.dry_run:
            batch.documents |= documents
            batch.replaced += [unread.path] if there else []

    def _count(self, path: str, kind: str, chunks: int) -> None:
        self.seen.add(path)
        self._points += chunks
        self.report.chunks += chunks
        self.report.note(kind, path)

    def _cut(self, page: Page) -> list[Chunk]:
        other = self._addresses.setdefault(page.url, page.path)
        if other != page.path:
            log.warning("%s: has the address of %s, %s", page.path, other, page.url)
        if len(self._addresses) > REMEMBERED:
            self._addresses.pop(next(iter(self._addresses)))
        return cut(page, self._target.count)

    def _write(self, batch: _Batch) -> None:
        if not batch.documents:
            return
        self._target.hold()
        documents = list(batch.documents.values())
        self._store.add_documents(documents, ids=list(batch.documents), batch_size=BATCH)
        if batch.replaced:
            points = self._indexed.points_of(batch.replaced)
            self._indexed.delete(point for point in points if point not in batch.documents)

    def _delete_gone(self, gone: set[str]) -> None:
        batch: list[str] = []
        for point, page in self._indexed.points():
            batch += [point] if page in gone else []
            if len(batch) >= BATCH:
                self._delete(batch)
                batch = []
        self._delete(batch)

    def _delete(self, points: list[str]) -> None:
        if points:
            self._target.hold()
            self._indexed.delete(points)


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
            "anchors": list(chunk.anchors),
            "ordinal": chunk.ordinal,
            "breadcrumb": list(chunk.page.breadcrumb),
            "version": chunk.page.version,
            "language": chunk.page.language,
        }
        yield Document(chunk.content, metadata=metadata)
