"""A look at a collection before it is searched: is it there, is something in it, and do its vectors fit?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from qdrant_client import models

from chains.collection import (
    DENSE,
    SPARSE,
    AsyncClient,
    Bm25Sparse,
    Fingerprint,
    check_fingerprint,
    fingerprint_of,
)
from chains.collection_generations import fetch_generations
from chains.collection_payload import DOCENTS_KEYS, PayloadKeys
from chains.collection_state import stored_gate, unfinished_docs
from chains.collection_vectors import cosine, dense_vector
from chains.errors import CollectionMissing, FingerprintMismatch, SearchFault
from chains.providers import PinnedEmbeddings
from chains.remote_qdrant import CLIENT_ERRORS, MISSING, explain, status_of

# Together with health's longest pause, a service that is back is seen within 10 s.
ANSWER_TIMEOUT = 3.5  # seconds

PROBED_TEXTS = 8
LEAST_COSINE = 0.95  # of a stored vector and its text embedded again: 1 but for rounding, and about 0 between models
FAILED_PROBE_HOLDS = 600.0  # seconds; a probe costs a request to the embedding provider

# For vectors of length 1, as embedding models give them, both order as the cosine does.
COSINES = (models.Distance.COSINE, models.Distance.DOT)

ANOTHER = "Run `docent ingest PATH --rebuild`, or set QDRANT_COLLECTION to another name"


@dataclass(frozen=True)
class View:
    """How a collection can be searched. `dense` names its vector, "" if it has no name.

    `unfinished`: the folder whose pages are not all in it, because the first run over it did not come to its end.
    `gate`: the thresholds that were measured on it, if any. `collection`: where its points are, behind the configured
    name. `superseded`: a newer generation is active, and does not fit the settings.
    `bm25`: what made its sparse vectors, "" if nobody said.
    """

    points: int
    dense: str = DENSE
    hybrid: bool = True
    unfinished: str = ""
    bm25: str = ""
    gate: Mapping[str, Any] | None = field(default=None, compare=False)
    collection: str = ""
    superseded: bool = False

    @property
    def notes(self) -> list[str]:
        """Health's codes."""
        told = {"dense_only": not self.hybrid, "incomplete": self.unfinished, "superseded": self.superseded}
        return [note for note, holds in told.items() if holds]


@dataclass(frozen=True)
class Expected:
    """What a collection is searched with. `fingerprint` None: the collection is taken as it is."""

    embeddings: PinnedEmbeddings
    fingerprint: Fingerprint | None = None
    keys: PayloadKeys = DOCENTS_KEYS
    vector_name: str | None = None


