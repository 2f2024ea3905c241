"""Points, queries and results between Qdrant's client models and Qdrant Edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from qdrant_client import models

from chains.edge_filters import UnsupportedRequest, edge_filter, optional_filter, refuse, refuse_set

# Qdrant's documented defaults for absent values.
QUERY_LIMIT = 10
RRF_K = 2
MMR_DIVERSITY = 0.5

_DISTANCES = {
    models.Distance.COSINE: edge.Distance.Cosine,
    models.Distance.DOT: edge.Distance.Dot,
    models.Distance.EUCLID: edge.Distance.Euclid,
    models.Distance.MANHATTAN: edge.Distance.Manhattan,
}
_SCHEMA_TYPES: dict[models.PayloadSchemaType, edge.PayloadSchemaType] = {
    schema: getattr(edge.PayloadSchemaType, schema.value.capitalize()) for schema in models.PayloadSchemaType
}


def edge_config(
    vectors: dict[str, models.VectorParams], sparse_vectors: dict[str, models.SparseVectorParams]
) -> edge.EdgeConfig:
    """
    Raises:
        UnsupportedRequest: a parameter other than size, distance and modifier.
    """
    for params in vectors.values():
        refuse_set(params, *(type(params).model_fields.keys() - {"size", "distance"}))
    for sparse in sparse_vectors.values():
        refuse_set(sparse, "index")
    return edge.EdgeConfig(
        vectors={
            name: edge.EdgeVectorParams(size=params.size, distance=_DISTANCES[params.distance])
            for name, params in vectors.items()
        },
        sparse_vectors={
            name: edge.EdgeSparseVectorParams(
                modifier=edge.Modifier.Idf if sparse.modifier == models.Modifier.IDF else None
            )
            for name, sparse in sparse_vectors.items()
        },
    )


def edge_schema(wanted: Any) -> edge.PayloadSchemaType:
    """From a schema's name or its bare parameters (`KeywordIndexParams(type="keyword")`)."""
    if isinstance(wanted, str):
        return _SCHEMA_TYPES[models.PayloadSchemaType(wanted)]
    if wanted is None or wanted.model_dump(exclude_none=True, exclude={"type"}):
        raise refuse(f"index parameters {wanted!r}")
    return _SCHEMA_TYPES[models.PayloadSchemaType(wanted.type.value)]


def payload_schema(info: edge.ShardInfo) -> dict[str, models.PayloadIndexInfo]:
    names = {edge_type: schema for schema, edge_type in _SCHEMA_TYPES.items()}
    return {
        field: models.PayloadIndexInfo(data_type=names[index.data_type], points=index.points)
        for field, index in info.payload_schema.items()
    }


def edge_point(point: models.PointStruct) -> edge.Point:
    vectors = point.vector
    if not isinstance(vectors, dict):
        raise refuse("an unnamed vector")
    return edge.Point(
        id=point.id, vector={name: _vector(vector) for name, vector in vectors.items()}, payload=point.payload
    )


def _vector(vector: Any) -> Any:
    match vector:
        case models.SparseVector():
            return edge.SparseVector(vector.indices, vector.values)
        case [float() | int(), *_]:
            return vector
    raise refuse(vector)


def edge_query(request: models.QueryRequest) -> edge.QueryRequest:
    """
    Raises:
        UnsupportedRequest: a query by point id, recommendation, formula, or another kind that we do not translate.
    """
    refuse_set(request, "shard_key", "lookup_from")
    limit = QUERY_LIMIT if request.limit is None else request.limit
    return edge.QueryRequest(
        limit=limit,
        offset=request.offset or 0,
        query=_query(request.query, request.using, limit),
        prefetches=_prefetches(request.prefetch),
        filter=optional_filter(request.filter),
        params=_params(request.params),
        score_threshold=request.score_threshold,
        with_payload=edge_selection(request.with_payload),
        with_vector=request.with_vector or False,
    )


def _prefetches(wanted: list[models.Prefetch] | models.Prefetch | None) -> list[edge.Prefetch] | None:
    """The engine itself adds the outer query's filter to every prefetch, as a Qdrant server does."""
    if wanted is None:
        return None
    return [_prefetch(prefetch) for prefetch in (wanted if isinstance(wanted, list) else [wanted])] or None


