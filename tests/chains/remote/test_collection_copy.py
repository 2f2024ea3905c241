"""An embedded collection copied to a server: the same points, found by the same searches, at no call of a model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import small_book
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_sample import FINGERPRINT, POINTS, vector

from chains.collection import DENSE, INDEXED, create_collection, read_fingerprint
from chains.collection_copy import copy_collection
from chains.collection_state import GATE, stored_gate
from chains.edge import EdgeClient
from chains.errors import CollectionMissing, FingerprintMismatch, SearchFault
from chains.retriever import HybridRetriever
from tests.qdrant_server import Fault, QdrantServer

NAME = "kb"
BOOK = small_book.NAME


@pytest.fixture
def sample(edge: EdgeClient) -> EdgeClient:
    """The sample twice over, so that it takes several batches."""
    create_collection(edge, NAME, FINGERPRINT)
    twins = [point.model_copy(update={"id": number}) for number, point in enumerate(POINTS)]
    edge.upsert(NAME, points=[*POINTS, *twins])
    return edge


@pytest.mark.anyio
async def test_searches_find_the_same_before_and_after(
    book: EdgeClient, client: QdrantClient, retriever: HybridRetriever, remote: HybridRetriever
) -> None:
    report = copy_collection(book, client, BOOK)

    assert (report.copied, report.present) == (len(small_book.SECTIONS), 0)
    for question in ("torque limit of a joint", "Where does telemetry go?", "How do I calibrate the camera?"):
        here, there = await retriever.ainvoke(question, k=8), await remote.ainvoke(question, k=8)
        assert [passage.id for passage in there] == [passage.id for passage in here]
        for passage, copy in zip(here, there, strict=True):
            assert copy.page_content == passage.page_content
            signals = {name: passage.metadata[name] for name in ("score", "cosine", "coverage")}
            assert {name: copy.metadata[name] for name in signals} == pytest.approx(signals, abs=1e-5)


def test_copy_has_fingerprint_and_indexes_before_the_first_point(
    server: QdrantServer, sample: EdgeClient, client: QdrantClient
) -> None:
    copy_collection(sample, client, NAME)

    assert read_fingerprint(client, NAME) == FINGERPRINT
    assert set(client.get_collection(NAME).payload_schema) == set(INDEXED)
    first_point = server.calls.index(f"PUT /collections/{NAME}/points")
    assert f"PUT /collections/{NAME}/index" not in server.calls[first_point:]


def test_measured_thresholds_are_copied(sample: EdgeClient, client: QdrantClient) -> None:
    sample.update_collection(NAME, metadata={GATE: {"together": 0.5}})
    copy_collection(sample, client, NAME)
    assert stored_gate(client.get_collection(NAME)) == {"together": 0.5}


def test_points_are_equal(sample: EdgeClient, client: QdrantClient) -> None:
    copy_collection(sample, client, NAME)

    wanted = [POINTS[3].id, 7]
    for here, there in zip(sample.retrieve(NAME, wanted), client.retrieve(NAME, wanted), strict=True):
        assert there == here
    scores = [
        {hit.id: hit.score for hit in each.query_points(NAME, query=vector(5), using=DENSE, limit=240).points}
        for each in (sample, client)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_interrupted_copy_goes_on_where_it_stopped(
    server: QdrantServer, sample: EdgeClient, client: QdrantClient
) -> None:
    client_sees = models.CountResult(count=100)
    copying = f"PUT /collections/{NAME}/points"
    seen: list[tuple[int, int]] = []

    def stop_after_one(done: int, total: int) -> None:
        seen.append((done, total))
        server.faults.add(Fault(status=503, match=copying))

    with pytest.raises(UnexpectedResponse):
        copy_collection(sample, client, NAME, stop_after_one)
    assert (client.count(NAME), seen) == (client_sees, [(100, 240)])

    server.faults.clear()
    server.calls.clear()
    report = copy_collection(sample, client, NAME, lambda done, total: seen.append((done, total)))

    assert (report.copied, report.present) == (140, 100)
    assert server.calls.count(copying) == 2
    assert seen[1:] == [(100, 240), (200, 240), (240, 240)]
    assert copy_collection(sample, client, NAME).copied == 0


def test_page_that_was_indexed_anew_since_is_copied_again(sample: EdgeClient, client: QdrantClient) -> None:
    copy_collection(sample, client, NAME)
    sample.set_payload(NAME, payload={"page_hash": "newer"}, points=[POINTS[0].id], key="metadata")

    assert copy_collection(sample, client, NAME).copied == 1
    assert client.retrieve(NAME, [POINTS[0].id])[0].payload["metadata"]["page_hash"] == "newer"  # type: ignore[index]


def test_points_that_only_the_copy_has_are_told_and_kept(sample: EdgeClient, client: QdrantClient) -> None:
    copy_collection(sample, client, NAME)
    client.upsert(NAME, [POINTS[0].model_copy(update={"id": 5_000})])

    with pytest.raises(SearchFault, match="has 241 points after the copy, the embedded one 240"):
        copy_collection(sample, client, NAME)
    assert client.count(NAME).count == 241


def test_collection_of_another_fingerprint_is_left_alone(
    server: QdrantServer, sample: EdgeClient, client: QdrantClient
) -> None:
    create_collection(client, NAME, replace(FINGERPRINT, embedding="another/model"))
    with pytest.raises(FingerprintMismatch):
        copy_collection(sample, client, NAME)
    assert client.count(NAME).count == 0


def test_nothing_to_copy_makes_nothing(server: QdrantServer, edge: EdgeClient, client: QdrantClient) -> None:
    create_collection(edge, NAME, FINGERPRINT)
    for name in (NAME, "absent"):
        with pytest.raises(CollectionMissing, match="docent ingest"):
            copy_collection(edge, client, name)
    assert not client.collection_exists(NAME)
