"""Hybrid search over a Qdrant collection, with the signals that the gate needs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_qdrant.sparse_embeddings import SparseEmbeddings
from pydantic import Field, PrivateAttr
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from chains.collection import SPARSE, AsyncClient, Bm25Sparse, Fingerprint
from chains.collection_check import ANSWER_TIMEOUT, CollectionCheck, Expected, View
from chains.collection_payload import DOCENTS_KEYS, PayloadKeys
from chains.collection_requests import Wanted, dense, fused, single_term, translated
from chains.collection_vectors import cosine, dense_vector
from chains.errors import RetrievalUnavailable
from chains.evidence import MEASURED as ENGLISH_ONLY
from chains.evidence import Thresholds
from chains.passages import PASSAGES
from chains.providers import PinnedEmbeddings
from chains.query_vectors import QueryVectors
from chains.term_weights import TermWeights

PREFETCH = 100  # what one list lacks gets nothing from it: nDCG@10 on SciFact is .731 with 30, .738 with 100
GOOD_FOR = 5.0  # seconds that what is known of the collection (generation, fingerprint and size) is trusted
DEADLINE = 8.0  # seconds


class HybridRetriever(BaseRetriever):
    """A question -> its passages, best first: dense and BM25 search, fused by DBSF, in one request.

    `page_content` is the text as it is shown, without the heading path that was embedded with it. `metadata` is the
    chunk's, plus `score` (fused: for order only), `cosine`, `coverage` (the share of the question's idf that the
    passage holds, 0 to 1; None for a question of stop words), `thresholds` (the gate's, for these signals),
    `english_only` (the embedding model reads nothing else), and `timings` of the search (ms: embed, retrieve).

    A line that occurs twice in the question counts twice. `ainvoke(question, k=..., filter=...)` overrides the fields.

    A collection that another program filled is searched by its dense vector alone; `coverage` is then None, because
    nobody counted its words.

    Args:
        fingerprint: what the collection must have been made with; None: whatever it was.
        keys: where a payload has its text and metadata.
        vector_name: the dense vector, where several could be meant.
        deadline: seconds that one search may take, the embedding of the question aside.
        place: where the index is, for sentences to the author.

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
    keys: PayloadKeys = DOCENTS_KEYS
    vector_name: str | None = None
    deadline: float = DEADLINE
    place: str = "the index"

    _vectors: QueryVectors = PrivateAttr(default_factory=QueryVectors)
    _terms: TermWeights = PrivateAttr(default_factory=TermWeights)
    _check: CollectionCheck | None = PrivateAttr(default=None)
    _view: View = PrivateAttr(default=View(points=0))
    _checked_at: float = PrivateAttr(default=-GOOD_FOR)

    @property
    def searched(self) -> str:
        """The collection that the name meant at the last look."""
        return self._view.collection or self.collection

    async def look(self) -> View:
        """Look at the collection now, and search it by what is found.

        Raises:
            SearchFault: it cannot be searched; says why, and the remedy.
        """
        if self._check is None:
            expected = Expected(self.embeddings, self.fingerprint, self.keys, self.vector_name)
            timeout = min(ANSWER_TIMEOUT, self.deadline)
            self._check = CollectionCheck(self.client, self.collection, expected, self.place, timeout)
        self._checked_at = -GOOD_FOR
        self._view = await self._check.look()
        if self._view.bm25 != getattr(self.sparse, "identity", "") and (own := Bm25Sparse.of_identity(self._view.bm25)):
            self.sparse = own  # the collection's language
        self._terms.reset(self._view.points)
        self._checked_at = time.monotonic()
        return self._view

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun | None = None, **options: Any
    ) -> list[Document]:
        started = time.perf_counter()
        vector = await self._vectors.embed(query, self.embeddings)
        embedded = time.perf_counter()
        terms = self._count_terms(query)
        points = await self._search(vector, terms, **options)
        timings = {"embed": (embedded - started) * 1e3, "retrieve": (time.perf_counter() - embedded) * 1e3}
        return self._documents(points, vector, terms, timings)

    async def measure(self, query: str, texts: list[str]) -> dict[str, Any]:
        """The gate's signals for texts that need not be in the collection, taken together: `cosine` of the nearest,
        and `coverage` by all of them. Where the collection does not answer, coverage is None.

        Raises:
            ModelUnavailable: the embedding provider does not answer.
        """
        vector = await self._vectors.embed(query, self.embeddings)
        nearest = max(cosine(vector, other) for other in await self.embeddings.aembed_documents(texts))
        terms, coverage = self._count_terms(query), None
        with suppress(RetrievalUnavailable):
            await self._search(vector, terms, k=1)
            held = {index for text in self.sparse.embed_documents(texts) for index in text.indices}
            coverage = self._terms.coverage(terms, held) if self._view.hybrid else None
        return {"cosine": nearest, "coverage": coverage, **self._shared_facts()}

    def _shared_facts(self) -> dict[str, Any]:
        """What the gate has to know of the collection and the model."""
        limits = asdict(Thresholds.measured_or_default(self._view.gate, self.embeddings.identity))
        return {"thresholds": limits, "english_only": self.embeddings.identity in ENGLISH_ONLY}

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
        with translated():
            async with asyncio.timeout(self.deadline):
                if time.monotonic() - self._checked_at > GOOD_FOR:
                    await self.look()
                wanted = (vector, terms, k or self.k, filter or self.filter)
                try:
                    return await self._ask(*wanted)
                except UnexpectedResponse as error:
                    if error.status_code != 404:
                        raise
                    await self.look()  # a newer generation took the place of the one that was searched
                    return await self._ask(*wanted)

    async def _ask(
        self, vector: list[float], terms: Mapping[int, int], k: int, condition: models.Filter | None
    ) -> list[models.ScoredPoint]:
        search, unknown = self._requests(vector, terms, k, condition)
        requests = [search, *map(single_term, unknown)]
        answers = await self.client.query_batch_points(self.searched, requests)
        for term, answer in zip(unknown, answers[1:], strict=True):
            self._terms.learn(term, answer.points, SPARSE)
        return answers[0].points

    def _requests(
        self, vector: list[float], terms: Mapping[int, int], k: int, condition: models.Filter | None
    ) -> tuple[models.QueryRequest, list[int]]:
        """The search, and the terms whose idf has to be asked for."""
        wanted = Wanted(vector, self._view.dense, k, condition)
        if not self._view.hybrid:
            return dense(wanted), []
        return fused(wanted, terms, max(self.prefetch, k)), self._terms.unknown(terms)

    def _documents(
        self,
        points: Sequence[models.ScoredPoint],
        vector: list[float],
        terms: Mapping[int, int],
        timings: Mapping[str, float],
    ) -> list[Document]:
        texts = [self.keys.text(point.payload) for point in points]
        shared = self._shared_facts()
        held = self.sparse.embed_documents(texts) if self._view.hybrid else [None] * len(points)
        return [
            _document(
                point,
                self.keys,
                score=point.score,
                cosine=cosine(dense_vector(point.vector, self._view.dense), vector),
                coverage=self._terms.coverage(terms, passage.indices) if passage else None,
                **shared,
                timings=dict(timings),
            )
            for point, passage in zip(points, held, strict=True)
        ]


def _document(point: models.ScoredPoint, keys: PayloadKeys, **signals: Any) -> Document:
    facts = keys.facts(point.payload)
    shown = keys.text(point.payload).removeprefix(f"{facts.get('heading', '')}\n\n")
    return Document(id=str(point.id), page_content=shown, metadata=facts | signals)
