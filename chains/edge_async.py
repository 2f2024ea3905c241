"""The embedded Qdrant engine with `AsyncQdrantClient`'s names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from qdrant_client import models
from qdrant_client.http.models import QueryResponse

from chains.edge_client import SCROLL_BATCH, EdgeClient

P = ParamSpec("P")
T = TypeVar("T")


class AsyncEdgeClient:
    """Searches run directly, because they are short and Edge holds the interpreter lock anyway: a hybrid query takes
    about 1 ms of CPU at 10,000 points and 5 ms at 50,000 (768 dimensions). Writes, which also wait for one another,
    and long scrolls go to one thread; there the engine lets the event loop run between batches.
    """

    def __init__(self, client: EdgeClient) -> None:
        self._client = client
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edge")

    async def open(self) -> None:
        await self._aside(self._client.open)

    async def close(self) -> None:
        """After the writes that were asked for before. The client can be opened again."""
        await self._aside(self._client.close)

    async def query_points(self, collection_name: str, query: Any = None, **options: Any) -> QueryResponse:
        return self._client.query_points(collection_name, query, **options)

    async def query_batch_points(
        self, collection_name: str, requests: Sequence[models.QueryRequest], **options: Any
    ) -> list[QueryResponse]:
        return self._client.query_batch_points(collection_name, requests, **options)

    async def retrieve(self, collection_name: str, ids: Sequence[Any], **options: Any) -> list[models.Record]:
        return self._client.retrieve(collection_name, ids, **options)

    async def scroll(self, collection_name: str, **options: Any) -> tuple[list[models.Record], int | str | None]:
        if (options.get("limit") or 0) <= SCROLL_BATCH:
            return self._client.scroll(collection_name, **options)
        return await self._aside(self._client.scroll, collection_name, **options)

    async def count(self, collection_name: str, **options: Any) -> models.CountResult:
        return self._client.count(collection_name, **options)

    async def facet(self, collection_name: str, key: str, **options: Any) -> models.FacetResponse:
        return self._client.facet(collection_name, key, **options)

    async def collection_exists(self, collection_name: str, **options: Any) -> bool:
        return self._client.collection_exists(collection_name, **options)

    async def get_collection(self, collection_name: str, **options: Any) -> models.CollectionInfo:
        return self._client.get_collection(collection_name, **options)

    async def get_collections(self, **options: Any) -> models.CollectionsResponse:
        return self._client.get_collections(**options)

    async def get_aliases(self, **options: Any) -> models.CollectionsAliasesResponse:
        return self._client.get_aliases(**options)

    async def create_collection(
        self, collection_name: str, vectors_config: dict[str, models.VectorParams], **options: Any
    ) -> bool:
        return await self._aside(self._client.create_collection, collection_name, vectors_config, **options)

    async def delete_collection(self, collection_name: str, **options: Any) -> bool:
        return await self._aside(self._client.delete_collection, collection_name, **options)

    async def update_collection(self, collection_name: str, **options: Any) -> bool:
        return await self._aside(self._client.update_collection, collection_name, **options)

    async def update_collection_aliases(self, change_aliases_operations: Sequence[Any], **options: Any) -> bool:
        return await self._aside(self._client.update_collection_aliases, change_aliases_operations, **options)

    async def create_payload_index(self, collection_name: str, field_name: str, **options: Any) -> models.UpdateResult:
        return await self._aside(self._client.create_payload_index, collection_name, field_name, **options)

    async def upsert(
        self, collection_name: str, points: Sequence[models.PointStruct], **options: Any
    ) -> models.UpdateResult:
        return await self._aside(self._client.upsert, collection_name, points, **options)

    async def delete(self, collection_name: str, points_selector: Any, **options: Any) -> models.UpdateResult:
        return await self._aside(self._client.delete, collection_name, points_selector, **options)

    async def set_payload(
        self, collection_name: str, payload: dict[str, Any], points: Any, **options: Any
    ) -> models.UpdateResult:
        return await self._aside(self._client.set_payload, collection_name, payload, points, **options)

    async def _aside(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(call, *args, **kwargs))
