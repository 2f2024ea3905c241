"""A new collection beside the one that is searched, filled to its end, and only then in its place."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import islice

from langchain_core.documents import Document
from qdrant_client import models

from chains.collection import CONTENT, METADATA, check_fingerprint, ensure_indexes, read_fingerprint, vector_store
from chains.collection_generations import Generations, activate, create_generation, find_generations
from chains.collection_state import GATE, stored_gate
from chains.errors import FingerprintMismatch
from chains.ingest.doubts import few_found, refusal
from chains.ingest.indexed import Indexed
from chains.ingest.indexer import Indexer
from chains.ingest.report import IndexReport
from chains.ingest.target import Pages, Progress, Target

COPIED = 64  # points in one request


def rebuild(
    target: Target, source: Pages, progress: Progress | None = None, *, delete_most: bool = False
) -> IndexReport:
    """Fill a new generation of `target.collection`, a configured name, and let it take the place of the active one.

    Pages of other sources are carried over: with their vectors where those fit, else embedded again from their texts.
    An interrupted rebuild is gone on with by the next one; until then nobody sees anything of it.

    Raises:
        IngestError: fewer than half of the pages that are indexed were found; the active generation stays.
        IndexBusy: another run writes to this index.
    """
    started = time.monotonic()
    client, name = target.client, target.collection
    target.hold()
    generations = find_generations(client, name)
    collection = create_generation(client, generations, target.fingerprint, target.origin)
    if target.lease is not None:
        target.lease.also(collection)
    ensure_indexes(client, collection)
    indexer = Indexer(replace(target, collection=collection))
    indexer.write(source, progress)
    own, carried = _carry_over(target, generations, indexer, source)
    doubt = "" if delete_most else few_found(indexer.report.found, len(own))
    if doubt:
        raise refusal(doubt)
    indexer.remove_gone(lambda page: page not in carried, delete_most=True)
    indexer.finish()
    target.hold()
    activate(client, generations, collection)
    return replace(indexer.report, deleted=0, seconds=time.monotonic() - started)


def mismatch_of(target: Target, generations: Generations) -> FingerprintMismatch | None:
    """Why the active generation cannot be gone on with."""
    if generations.active is None:
        return None
    stored = read_fingerprint(target.client, generations.active)
    try:
        check_fingerprint(target.collection, stored, target.fingerprint)
    except FingerprintMismatch as error:
        return error
    return None


def _carry_over(target: Target, generations: Generations, indexer: Indexer, source: Pages) -> tuple[set[str], set[str]]:
    """Copy the pages of other sources, and those that could not be read; gives the source's own pages and these."""
    own: set[str] = set()
    carried: set[str] = set()
    client, active, collection = target.client, generations.active, indexer.report.collection
    stored = read_fingerprint(client, active) if active else None
    if active is None or stored is None:
        return own, carried
    fits = stored == target.fingerprint
    gate = stored_gate(client.get_collection(active))
    if fits and gate is not None:
        client.update_collection(collection, metadata={GATE: dict(gate)})
    points = Indexed(client, active).points()
    while batch := list(islice(points, COPIED)):
        for page in {page for _, page in batch} - own - carried:
            (own if page in indexer.seen or source.owns(page) else carried).add(page)
        ids = [point for point, page in batch if page in carried]
        if ids:
            _copy(target, active, collection, ids, fits=fits)
    _drop_outdated(target, active, collection, carried)
    return own, carried


def _drop_outdated(target: Target, active: str, collection: str, carried: set[str]) -> None:
    """What an interrupted rebuild had copied of pages that have changed since."""
    found = Indexed(target.client, collection)
    copies = (point for point, page in found.points() if page in carried) if carried else iter(())
    while batch := list(islice(copies, COPIED)):
        kept = {str(record.id) for record in target.client.retrieve(active, batch, with_payload=False)}
        if gone := [point for point in batch if point not in kept]:
            target.hold()
            found.delete(gone)


def _copy(target: Target, active: str, collection: str, points: list[str], *, fits: bool) -> None:
    target.hold()
    records = target.client.retrieve(active, points, with_payload=True, with_vectors=fits)
    if fits:
        copies = [models.PointStruct.model_construct(id=r.id, vector=r.vector, payload=r.payload) for r in records]
        target.client.upsert(collection, points=copies, wait=True)
        return
    payloads = [record.payload or {} for record in records]
    documents = [Document(str(each.get(CONTENT, "")), metadata=each.get(METADATA) or {}) for each in payloads]
    ids = [str(record.id) for record in records]
    store = vector_store(target.client, collection, target.embeddings, target.sparse)
    store.add_documents(documents, ids=ids, batch_size=COPIED)