def _prefetch(wanted: models.Prefetch) -> edge.Prefetch:
    refuse_set(wanted, "lookup_from")
    limit = QUERY_LIMIT if wanted.limit is None else wanted.limit
    return edge.Prefetch(
        limit=limit,
        query=_query(wanted.query, wanted.using, limit),
        prefetches=_prefetches(wanted.prefetch),
        params=_params(wanted.params),
        filter=optional_filter(wanted.filter),
        score_threshold=wanted.score_threshold,
    )


def _query(wanted: Any, using: str | None, limit: int) -> Any:
    match wanted:
        case None:
            return None
        case models.RrfQuery():
            return edge.Fusion.Rrf(k=wanted.rrf.k or RRF_K, weights=wanted.rrf.weights)
        case models.FusionQuery(fusion=models.Fusion.RRF):
            return edge.Fusion.Rrf(k=RRF_K)
        case models.FusionQuery(fusion=models.Fusion.DBSF):
            return edge.Fusion.Dbsf()
        case models.NearestQuery(mmr=models.Mmr() as mmr):
            return _mmr(wanted.nearest, mmr, using, limit)
        case models.NearestQuery():
            return edge.Query.Nearest(_vector(wanted.nearest), using=using)
        case models.SparseVector() | list():
            return edge.Query.Nearest(_vector(wanted), using=using)
    raise refuse(f"a query by {type(wanted).__name__}")


def _mmr(vector: Any, wanted: models.Mmr, using: str | None, limit: int) -> edge.Mmr:
    diversity = MMR_DIVERSITY if wanted.diversity is None else wanted.diversity
    candidates = limit if wanted.candidates_limit is None else wanted.candidates_limit
    return edge.Mmr(_vector(vector), 1.0 - diversity, candidates, using=using)


def _params(wanted: models.SearchParams | None) -> edge.SearchParams | None:
    if wanted is None:
        return None
    refuse_set(wanted, "quantization", "acorn", "idf")
    return edge.SearchParams(hnsw_ef=wanted.hnsw_ef, exact=bool(wanted.exact), indexed_only=bool(wanted.indexed_only))


def edge_selection(wanted: Any) -> Any:
    """Which payload keys to read: all, none, a list, or an include or exclude selector."""
    match wanted:
        case None:
            return False
        case models.PayloadSelectorInclude():
            return edge.PayloadSelector.Include(wanted.include)
        case models.PayloadSelectorExclude():
            return edge.PayloadSelector.Exclude(wanted.exclude)
    return wanted


def edge_selector(wanted: Any) -> list[Any] | edge.Filter:
    """Points to write to: a list of ids, or a filter."""
    match wanted:
        case models.FilterSelector():
            return edge_filter(wanted.filter)
        case models.Filter():
            return edge_filter(wanted)
        case models.PointIdsList():
            return list(wanted.points)
        case list() | tuple():
            return list(wanted)
    raise UnsupportedRequest(f"Points are selected by a list of ids or a filter, not by {type(wanted).__name__}.")


def scored_point(point: edge.ScoredPoint, with_vectors: bool | Sequence[str]) -> models.ScoredPoint:
    """Unchecked: the engine's own values, and each search would have hundreds of floats checked one by one."""
    return models.ScoredPoint.model_construct(
        id=point_id(point.id),
        version=point.version,
        score=point.score,
        payload=point.payload,
        vector=_chosen(point.vector, with_vectors),
    )


def record(point: edge.Record, with_vectors: bool | Sequence[str]) -> models.Record:
    return models.Record.model_construct(
        id=point_id(point.id), payload=point.payload, vector=_chosen(point.vector, with_vectors)
    )


def point_id(found: int | str | UUID) -> int | str:
    """Edge answers with UUID objects, Qdrant's REST interface with their text."""
    return found if isinstance(found, int) else str(found)


def _chosen(vectors: Any, wanted: bool | Sequence[str]) -> Any:
    """MMR leaves the vectors that it compared in its answer, also when nobody asked for them."""
    if vectors is None or not wanted:
        return None
    return {
        name: models.SparseVector(indices=vector.indices, values=vector.values)
        if isinstance(vector, edge.SparseVector)
        else vector
        for name, vector in vectors.items()
        if wanted is True or name in wanted
    }
