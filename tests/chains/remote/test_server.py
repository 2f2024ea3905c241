"""The test server itself: as strict as Qdrant Cloud, and as faulty as it is told to be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse
from qdrant_sample import FINGERPRINT, POINTS, field, on_page, vector

from chains.collection import DENSE, create_collection
from tests.qdrant_server import Fault, QdrantServer

NAME = "kb"
TAGGED = models.Filter(must=[field("tags", match=models.MatchValue(value="tag1"))])
PREFETCHED = [models.Prefetch(query=vector(1), using=DENSE, limit=5, filter=TAGGED)]
FUSION = models.FusionQuery(fusion=models.Fusion.RRF)

UNINDEXED = {
    "query": lambda client: client.query_points(NAME, query=vector(1), using=DENSE, query_filter=TAGGED),
    "prefetch": lambda client: client.query_points(NAME, query=FUSION, prefetch=PREFETCHED),
    "batch": lambda client: client.query_batch_points(
        NAME, [models.QueryRequest(query=vector(1), using=DENSE, filter=TAGGED)]
    ),
    "scroll": lambda client: client.scroll(NAME, scroll_filter=TAGGED),
    "count": lambda client: client.count(NAME, count_filter=TAGGED),
    "delete": lambda client: client.delete(NAME, points_selector=TAGGED),
    "set payload": lambda client: client.set_payload(NAME, payload={"a": 1}, points=TAGGED),
    "facet": lambda client: client.facet(NAME, key="metadata.tags"),
    "nested filter": lambda client: client.count(NAME, count_filter=models.Filter(must=[on_page(1), TAGGED])),
}


@pytest.fixture
def sample(client: QdrantClient) -> QdrantClient:
    create_collection(client, NAME, FINGERPRINT)
    client.upsert(NAME, points=POINTS)
    return client


@pytest.mark.parametrize("request_", UNINDEXED.values(), ids=UNINDEXED.keys())
def test_filter_on_a_key_without_an_index_is_refused(sample: QdrantClient, request_) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnexpectedResponse) as refusal:
        request_(sample)
    assert refusal.value.status_code == 400
    assert 'Index required but not found for "metadata.tags"' in refusal.value.structured()["status"]["error"]

    sample.create_payload_index(NAME, "metadata.tags", field_schema="keyword")
    request_(sample)


def test_index_of_another_type_does_not_serve(sample: QdrantClient) -> None:
    sample.create_payload_index(NAME, "metadata.ordinal", field_schema="keyword")
    with pytest.raises(UnexpectedResponse, match="float, integer"):
        sample.count(NAME, count_filter=models.Filter(must=[field("ordinal", range=models.Range(lt=3))]))


@pytest.mark.parametrize(("key", "says"), [(None, "Must provide"), ("another", "Invalid")])
def test_key_is_asked_for(server: QdrantServer, key: str | None, says: str) -> None:
    refused = httpx.get(f"{server.url}/collections", headers={"api-key": key} if key else {})
    assert (refused.status_code, refused.text.split(" ")[0]) == (401, says.split(" ")[0])
    assert httpx.get(f"{server.url}/collections", headers={"Authorization": f"Bearer {server.api_key}"}).is_success


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda client: client.get_collection("nope"), 404),
        (lambda client: create_collection(client, NAME, FINGERPRINT), 409),
        (lambda client: client.query_points(NAME, query=[1.0], using=DENSE), 400),
        (lambda client: client.query_points(NAME, query=vector(1), using="colour"), 400),
        (lambda client: client.upsert(NAME, points=[models.PointStruct(id=1, vector={DENSE: [1.0]})]), 400),
    ],
    ids=["absent", "present", "dimension", "vector name", "dimension of a point"],
)
def test_refusal_has_qdrants_status(sample: QdrantClient, call, status: int) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnexpectedResponse) as refusal:
        call(sample)
    assert refusal.value.status_code == status
    assert refusal.value.structured()["status"]["error"]


def test_body_that_is_no_request_is_refused(server: QdrantServer) -> None:
    answer = httpx.post(
        f"{server.url}/collections/kb/points/query", json={"limit": "many"}, headers={"api-key": server.api_key}
    )
    assert (answer.status_code, "Format error" in answer.text) == (400, True)


def test_suspended_cluster_answers_404_everywhere(server: QdrantServer, client: QdrantClient) -> None:
    server.faults.add(Fault.suspended())
    for call in (client.get_collections, client.info, lambda: client.collection_exists("kb")):
        with pytest.raises(UnexpectedResponse) as refusal:
            call()
        assert (refusal.value.status_code, refusal.value.content) == (404, b"404 page not found\n")


def test_fault_is_for_the_matching_calls_and_so_many_times(server: QdrantServer, client: QdrantClient) -> None:
    server.faults.add(Fault(status=429, headers={"Retry-After": "3"}, match="GET /collections", times=1))
    assert client.info()
    with pytest.raises(ResourceExhaustedResponse) as busy:
        client.get_collections()
    assert busy.value.retry_after_s == 3
    assert client.get_collections().collections == []


def test_hanging_server_sends_no_byte(server: QdrantServer) -> None:
    server.faults.add(Fault(hang=True))
    impatient = QdrantClient(server.url, timeout=1, check_compatibility=False)
    with pytest.raises(ResponseHandlingException) as failure:
        impatient.get_collections()
    assert isinstance(failure.value.source, httpx.ReadTimeout)
    impatient.close()


def test_refusing_server_comes_back_with_what_it_had(server: QdrantServer, sample: QdrantClient) -> None:
    server.refuse()
    with pytest.raises(ResponseHandlingException) as failure:
        sample.count(NAME)
    assert isinstance(failure.value.source, httpx.ConnectError)
    server.listen()
    assert sample.count(NAME).count == len(POINTS)


def test_program_serves_and_is_controlled_over_http(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.qdrant_server", "--port", "0", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split()[-1]
        httpx.post(f"{url}/__faults", json={"status": 503}).raise_for_status()
        assert httpx.get(f"{url}/collections").status_code == 503
        httpx.delete(f"{url}/__faults").raise_for_status()
        assert json.loads(httpx.get(f"{url}/collections").content)["result"] == {"collections": []}
        assert httpx.get(f"{url}/__calls").json() == ["GET /collections"] * 2
        program.terminate()
        assert program.wait(timeout=20) == 0
