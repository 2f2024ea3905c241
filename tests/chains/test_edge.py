"""What only the embedded engine has: one process at a time, crashes, threads, things that it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_sample import FINGERPRINT, NAME, POINTS, field, fill, point, sparse, vector

from chains.collection import DENSE, SPARSE, create_collection
from chains.edge import EdgeClient, UnsupportedRequest
from chains.errors import EmbeddedEngineError

PRELUDE = """
import os, sys
from pathlib import Path
from qdrant_client import models
from chains.edge import EdgeClient
from chains.errors import EmbeddedEngineError
client = EdgeClient(Path(sys.argv[1]))
def create():
    client.create_collection("kb", {"dense": models.VectorParams(size=2, distance=models.Distance.COSINE)})
    client.upsert("kb", points=[models.PointStruct(id=7, vector={"dense": [1.0, 2.0]}, payload={"page": "a.md"})])
"""


def start(directory: Path, program: str) -> subprocess.Popen[str]:
    """Another process, which imports only the client: LangChain would double its start."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program, str(directory)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def reopened(tmp_path: Path) -> Iterator[Callable[[], EdgeClient]]:
    clients: list[EdgeClient] = []

    def reopen() -> EdgeClient:
        for client in clients:
            client.close()
        clients.append(EdgeClient(tmp_path))
        clients[-1].open()
        return clients[-1]

    yield reopen
    for client in clients:
        client.close()


def test_points_survive_closing_and_opening(reopened: Callable[[], EdgeClient]) -> None:
    fill(reopened())

    again = reopened()

    assert again.count(NAME).count == len(POINTS)
    assert again.get_collection(NAME).payload_schema["metadata.page"].points == len(POINTS)


def test_deleted_points_leave_the_document_frequencies_when_opened_again(reopened: Callable[[], EdgeClient]) -> None:
    def scores(client: EdgeClient, name: str) -> dict[str, float]:
        hits = client.query_points(name, query=sparse("robot camera"), using=SPARSE, limit=100).points
        return {str(hit.id): hit.score for hit in hits}

    client = reopened()
    fill(client)
    create_collection(client, "half", FINGERPRINT)
    client.upsert("half", points=POINTS[:60])
    client.delete(NAME, points_selector=[gone.id for gone in POINTS[60:]])

    again = reopened()

    assert scores(again, NAME) == pytest.approx(scores(again, "half"), abs=1e-5)


def test_points_survive_a_crash_right_after_they_were_written(
    tmp_path: Path, reopened: Callable[[], EdgeClient]
) -> None:
    assert start(tmp_path, "client.open(); create(); os._exit(9)").wait() == 9

    assert reopened().retrieve("kb", [7])[0].payload == {"page": "a.md"}


def test_directory_opens_after_a_kill_at_any_moment_of_making_and_removing(
    tmp_path: Path, reopened: Callable[[], EdgeClient]
) -> None:
    program = """
client.open()
print("go", flush=True)
while True:
    client.delete_collection("kb")
    create()
"""
    for wait in (0.03, 0.11):
        child = start(tmp_path, program)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()

        client = reopened()
        known = len(client.get_collections().collections)
        assert len(list((tmp_path / "collections").iterdir())) == known
        client.close()


def test_second_process_is_refused_with_the_holder_and_the_way_out(edge: EdgeClient, tmp_path: Path) -> None:
    child = start(
        tmp_path / "qdrant",
        "try:\n    client.open()\nexcept EmbeddedEngineError as error:\n    print(error)",
    )
    told, _ = child.communicate()

    assert f"process {os.getpid()}" in told
    assert "QDRANT_URL" in told


def test_second_client_in_the_same_process_is_refused(edge: EdgeClient, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedEngineError, match="only one process"):
        EdgeClient(tmp_path / "qdrant").open()


def test_client_that_is_not_open_says_so(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path / "qdrant")

    with pytest.raises(EmbeddedEngineError, match="not open"):
        client.collection_exists(NAME)
    assert not (tmp_path / "qdrant").exists()


def test_unreadable_shard_says_what_to_remove(tmp_path: Path, reopened: Callable[[], EdgeClient]) -> None:
    client = reopened()
    fill(client)
    client.close()
    for config in (tmp_path / "collections").glob("*/edge_config.json"):
        config.write_text("{")

    with pytest.raises(EmbeddedEngineError, match="index the pages again"):
        reopened()


def test_searches_go_on_while_points_are_written(edge: EdgeClient) -> None:
    create_collection(edge, NAME, FINGERPRINT)
    edge.upsert(NAME, points=POINTS[:10])
    failures: list[Exception] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                assert edge.query_points(NAME, query=vector(1), using=DENSE, limit=5).points
                edge.scroll(NAME, limit=300)
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=search) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(0, 1200, 20):
        edge.upsert(NAME, points=[point(seed) for seed in range(number, number + 20)])
        edge.delete(NAME, points_selector=[point(number).id])
    done.set()
    for reader in readers:
        reader.join()

    assert failures == []
    assert edge.count(NAME).count == 1200 - 60


def test_search_of_a_collection_that_is_being_removed_ends_or_finds_none(edge: EdgeClient) -> None:
    outcomes: set[str] = set()
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            try:
                edge.query_points(NAME, query=vector(1), using=DENSE)
                outcomes.add("answered")
            except UnexpectedResponse as error:
                outcomes.add(str(error.status_code))

    reader = threading.Thread(target=search)
    reader.start()
    for _ in range(3):
        fill(edge)
        time.sleep(0.02)
        edge.delete_collection(NAME)
        time.sleep(0.02)
    done.set()
    reader.join()

    assert outcomes == {"answered", "404"}


UNSUPPORTED: dict[str, Callable[[EdgeClient], object]] = {
    "query by id": lambda edge: edge.query_points(NAME, query=POINTS[0].id, using=DENSE),
    "order by": lambda edge: edge.scroll(NAME, order_by="metadata.ordinal"),
    "geometry": lambda edge: edge.count(
        NAME,
        count_filter=models.Filter(
            must=[field("at", geo_radius=models.GeoRadius(center=models.GeoPoint(lon=0, lat=0), radius=1))]
        ),
    ),
    "quantized search": lambda edge: edge.query_points(
        NAME,
        query=vector(1),
        using=DENSE,
        search_params=models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True)),
    ),
    "conditional upsert": lambda edge: edge.upsert(NAME, points=POINTS[:1], update_filter=models.Filter()),
    "unknown option": lambda edge: edge.query_points(NAME, query=vector(1), using=DENSE, filter_by="page"),
    "unnamed vector": lambda edge: edge.create_collection("b", models.VectorParams(size=2, distance="Dot")),
    "vector on disk": lambda edge: edge.create_collection(
        "b", {DENSE: models.VectorParams(size=2, distance="Dot", on_disk=True)}
    ),
    "tenant index": lambda edge: edge.create_payload_index(
        NAME, "metadata.tenant", field_schema=models.KeywordIndexParams(type="keyword", is_tenant=True)
    ),
    "id that is no uuid": lambda edge: edge.retrieve(NAME, ["chunk-1"]),
}


@pytest.mark.parametrize("request_", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_unsupported_request_is_refused_by_name(edge: EdgeClient, request_: Callable[[EdgeClient], object]) -> None:
    fill(edge)

    with pytest.raises((UnsupportedRequest, UnexpectedResponse), match=r"does not support|400"):
        request_(edge)
