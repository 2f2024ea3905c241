"""What a server holds: collections in the embedded engine, behind Qdrant's REST operations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from qdrant_client import models

from chains.edge import EdgeClient
from tests.qdrant_server.strict import filters_of, require_index, require_indexes

UNNAMED = "unnamed-vector"  # Edge keeps named vectors only; clients never see this name

DONE = {"operation_id": 0, "status": "completed"}
HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
OPTIMIZER = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0,
             "flush_interval_sec": 5}  # fmt: skip


class Cluster:
    """Each method is one operation: the collection's name and the request's body give `result` of the answer.

    `keeps_metadata` False: as before version 1.16.
    """

    def __init__(self, directory: Path, *, strict: bool = True, keeps_metadata: bool = True) -> None:
        self.client = EdgeClient(directory)
        self.strict = strict
        self.keeps_metadata = keeps_metadata

    def list_collections(self, _: str, __: None) -> Any:
        return dumped(self.client.get_collections())

    def list_aliases(self, _: str, __: None) -> Any:
        return dumped(self.client.get_aliases())

    def list_collection_aliases(self, name: str, _: None) -> Any:
        self.client.get_collection(name)
        return dumped([alias for alias in self.client.get_aliases().aliases if alias.collection_name == name])

    def change_aliases(self, _: str, body: models.ChangeAliasesOperation) -> bool:
        return self.client.update_collection_aliases(body.actions)

    def exists(self, name: str, _: None) -> dict[str, bool]:
        return {"exists": self.client.collection_exists(name)}

    def describe(self, name: str, _: None) -> Any:
        info = dumped(self.client.get_collection(name))
        vectors = info["config"]["params"]["vectors"]
        info["config"]["params"]["vectors"] = vectors.get(UNNAMED, vectors)
        info["config"] |= {"hnsw_config": HNSW, "optimizer_config": OPTIMIZER}
        return info

    def create(self, name: str, body: models.CreateCollection) -> bool:
        vectors = body.vectors or {}
        named = vectors if isinstance(vectors, Mapping) else {UNNAMED: vectors}
        return self.client.create_collection(
            name, named, body.sparse_vectors, body.metadata if self.keeps_metadata else None
        )

    def update(self, name: str, body: models.UpdateCollection) -> bool:
        return self.client.update_collection(name, metadata=body.metadata)

    def drop(self, name: str, _: None) -> bool:
        return self.client.delete_collection(name)

    def create_index(self, name: str, body: models.CreateFieldIndex) -> Any:
        self.client.create_payload_index(name, body.field_name, body.field_schema)
        return DONE

    def upsert(self, name: str, body: models.PointsList) -> Any:
        self.client.upsert(name, [_named_point(point) for point in body.points])
        return DONE

    def delete(self, name: str, body: models.PointsSelector) -> Any:
        self._require(name, getattr(body, "filter", None))
        self.client.delete(name, body)
        return DONE

    def set_payload(self, name: str, body: models.SetPayload) -> Any:
        self._require(name, body.filter)
        self.client.set_payload(name, body.payload, body.points or body.filter, key=body.key)
        return DONE

    def retrieve(self, name: str, body: models.PointRequest) -> Any:
        payload = True if body.with_payload is None else body.with_payload
        vectors = self._wanted(name, body.with_vector)
        return [_shown(found) for found in self.client.retrieve(name, body.ids, payload, vectors)]

    def scroll(self, name: str, body: models.ScrollRequest) -> Any:
        self._require(name, body.filter)
        options = {option: getattr(body, option) for option in ("limit", "offset", "with_payload", "order_by")}
        options = {option: value for option, value in options.items() if value is not None}
        vectors = self._wanted(name, body.with_vector)
        found, following = self.client.scroll(name, scroll_filter=body.filter, with_vectors=vectors, **options)
        return {"points": [_shown(record) for record in found], "next_page_offset": following}

    def count(self, name: str, body: models.CountRequest) -> Any:
        self._require(name, body.filter)
        return dumped(self.client.count(name, count_filter=body.filter))

    def facet(self, name: str, body: models.FacetRequest) -> Any:
        self._require(name, body.filter)
        require_index(self.client.get_collection(name).payload_schema, body.key)
        return dumped(
            self.client.facet(name, body.key, facet_filter=body.filter, limit=body.limit or 10, exact=bool(body.exact))
        )

    def query(self, name: str, body: models.QueryRequest) -> Any:
        return self.query_batch(name, models.QueryRequestBatch(searches=[body]))[0]

    def query_batch(self, name: str, body: models.QueryRequestBatch) -> list[Any]:
        for search in body.searches:
            self._require(name, *filters_of(search))
        searches = [self._named_query(name, search) for search in body.searches]
        answers = self.client.query_batch_points(name, searches)
        return [{"points": [_shown(point) for point in answer.points]} for answer in answers]

    def _require(self, name: str, *filters: models.Filter | None) -> None:
        if self.strict:
            require_indexes(self.client.get_collection(name).payload_schema, *filters)

    def _named_query(self, name: str, search: models.QueryRequest) -> models.QueryRequest:
        return self._using(name, search).model_copy(update={"with_vector": self._wanted(name, search.with_vector)})

    def _using(self, name: str, search: Any) -> Any:
        """A query without `using` is on the unnamed vector, if the collection has one."""
        if not self._has_unnamed(name):
            return search
        prefetches = search.prefetch or []
        prefetches = prefetches if isinstance(prefetches, list) else [prefetches]
        named = [self._using(name, prefetch) for prefetch in prefetches]
        return search.model_copy(update={"using": search.using or UNNAMED, "prefetch": named or None})

    def _wanted(self, name: str, vectors: Any) -> Any:
        """Which vectors to send: all, none, or those of these names."""
        if not isinstance(vectors, list):
            return bool(vectors)
        unnamed = self._has_unnamed(name)
        return [UNNAMED if unnamed and not vector else vector for vector in vectors]

    def _has_unnamed(self, name: str) -> bool:
        return UNNAMED in (self.client.get_collection(name).config.params.vectors or {})


def dumped(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [dumped(item) for item in value] if isinstance(value, list) else value


def _named_point(point: models.PointStruct) -> models.PointStruct:
    if isinstance(point.vector, dict):
        return point
    return point.model_copy(update={"vector": {UNNAMED: point.vector}})


def _shown(found: models.Record | models.ScoredPoint) -> Any:
    """As a server answers: the unnamed vector bare."""
    point = dumped(found)
    vectors = point.get("vector")
    if isinstance(vectors, dict) and UNNAMED in vectors:
        point["vector"] = vectors[UNNAMED]
    return point
