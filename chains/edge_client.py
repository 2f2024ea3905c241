"""Reading and writing points in the embedded Qdrant engine, with the names and shapes of `QdrantClient`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from qdrant_client import models
from qdrant_client.http.models import QueryResponse

from chains.edge_collections import EdgeCollections, checked
from chains.edge_directory import EdgeDirectory, engine_errors
from chains.edge_filters import optional_filter, refuse, refuse_set
from chains.edge_queries import (
    edge_point,
    edge_query,
    edge_selection,
    edge_selector,
    point_id,
    record,
    scored_point,
)

# One call of the engine holds the interpreter lock: 64 points with 384 dimensions take about 4 ms to write.
WRITE_BATCH = 64
SCROLL_BATCH = 256

DONE = models.UpdateResult(operation_id=None, status=models.UpdateStatus.COMPLETED)


class EdgeClient(EdgeCollections):
    """A `QdrantClient` on the directory `path`. Made closed; all methods may be called from several threads."""

    def __init__(self, path: Path) -> None:
        super().__init__(EdgeDirectory(path))

    def upsert(self, collection_name: str, points: Sequence[models.PointStruct], **options: Any) -> models.UpdateResult:
        """Durable against a crash of this process when it returns (the engine's write-ahead log)."""
        checked(options)
        if isinstance(points, models.Batch):
            raise refuse(points)
        for batch in _slices(points, WRITE_BATCH):
            self._write(collection_name, edge.UpdateOperation.upsert_points([edge_point(point) for point in batch]))
        return DONE

    def delete(self, collection_name: str, points_selector: Any, **options: Any) -> models.UpdateResult:
        checked(options)
        match edge_selector(points_selector):
            case list() as ids:
                operation = edge.UpdateOperation.delete_points(ids)
            case selected:
                operation = edge.UpdateOperation.delete_points_by_filter(selected)
        self._write(collection_name, operation)
        return DONE

    def set_payload(
        self, collection_name: str, payload: dict[str, Any], points: Any, key: str | None = None, **options: Any
    ) -> models.UpdateResult:
        checked(options)
        match edge_selector(points):
            case list() as ids:
                operation = edge.UpdateOperation.set_payload(ids, payload, key)
            case selected:
                operation = edge.UpdateOperation.set_payload_by_filter(selected, payload, key)
        self._write(collection_name, operation)
        return DONE

    def query_points(self, collection_name: str, query: Any = None, **options: Any) -> QueryResponse:
        """Options as `QdrantClient.query_points` names them: using, prefetch, query_filter, search_params, limit,
        offset, with_payload (default True), with_vectors, score_threshold."""
        server = {"filter": "query_filter", "params": "search_params", "with_vector": "with_vectors"}
        request = {name: options.pop(option) for name, option in server.items() if option in options}
        request = {"with_payload": True} | request | checked(options, *models.QueryRequest.model_fields)
        if hasattr(query, "tolist"):  # a numpy array
            query = query.tolist()
        return self.query_batch_points(collection_name, [models.QueryRequest(query=query, **request)])[0]

    def query_batch_points(
        self, collection_name: str, requests: Sequence[models.QueryRequest], **options: Any
    ) -> list[QueryResponse]:
        """One pass over the collection for all. As on a server, a request without `with_payload` gets none."""
        checked(options)
        batch = edge.QueryBatchRequest([edge_query(request) for request in requests])
        shard = self._directory.shard(collection_name)
        with engine_errors():
            answers = shard.query_batch(batch)
        return [
            QueryResponse(points=[scored_point(point, request.with_vector or False) for point in answer])
            for request, answer in zip(requests, answers, strict=True)
        ]

    def retrieve(
        self,
        collection_name: str,
        ids: Sequence[Any],
        with_payload: Any = True,
        with_vectors: bool | list[str] = False,
        **options: Any,
    ) -> list[models.Record]:
        """The points that exist, each once, in the order of `ids`."""
        checked(options)
        shard = self._directory.shard(collection_name)
        with engine_errors():
            found = shard.retrieve(list(ids), edge_selection(with_payload), with_vectors)
        records = {str(point.id): record(point, with_vectors) for point in found}
        return [records[name] for name in dict.fromkeys(map(str, ids)) if name in records]

    def scroll(self, collection_name: str, **options: Any) -> tuple[list[models.Record], int | str | None]:
        """Options as `QdrantClient.scroll` names them: scroll_filter, limit (default 10), offset, with_payload
        (default True), with_vectors. Points come in the order of their ids; None as the next offset ends them."""
        server = {"filter": "scroll_filter", "with_vector": "with_vectors"}
        request = {name: options.pop(option) for name, option in server.items() if option in options}
        request = {"with_payload": True, "limit": 10} | request | checked(options, *models.ScrollRequest.model_fields)
        return self._scroll(collection_name, models.ScrollRequest(**request))

    def _scroll(
        self, collection_name: str, request: models.ScrollRequest
    ) -> tuple[list[models.Record], int | str | None]:
        refuse_set(request, "order_by", "shard_key")
        records: list[models.Record] = []
        wanted = request.limit or 0
        offset = None if request.offset is None else point_id(request.offset)
        while len(records) < wanted:
            page = edge.ScrollRequest(
                limit=min(wanted - len(records), SCROLL_BATCH),
                offset=offset,
                filter=optional_filter(request.filter),
                with_payload=edge_selection(request.with_payload),
                with_vector=request.with_vector or False,
            )
            shard = self._directory.shard(collection_name)
            with engine_errors():
                found, following = shard.scroll(page)
            records += [record(point, request.with_vector or False) for point in found]
            offset = None if following is None else point_id(following)
            if offset is None:
                break
        return records, offset

    def count(
        self, collection_name: str, count_filter: models.Filter | None = None, exact: bool = True, **options: Any
    ) -> models.CountResult:
        checked(options)
        request = edge.CountRequest(filter=optional_filter(count_filter), exact=exact)
        shard = self._directory.shard(collection_name)
        with engine_errors():
            return models.CountResult(count=shard.count(request))

    def facet(
        self,
        collection_name: str,
        key: str,
        facet_filter: models.Filter | None = None,
        limit: int = 10,
        exact: bool = True,
        **options: Any,
    ) -> models.FacetResponse:
        """How many points hold each value of `key`, which must be indexed. Counting exactly, each value is a search."""
        checked(options)
        request = edge.FacetRequest(key=key, limit=limit, filter=optional_filter(facet_filter), exact=exact)
        shard = self._directory.shard(collection_name)
        with engine_errors():
            hits = shard.facet(request).hits
        return models.FacetResponse(hits=[models.FacetValueHit(value=hit.value, count=hit.count) for hit in hits])


def _slices(points: Sequence[models.PointStruct], size: int) -> Iterator[Sequence[models.PointStruct]]:
    return (points[start : start + size] for start in range(0, len(points), size))
