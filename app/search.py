"""The index with a life of its own: the embedding model and Qdrant, opened, checked, filled at the first start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from langchain_core.documents import Document

from app.health import Finding, Health
from app.settings import Settings
from chains.errors import EmbeddedEngineError, FingerprintMismatch, RetrievalUnavailable, SettingsError
from chains.ingest.errors import IngestError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from chains.edge import EdgeClient
    from chains.providers import PinnedEmbeddings
    from chains.retriever import HybridRetriever

MISSING = "the collection is absent or empty; run: docent ingest PATH"

log = structlog.get_logger(__name__)


class Search:
    """Built closed. After `open` it has a retriever and a chat model, whatever state the collection is in."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._name = settings.qdrant_collection
        self._edge: EdgeClient | None = None
        self._client: Any = None
        self._fault: Finding | None = {"status": "disconnected"}
        self.embeddings: PinnedEmbeddings | None = None
        self.model: BaseChatModel | None = None
        self._retriever: HybridRetriever | None = None
        self._model_fault: str | None = None
        health.register("qdrant", self._ping)
        health.register("local", self._ping_model)

    async def open(self) -> None:
        """Load the model and open the index; on the embedded engine, fill an absent collection from DOCS.

        Raises:
            EmbeddedEngineError: the index cannot be opened here.
        """
        from chains.providers import chat_model, embeddings
        from chains.retriever import HybridRetriever

        self.embeddings = embeddings(self._settings)
        self.model = chat_model(self._settings, self.embeddings)
        await asyncio.gather(self._open_embeddings(self.embeddings), self._open_client())
        if self._model_fault is not None:
            return
        self._retriever = HybridRetriever(client=self._client, collection=self._name, embeddings=self.embeddings)
        if self._edge is not None and await self._wants_pages():
            await asyncio.to_thread(self._index, self._edge)
        await self._check()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
        if self.embeddings is not None:
            await asyncio.to_thread(self.embeddings.close)

    def retriever(self) -> HybridRetriever:
        """The product's own retriever, without the guard of `find`."""
        assert self._retriever is not None
        return self._retriever

    async def find(self, query: str) -> list[Document]:
        """The retriever, unless the collection is known to be unfit: then no question is answered from it.

        Raises:
            RetrievalUnavailable: collection missing, empty, or made with another model.
        """
        if self._fault is not None:
            await self._check()
        if self._fault is not None or self._model_fault is not None or self._retriever is None:
            raise RetrievalUnavailable
        return await self._retriever.ainvoke(query)

    async def _open_embeddings(self, embeddings: PinnedEmbeddings) -> None:
        """Without its files the model answers nothing, but the service starts and says why."""
        try:
            await asyncio.to_thread(embeddings.open)
        except SettingsError as error:
            log.error("model_unavailable", cause=str(error))
            self._model_fault = str(error)

    async def _open_client(self) -> None:
        if self._settings.qdrant_url:
            from qdrant_client import AsyncQdrantClient

            key = self._settings.qdrant_api_key
            self._client = AsyncQdrantClient(self._settings.qdrant_url, api_key=key, timeout=8)
            return
        from chains.edge import AsyncEdgeClient, EdgeClient

        self._edge = EdgeClient(self._settings.data_dir / "qdrant")
        self._client = AsyncEdgeClient(self._edge)
        await self._client.open()

    async def _wants_pages(self) -> bool:
        """An absent or empty collection is filled; DOCS that was named on purpose is brought up to date."""
        if "docs" in self._settings.model_fields_set:
            return True
        if not await self._client.collection_exists(self._name):
            return True
        return bool((await self._client.count(self._name)).count == 0)

    def _index(self, edge: EdgeClient) -> None:
        from chains.ingest import ingest_folder

        assert self.embeddings is not None
        log.info("indexing", docs=str(self._settings.docs))
        try:
            report = ingest_folder(self._settings.docs, self._settings, edge, self.embeddings)
        except IngestError as error:
            log.error("indexing_failed", cause=str(error))
            return
        log.info("indexed", **report.as_dict())

    async def _check(self) -> None:
        """Look at the collection; a fault keeps questions away from it until the next look."""
        finding = await self._ping()
        self._fault = None if finding["status"] == "connected" else finding

    async def _ping(self) -> Finding:
        from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
        from qdrant_client.http.exceptions import ApiException

        from chains.collection import check_fingerprint, fetch_fingerprint
        from chains.ingest import fingerprint_of

        if self._client is None or self.embeddings is None:
            return {"status": "disconnected", "cause": "not open yet"}
        base = {"collection": self._name}
        try:
            if not await self._client.collection_exists(self._name):
                return {"status": "missing_collection", **base, "cause": MISSING}
            stored = await fetch_fingerprint(self._client, self._name)
            check_fingerprint(self._name, stored, fingerprint_of(self.embeddings))
            vectors = (await self._client.count(self._name)).count
        except FingerprintMismatch as error:
            return {"status": "mismatch", **base, "cause": str(error)}
        except (ApiException, EmbeddedEngineError, ResourceExhaustedResponse, ValueError) as error:
            return {"status": "disconnected", **base, "cause": f"{type(error).__name__}: {error}"}
        if vectors == 0:
            return {"status": "missing_collection", **base, "vectors": 0, "cause": MISSING}
        return {"status": "connected", **base, "vectors": vectors}

    async def _ping_model(self) -> Finding:
        if self.model is None or self._model_fault is not None:
            return {"status": "unavailable", "cause": self._model_fault}
        name = str(getattr(self.model, "model_name", self.model._llm_type))
        return {"status": "ok", "model": name, "notes": ["extractive", "english_only"]}
