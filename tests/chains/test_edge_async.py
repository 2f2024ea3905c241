"""The embedded engine in an event loop."""

from __future__ import annotations

import asyncio

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_sample import FINGERPRINT, NAME, POINTS, field, fill, point, sparse, vector

from chains.collection import DENSE, SPARSE
from chains.edge import AsyncEdgeClient, EdgeClient

pytestmark = pytest.mark.anyio


async def test_event_loop_serves_while_many_points_are_written(edge: EdgeClient) -> None:
    client = AsyncEdgeClient(edge)
    await client.create_collection(
        NAME,
        {DENSE: models.VectorParams(size=FINGERPRINT.dimensions, distance=models.Distance.COSINE)},
        sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    await client.upsert(NAME, points=POINTS[:10])

    writing = asyncio.create_task(client.upsert(NAME, points=[point(number) for number in range(1500)]))
    seen = set()
    while not writing.done():
        await client.query_points(NAME, query=vector(1), using=DENSE, limit=3)
        seen.add((await client.count(NAME)).count)
        await asyncio.sleep(0)

    assert any(10 < count < 1500 for count in seen)
    assert len((await client.scroll(NAME, limit=5000, with_vectors=True))[0]) == 1500


async def test_async_client_answers_as_the_sync_one(edge: EdgeClient) -> None:
    fill(edge)
    client = AsyncEdgeClient(edge)
    query = models.QueryRequest(query=sparse("robot camera"), using=SPARSE, with_payload=True)
    wanted = models.Filter(must=[field("version", match=models.MatchValue(value="1.0"))])

    assert await client.query_batch_points(NAME, [query]) == edge.query_batch_points(NAME, [query])
    assert await client.retrieve(NAME, [POINTS[1].id]) == edge.retrieve(NAME, [POINTS[1].id])
    assert await client.count(NAME, count_filter=wanted) == edge.count(NAME, count_filter=wanted)
    assert await client.facet(NAME, "metadata.page") == edge.facet(NAME, "metadata.page")
    with pytest.raises(UnexpectedResponse, match="404"):
        await client.get_collection("nope")
