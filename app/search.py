"""The index with a life of its own: the embedding model and Qdrant, opened, checked, filled at the first start."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from langchain_core.documents import Document

from app.filling import Filling
from app.health import Finding, Health
from app.providers import Providers
from app.settings import Settings
from app.stand_ins import engine_notes
from chains.errors import DocentError, RetrievalUnavailable, SearchFault, SettingsError

if TYPE_CHECKING:
    from qdrant_client import models

    from chains.collection import AsyncClient
    from chains.collection_check import View
    from chains.edge import EdgeClient
    from chains.providers import PinnedEmbeddings
    from chains.resilience import ResilientModel
    from chains.retriever import HybridRetriever

LOOK_GAP = 2.0  # seconds; while the index is away, many turns make one look
RETRY_AFTER = 5  # seconds, for turns that are refused meanwhile

log = structlog.get_logger(__name__)


class Search:
    """Built closed. After `open` it has a retriever and a chat model, whatever state the collection is in."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._name = settings.qdrant_collection
        self._edge: EdgeClient | None = None
        self._client: Any = None
        self._health = health
        self._view: View | None = None
        self._fault: Exception | None = SearchFault("not open yet")
        self._looked_at = -LOOK_GAP
        self._looking = asyncio.Lock()
        self._retriever: HybridRetriever | None = None
        self._filling = Filling(self._index)
        self._refilling: asyncio.Task[None] | None = None
        self.indexing = threading.Lock()  # the first filling, and runs that the author asks for
        health.register("qdrant", self._ping)
        self.providers = Providers(settings, health)

    async def prepare(self) -> None:
        """Make what can look at the index and ask the embedding provider; no packages of chat models are needed.

        Raises:
            EmbeddedEngineError: the index cannot be opened here.
        """
        if self._retriever is None:
            await asyncio.gather(self.providers.prepare(), self._open_client())
            assert self.embeddings is not None
            self._retriever = await asyncio.to_thread(self._build_retriever, self.embeddings)

    async def open(self) -> None:
        """Load the models; on the embedded engine, fill an absent collection from DOCS. A remote index is not asked.

        While the embedding provider is away, that is tried again in the background.

        Raises:
            EmbeddedEngineError: the index cannot be opened here.
        """
        await self.prepare()
        await self.providers.open()
        if self._edge is None:
            return
        if self.providers.fault is None and await self._wants_pages():
            log.info("indexing", docs=str(self._settings.docs))
            await self._filling.attempt()
            self._refilling = asyncio.create_task(self._refill())
        await self._look()

    async def close(self) -> None:
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.wait([self._refilling])
        if self._client is not None:
            await self._client.close()
        await self.providers.close()

    @property
    def place(self) -> str:
        """Where the index is, for sentences to the author."""
        from chains.remote_qdrant import place_of

        return place_of(self._settings)

    @property
    def client(self) -> AsyncClient:
        """For reading what the index is made of."""
        return self._client  # type: ignore[no-any-return]

    @property
    def engine(self) -> EdgeClient | None:
        """The embedded one, which takes what is written while it serves."""
        return self._edge

    @property
    def embeddings(self) -> PinnedEmbeddings | None:
        return self.providers.embeddings

    @property
    def model(self) -> ResilientModel | None:
        return self.providers.model

    def retriever(self) -> HybridRetriever:
        """The product's own retriever, without the guard of `find`."""
        assert self._retriever is not None
        return self._retriever

    async def look(self) -> View:
        """Look at the collection now.

        Raises:
            SearchFault: it cannot be searched; says why, and the remedy.
            DocentError, SettingsError: the embedding model cannot be asked what the collection was made with.
        """
        await self._look()
        if self._fault is not None:
            raise self._fault
        assert self._view is not None
        return self._view

    async def find(self, query: str, k: int | None = None, filter: models.Filter | None = None) -> list[Document]:
        """The retriever, unless the collection is known to be unfit: then no question is answered from it.

        Raises:
            RetrievalUnavailable: the cause says why, and health, too.
        """
        if self._retriever is None or self.providers.fault is not None:
            raise RetrievalUnavailable
        if self._fault is not None:
            await self._look(gap=LOOK_GAP)
        if self._fault is not None:
            raise RetrievalUnavailable(retry_after=RETRY_AFTER) from self._fault
        try:
            return await self._retriever.ainvoke(query, k=k, filter=filter)
        except RetrievalUnavailable:
            self._health.suspect()
            raise

    async def _open_client(self) -> None:
        if self._settings.qdrant_url:
            from chains.remote_qdrant import async_remote_client

            self._client = async_remote_client(self._settings)
            return
        from chains.edge import AsyncEdgeClient, EdgeClient

        self._edge = EdgeClient(self._settings.data_dir / "qdrant")
        self._client = AsyncEdgeClient(self._edge)
        await self._client.open()

    async def _wants_pages(self) -> bool:
        """An absent or empty collection is filled, and one whose first filling from DOCS stopped half-way; DOCS that
        was named on purpose is brought up to date."""
        if "docs" in self._settings.model_fields_set:
            return True
        if not await self._client.collection_exists(self._name):
            return True
        from chains.collection_state import unfinished_docs

        info = await self._client.get_collection(self._name)
        return not info.points_count or unfinished_docs(info) == str(self._settings.docs.resolve())

    def _index(self) -> dict[str, object]:
        from chains.ingest import ingest_folder

        assert self._edge is not None
        assert self.embeddings is not None
        with self.indexing:
            return ingest_folder(self._settings.docs, self._settings, self._edge, self.embeddings).as_dict()

    async def _refill(self) -> None:
        if self._filling.fault is not None:
            await self._filling.go_on()
            await self._look()
            self._health.suspect()

    def _build_retriever(self, embeddings: PinnedEmbeddings) -> HybridRetriever:
        from chains.collection_payload import PayloadKeys
        from chains.ingest import fingerprint_of
        from chains.remote_qdrant import place_of
        from chains.retriever import HybridRetriever

        return HybridRetriever(
            client=self._client,
            collection=self._name,
            embeddings=embeddings,
            fingerprint=fingerprint_of(embeddings),
            keys=PayloadKeys.of(self._settings),
            vector_name=self._settings.qdrant_vector_name,
            deadline=self._settings.retrieve_timeout,
            place=place_of(self._settings),
        )

    async def _look(self, gap: float = 0.0) -> None:
        """Look at the collection, unless somebody did less than `gap` seconds ago; a fault keeps questions away."""
        asked = time.monotonic()
        async with self._looking:
            if self._looked_at > asked - gap:
                return
            try:
                self._view, self._fault = await self.retriever().look(), None
            except (SearchFault, DocentError, SettingsError) as error:
                self._fault = error
            if self._filling.fault is not None and (self._view is None or self._fault or self._view.unfinished):
                self._fault = self._filling.fault  # half an index would say of the other half that it knows nothing
            self._looked_at = time.monotonic()

    async def _ping(self) -> Finding:
        if self._retriever is not None:
            await self._look()
        finding: Finding = {"collection": self._name}
        if self._fault is not None:
            status = getattr(self._fault, "status", SearchFault.status)
            return {"status": status, **finding, "cause": str(self._fault)}
        assert self._view is not None
        notes = [*self._view.notes, *([] if self._settings.qdrant_url else engine_notes(self._settings))]
        if self._filling.fault is not None:  # the index of an earlier start serves
            notes.append("outdated")
            finding["cause"] = str(self._filling.fault)
        return {"status": "connected", **finding, "vectors": self._view.points, **({"notes": notes} if notes else {})}
