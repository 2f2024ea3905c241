"""Copies a collection from one client to another as it is: vectors, payload and fingerprint; nothing is embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from qdrant_client import models

from chains.collection import (
    METADATA,
    Client,
    check_fingerprint,
    create_collection,
    ensure_indexes,
    read_fingerprint,
)
from chains.collection_generations import active_collection
from chains.collection_state import GATE, stored_gate
from chains.errors import CollectionMissing, SearchFault

BATCH = 100  # points; 3,072 numbers each are 6 MB of JSON, and a Qdrant server takes 32 MB

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CopyReport:
    """What one run did, counted in points: `present` ones had been copied before."""

    copied: int
    present: int
    seconds: float

    def as_dict(self) -> dict[str, int | float]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.copied} points copied, {self.present} there already, in {self.seconds:.1f} s"


def copy_collection(source: Client, target: Client, name: str, progress: Progress | None = None) -> CopyReport:
    """Bring the target's collection to what the source's is; `progress` hears of points done and points in all.

    A run that failed is finished by the next one: points that are there, of the same state of their page, are left.

    Raises:
        CollectionMissing: the source has no such collection, or an empty one.
        FingerprintMismatch: the target has one of this name that was made otherwise; nothing was changed.
        SearchFault: the target has other points besides.
    """
    started = time.monotonic()
    into = active_collection(target, name)
    total = _prepare(source, target, name, into)
    done = copied = 0
    for batch in _batches(source, name):
        absent = _absent(target, into, batch)
        if absent:
            target.upsert(into, points=absent, wait=True)
        copied += len(absent)
        done += len(batch)
        if progress is not None:
            progress(done, total)
    _check_count(target, into, done)
    return CopyReport(copied, done - copied, time.monotonic() - started)


def _prepare(source: Client, target: Client, name: str, into: str) -> int:
    """The target's collection and its indexes, before the first point; the number of points to copy."""
    total = source.count(name).count if source.collection_exists(name) else 0
    if not total:
        raise CollectionMissing(
            f"The embedded index has no collection {name!r} with points in it. Run `docent ingest PATH` without "
            "QDRANT_URL first, or with it, to index into the remote collection at once."
        )
    fingerprint = read_fingerprint(source, name)
    gate = stored_gate(source.get_collection(name))
    if fingerprint is None:
        raise SearchFault(f"The embedded collection {name!r} was not made by Docent and is not copied.")
    if not target.collection_exists(into):
        create_collection(target, into, fingerprint)
    check_fingerprint(name, read_fingerprint(target, into), fingerprint)
    ensure_indexes(target, into)
    if gate is not None:
        target.update_collection(into, metadata={GATE: dict(gate)})
    return total


def _batches(source: Client, name: str) -> Iterator[list[models.Record]]:
    offset: Any = None
    while True:
        records, offset = source.scroll(name, limit=BATCH, offset=offset, with_payload=True, with_vectors=True)
        yield records
        if offset is None:
            return


def _absent(target: Client, name: str, batch: list[models.Record]) -> list[models.PointStruct]:
    """The points of the batch that the target has not, or has of another state of their page."""
    ids = [record.id for record in batch]
    key = f"{METADATA}.page_hash"
    present = {str(record.id): _page_hash(record) for record in target.retrieve(name, ids, with_payload=[key])}
    return [
        models.PointStruct.model_construct(id=record.id, vector=record.vector, payload=record.payload)
        for record in batch
        if present.get(str(record.id), ...) != _page_hash(record)
    ]


def _page_hash(record: models.Record) -> str | None:
    return ((record.payload or {}).get(METADATA) or {}).get("page_hash")


def _check_count(target: Client, name: str, expected: int) -> None:
    found = target.count(name, exact=True).count
    if found != expected:
        raise SearchFault(
            f"The remote collection {name!r} has {found} points after the copy, the embedded one {expected}. Points "
            "that only the remote one has were left alone: set QDRANT_COLLECTION to a new name for a clean copy, or "
            "run `docent ingest PATH`, which removes those of pages that are gone."
        )
