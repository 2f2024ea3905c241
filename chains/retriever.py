"""Hybrid search over a Qdrant collection, with the signals that the gate needs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
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


@dataclass(frozen=True)
class _Known:
    """What the last look found. A search keeps to one from its beginning to its end."""

    view: View
    sparse: SparseEmbeddings
    terms: TermWeights


@dataclass(frozen=True)
class _Found:
    """The passages, and the question's terms, counted by the rules of the collection that they are from."""

    points: list[models.ScoredPoint]
    terms: Counter[int]
    known: _Known


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
    _check: CollectionCheck | None = PrivateAttr(default=None)
    _known: _Known | None = PrivateAttr(default=None)
    _checked_at: float = PrivateAttr(default=-GOOD_FOR)

    @property
    def searched(self) -> str:
        """The collection that the name meant at the last look."""
        return (self._known and self._known.view.collection) or self.collection

    async def current(self) -> str:
        """The collection that the name means, looked up again if that is some time ago.

        Raises:
            RetrievalUnavailable: it cannot be searched.
        """
        with translated():
            await self._look_if_due()
        return self.searched

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
        view = await self._check.look()
        if self._known is None or not _is_same(self._known.view, view):
            self._known = _Known(view, Bm25Sparse.of_identity(view.bm25) or self.sparse, TermWeights(view.points))
        else:
            self._known = replace(self._known, view=view)
        self._checked_at = time.monotonic()
        return view

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun | None = None, **options: Any
    ) -> list[Document]:
        started = time.perf_counter()
        vector = await self._vectors.embed(query, self.embeddings)
        embedded = time.perf_counter()
        found = await self._search(query, vector, **options)
        timings = {"embed": (embedded - started) * 1e3, "retrieve": (time.perf_counter() - embedded) * 1e3}
        return self._documents(found, vector, timings)

    async def measure(self, query: str, texts: list[str]) -> dict[str, Any]:
        """The gate's signals for texts that need not be in the collection, taken together: `cosine` of the nearest,
        and `coverage` by all of them. Where the collection does not answer, coverage is None.

        Raises:
            ModelUnavailable: the embedding provider does not answer.
        """
        vector = await self._vectors.embed(query, self.embeddings)
        nearest = max(cosine(vector, other) for other in await self.embeddings.aembed_documents(texts))
        coverage = None
        with suppress(RetrievalUnavailable):
            found = await self._search(query, vector, k=1)
            held = {index for text in found.known.sparse.embed_documents(texts) for index in text.indices}
            coverage = found.known.terms.coverage(found.terms, held) if found.known.view.hybrid else None
        return {"cosine": nearest, "coverage": coverage, **self._shared_facts(self._known)}

    def _shared_facts(self, known: _Known | None) -> dict[str, Any]:
        """What the gate has to know of the collection and the model."""
        limits = asdict(Thresholds.measured_or_default(known.view.gate if known else None, self.embeddings.identity))
        return {"thresholds": limits, "english_only": self.embeddings.identity in ENGLISH_ONLY}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun | None = None, **options: Any
    ) -> list[Document]:
        """In a loop of its own, so that it also works where one is running, as in a notebook's cell."""
        with ThreadPoolExecutor(max_workers=1) as aside:
            return aside.submit(asyncio.run, self._aget_relevant_documents(query, **options)).result()

    async def _look_if_due(self) -> _Known:
        if self._known is None or time.monotonic() - self._checked_at > GOOD_FOR:
            await self.look()
        assert self._known is not None
        return self._known

    async def _search(
        self, query: str, vector: list[float], *, k: int | None = None, filter: models.Filter | None = None
    ) -> _Found:
        with translated():
            async with asyncio.timeout(self.deadline):
                known = await self._look_if_due()
                wanted = Wanted(vector, known.view.dense, k or self.k, filter or self.filter)
                try:
                    return await self._ask(query, wanted, known)
                except UnexpectedResponse as error:
                    if error.status_code != 404:
                        raise
                    self._checked_at = -GOOD_FOR  # a newer generation took the place of the one that was searched
                    known = await self._look_if_due()
                    return await self._ask(query, wanted._replace(dense=known.view.dense), known)

    async def _ask(self, query: str, wanted: Wanted, known: _Known) -> _Found:
        terms = _count_terms(query, known.sparse)
        search, unknown = self._requests(wanted, terms, known)
        requests = [search, *map(single_term, unknown)]
        answers = await self.client.query_batch_points(known.view.collection or self.collection, requests)
        for term, answer in zip(unknown, answers[1:], strict=True):
            known.terms.learn(term, answer.points, SPARSE)
        return _Found(answers[0].points, terms, known)

    def _requests(
        self, wanted: Wanted, terms: Mapping[int, int], known: _Known
    ) -> tuple[models.QueryRequest, list[int]]:
        """The search, and the terms whose idf has to be asked for."""
        if not known.view.hybrid:
            return dense(wanted), []
        return fused(wanted, terms, max(self.prefetch, wanted.k)), known.terms.unknown(terms)

    def _documents(self, found: _Found, vector: list[float], timings: Mapping[str, float]) -> list[Document]:
        texts = [self.keys.text(point.payload) for point in found.points]
        known, view = found.known, found.known.view
        shared = self._shared_facts(known)
        held = known.sparse.embed_documents(texts) if view.hybrid else [None] * len(texts)
        return [
            _document(
                point,
                self.keys,
                score=point.score,
                cosine=cosine(dense_vector(point.vector, view.dense), vector),
                coverage=known.terms.coverage(found.terms, passage.indices) if passage else None,
                **shared,
                timings=dict(timings),
            )
            for point, passage in zip(found.points, held, strict=True)
        ]


def _is_same(old: View, new: View) -> bool:
    """Whether what is known of its terms still holds."""
    return (old.collection, old.points, old.bm25) == (new.collection, new.points, new.bm25)


def _count_terms(query: str, sparse: SparseEmbeddings) -> Counter[int]:
    """BM25's own query vectors give each distinct term a weight of 1."""
    counts: Counter[int] = Counter()
    for line in query.splitlines():
        counts.update(sparse.embed_query(line).indices)
    return counts


def _document(point: models.ScoredPoint, keys: PayloadKeys, **signals: Any) -> Document:
    facts = keys.facts(point.payload)
    shown = keys.text(point.payload).removeprefix(f"{facts.get('heading', '')}\n\n")
    return Document(id=str(point.id), page_content=shown, metadata=facts | signals)