class CollectionCheck:
    """`place` is where the index is, for sentences to the author; `timeout` is in seconds."""

    def __init__(
        self, client: AsyncClient, name: str, expected: Expected, place: str, timeout: float = ANSWER_TIMEOUT
    ) -> None:
        self._client = client
        self._name = name
        self._expected = expected
        self._place = place
        self._timeout = timeout
        self._probe = _Probe()
        self._probing = asyncio.Lock()

    async def look(self) -> View:
        """The active generation, or the one before it, if that alone fits the settings. Two requests, unless another
        program filled the collection: then a few texts are embedded once.

        Raises:
            SearchFault: in one of health's words, why the collection cannot be searched, and the remedy.
        """
        try:
            return await self._view()
        except (*CLIENT_ERRORS, TimeoutError) as error:
            raise explain(error, self._place, self._name, suspended=await self._answers_404(error)) from error

    async def _view(self) -> View:
        async with asyncio.timeout(self._timeout):
            active, *earlier = (await fetch_generations(self._client, self._name)).candidates
        try:
            return await self._view_of(active)
        except FingerprintMismatch:
            for collection in earlier:
                with suppress(SearchFault, *CLIENT_ERRORS):
                    return replace(await self._view_of(collection), superseded=True)
            raise

    async def _view_of(self, collection: str) -> View:
        async with asyncio.timeout(self._timeout):
            info = await self._client.get_collection(collection)
        stored, expected = fingerprint_of(info), self._expected.fingerprint
        if not info.points_count:
            raise CollectionMissing(f"Collection {self._name!r} in {self._place} is empty.", MISSING)
        dense = self._dense_name(info.config.params.vectors)
        hybrid = stored is not None and _has_bm25(info)
        view = View(info.points_count, dense, hybrid, unfinished_docs(info), collection=collection)
        view = replace(view, gate=stored_gate(info), bm25=stored.bm25 if stored else "")
        if expected is None:
            return replace(view, hybrid=_has_bm25(info))
        if stored is not None:
            check_vectors(self._name, stored, expected)
        self._check_shape(info.config.params.vectors, dense)
        if stored is None:
            await self._check_by_probe(view)
        return view

    def _dense_name(self, vectors: Any) -> str:
        """The configured vector, else `dense`, else the only one."""
        if isinstance(vectors, models.VectorParams):
            return ""
        names = list(vectors or {})
        wanted = self._expected.vector_name
        if wanted in names or (wanted is None and DENSE in names):
            return wanted or DENSE
        if wanted is None and len(names) == 1:
            return str(names[0])
        raise FingerprintMismatch(
            f"Collection {self._name!r} has the vectors {', '.join(names) or 'none'}, and none is called "
            f"{wanted or DENSE!r}.",
            "Set QDRANT_VECTOR_NAME to the one that was made by the embedding model.",
        )

    def _check_shape(self, vectors: Any, dense: str) -> None:
        params: models.VectorParams = vectors[dense] if isinstance(vectors, Mapping) else vectors
        wanted = self._expected.embeddings
        if params.size != wanted.dimensions:
            raise FingerprintMismatch(
                f"Collection {self._name!r} has vectors of {params.size} numbers, and {wanted.identity} gives "
                f"{wanted.dimensions}.",
                f"{ANOTHER}, or go back to the embedding model that it was made with.",
            )
        if params.distance not in COSINES or params.multivector_config is not None:
            kind = "several vectors a point" if params.multivector_config else params.distance.value
            raise FingerprintMismatch(
                f"Collection {self._name!r} compares vectors by {kind}, and Docent searches by cosine.", f"{ANOTHER}."
            )

    async def _check_by_probe(self, view: View) -> None:
        """Nobody said what made these vectors, and another model's of the same length would be silently wrong."""
        async with self._probing:
            if not self._probe.holds(view):
                self._probe = _Probe(view, await self._compare(view), time.monotonic())
        if self._probe.fault:
            raise FingerprintMismatch(*self._probe.fault)

    async def _compare(self, view: View) -> tuple[str, str] | None:
        """What is wrong with a few stored vectors, given their texts, and the remedy."""
        wanted = [view.dense] if view.dense else True
        limits: dict[str, Any] = {"limit": PROBED_TEXTS, "with_payload": True, "with_vectors": wanted}
        records, _ = await self._client.scroll(view.collection, **limits)
        keys = self._expected.keys
        stored = [
            (text, dense_vector(record.vector, view.dense)) for record in records if (text := keys.text(record.payload))
        ]
        if not stored:
            held = ", ".join(sorted({key for record in records for key in record.payload or {}})) or "nothing"
            return (
                f"The points of collection {self._name!r} have no text under {keys.content!r}; they have: {held}.",
                "Set QDRANT_CONTENT_KEY to the key of the text.",
            )
        embedded = await self._expected.embeddings.aembed_documents([text for text, _ in stored])
        found = median(cosine(old, new) for (_, old), new in zip(stored, embedded, strict=True))
        if found >= LEAST_COSINE:
            return None
        return (
            f"Collection {self._name!r} was not filled with {self._expected.embeddings.identity}: its vectors and "
            f"those of the same texts have a cosine of {found:.2f}, not 1.",
            f"Go back to the embedding model that it was made with, or: {ANOTHER[0].lower()}{ANOTHER[1:]}.",
        )

    async def _answers_404(self, error: Exception) -> bool:
        """Does a path that every server has answer 404, too?"""
        if status_of(error) != 404:
            return False
        try:
            await self._client.get_collections()
        except CLIENT_ERRORS as second:
            return status_of(second) == 404
        return False


@dataclass(frozen=True)
class _Probe:
    """What the last probe found."""

    view: View | None = None
    fault: tuple[str, str] | None = None
    at: float = 0.0

    def holds(self, view: View) -> bool:
        return self.view == view and (self.fault is None or time.monotonic() - self.at < FAILED_PROBE_HOLDS)


def check_vectors(name: str, stored: Fingerprint, expected: Fingerprint) -> None:
    """`check_fingerprint` for a search: texts that were cut otherwise, or whose words were counted by the rules of
    another language, can be searched all the same.

    Raises:
        FingerprintMismatch: vectors of the two cannot be compared.
    """
    bm25 = stored.bm25 if Bm25Sparse.of_identity(stored.bm25) else expected.bm25
    check_fingerprint(name, stored, replace(expected, chunker=stored.chunker, bm25=bm25))


def _has_bm25(info: models.CollectionInfo) -> bool:
    sparse = (info.config.params.sparse_vectors or {}).get(SPARSE)
    return sparse is not None and sparse.modifier == models.Modifier.IDF
