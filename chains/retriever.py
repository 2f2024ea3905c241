"""Hybrid search over a Qdrant collection, with the signals that the gate needs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_qdrant.sparse_embeddings import SparseEmbeddings
from pydantic import Field, PrivateAttr
from qdrant_client import models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException

from chains.collection import (
    CONTENT,
    DENSE,
    METADATA,
    SPARSE,
    AsyncClient,
    Bm25Sparse,
    Fingerprint,
    check_fingerprint,
    fingerprint_of,
)
from chains.errors import EmbeddedEngineError, FingerprintMismatch, RetrievalUnavailable
from chains.providers import PinnedEmbeddings
from chains.term_weights import TermWeights

PASSAGES = 6
PREFETCH = 100  # what one list lacks gets nothing from it: nDCG@10 on SciFact is .731 with 30, .738 with 100
GOOD_FOR = 30.0  # seconds that what is known of the collection (its fingerprint and size) is trusted

# What the clients raise: refusals and transport, 429, and ValueError or RuntimeError of a malformed answer.
_FAILURES = (ApiException, EmbeddedEngineError, FingerprintMismatch, LookupError, ValueError, RuntimeError)


class HybridRetriever(BaseRetriever):
    """A question -> its passages, best first: dense and BM25 search, fused by DBSF, in one request.

    `page_content` is the text as it is shown, without the heading path that was embedded with it. `metadata` is the
    chunk's, plus `score` (fused: for order only), `cosine`, `coverage` (the share of the question's idf that the
    passage holds, 0 to 1; None for a question of stop words), and `timings` of the search (ms: embed, retrieve).

    A line that occurs twice in the question counts twice. `ainvoke(question, k=..., filter=...)` overrides the fields.

    Args:
        fingerprint: what the collection must have been made with; None: whatever it was.

    Raises:
        RetrievalUnavailable: no answer from Qdrant, or no collection, an empty one, or one of another fingerprint.
            The cause says which.
    """

    client: AsyncClient
    collection: str
    embeddings: PinnedEmbeddings
    sparse: SparseEmbeddings = Field(default_factory=Bm25Sparse)
    fingerprint: Fingerprint | None = None
    k: int = PASSAGES
    prefetch: int = PREFETCH
    filter: models.Filter | None = None

    _terms: TermWeights = PrivateAttr(default_factory=TermWeights)
    _checked_at: float = PrivateAttr(default=-GOOD_FOR)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun | None = None, **options: Any
    ) -> list[Document]:
        started = time.perf_counter()
        vector = await self.embeddings.aembed_query(query)
        embedded = time.perf_counter()
        terms = self._count_terms(query)
        points = await self._search(vector, terms, **options)
        timings = {"embed": (embedded - started) * 1e3, "retrieve": (time.perf_counter() - embedded) * 1e3}
        return self._documents(points, vector, terms, timings)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun | None = None, **options: Any
    ) -> list[Document]:
        """In a loop of its own, so that it also works where one is running, as in a notebook's cell."""
        with ThreadPoolExecutor(max_workers=1) as aside:
            return aside.submit(asyncio.run, self._aget_relevant_documents(query, **options)).result()

    def _count_terms(self, query: str) -> Counter[int]:
        """BM25's own query vectors give each distinct term a weight of 1."""
        counts: Counter[int] = Counter()
        for line in query.splitlines():
            counts.update(self.sparse.embed_query(line).indices)
        return counts

    async def _search(
        self,
        vector: list[float],
        terms: Mapping[int, int],
        *,
        k: int | None = None,
        filter: models.Filter | None = None,
    ) -> list[models.ScoredPoint]:
        with _translated():
            await self._check_collection()
            unknown = self._terms.unknown(terms)
            fused = self._fused(vector, terms, k or self.k, filter or self.filter)
            requests = [fused, *map(_single_term, unknown)]
            answers = await self.client.query_batch_points(self.collection, requests)
        for term, answer in zip(unknown, answers[1:], strict=True):
            self._terms.learn(term, answer.points, SPARSE)
        return answers[0].points

    async def _check_collection(self) -> None:
        if time.monotonic() - self._checked_at < GOOD_FOR:
            return
        info = await self.client.get_collection(self.collection)
        if not info.points_count:
            raise LookupError(f"Collection {self.collection!r} is empty: run `docent ingest PATH`.")
        if self.fingerprint:
            check_fingerprint(self.collection, fingerprint_of(info), self.fingerprint)
        self._terms.reset(info.points_count)
        self._checked_at = time.monotonic()

    def _fused(
        self, vector: list[float], terms: Mapping[int, int], k: int, condition: models.Filter | None
    ) -> models.QueryRequest:
        depth = max(self.prefetch, k)
        lists = [models.Prefetch(query=vector, using=DENSE, limit=depth, filter=condition)]
        if terms:
            lists.append(models.Prefetch(query=_sparse(terms), using=SPARSE, limit=depth, filter=condition))
        return models.QueryRequest(
            prefetch=lists,
            query=models.FusionQuery(fusion=models.Fusion.DBSF),
            limit=k,
            with_payload=True,
            with_vector=[DENSE],  # for the cosine of passages that only BM25 found
        )

    def _documents(
        self,
        points: Sequence[models.ScoredPoint],
        vector: list[float],
        terms: Mapping[int, int],
        timings: Mapping[str, float],
    ) -> list[Document]:
        payloads = [point.payload or {} for point in points]
        held = self.sparse.embed_documents([payload.get(CONTENT, "") for payload in payloads])
        return [
            _document(
                point,
                score=point.score,
                cosine=_cosine(point, vector),
                coverage=self._terms.coverage(terms, passage.indices),
                timings=dict(timings),
            )
            for point, passage in zip(points, held, strict=True)
        ]


def _document(point: models.ScoredPoint, **signals: Any) -> Document:
    payload = point.payload or {}
    metadata = payload.get(METADATA) or {}
    shown = payload.get(CONTENT, "").removeprefix(f"{metadata.get('heading', '')}\n\n")
    return Document(id=str(point.id), page_content=shown, metadata=metadata | signals)


def _cosine(point: models.ScoredPoint, vector: list[float]) -> float:
    """0 for a point without the dense vector, as a client that leaves vectors out would send it."""
    stored = point.vector.get(DENSE) if isinstance(point.vector, dict) else None
    if not stored:
        return 0.0
    of_passage, of_question = np.asarray(stored, dtype=np.float64), np.asarray(vector, dtype=np.float64)
    return float(of_passage @ of_question / (np.linalg.norm(of_passage) * np.linalg.norm(of_question)))


def _single_term(term: int) -> models.QueryRequest:
    return models.QueryRequest(query=_sparse({term: 1}), using=SPARSE, limit=1, with_vector=[SPARSE])


def _sparse(terms: Mapping[int, int]) -> models.SparseVector:
    return models.SparseVector(indices=list(terms), values=[float(count) for count in terms.values()])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise RetrievalUnavailable(retry_after=error.retry_after_s) from error
    except _FAILURES as error:
        raise RetrievalUnavailable from error
