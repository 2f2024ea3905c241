"""What turns and health make of a Qdrant elsewhere that refuses, dawdles, falls silent, or has nothing that fits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fakes import eventually
from qdrant_client import QdrantClient, models

from app.settings import Settings
from chains.collection import DENSE
from chains.ingest import ingest_folder
from chains.providers import embeddings
from chains.remote_qdrant import LIMITS, remote_client
from tests.model_service import SITE, ask, heard, service_settings, serving
from tests.provider_simulator.handle import ProviderKey
from tests.qdrant_server import Fault, QdrantServer

pytestmark = pytest.mark.anyio

KEY = "canary-of-the-cluster"
SHARE = 0.8  # seconds of a turn's deadline for Qdrant
OFF_TOPIC = "Which wine goes well with oysters?"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path / "cluster", api_key=KEY) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, database: str, provider_key: ProviderKey, cluster: QdrantServer) -> Settings:
    remote = {"qdrant_url": cluster.url, "qdrant_api_key": KEY, "retrieve_timeout": SHARE}
    return service_settings(tmp_path / "data", database, provider_key, **remote)


@pytest.fixture
def filled(cluster: QdrantServer, settings: Settings) -> QdrantServer:
    """As by `docent ingest`."""
    client, model = remote_client(settings), embeddings(settings)
    ingest_folder(SITE, settings, client, model)
    client.close()
    model.close()
    return cluster


async def qdrant(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/api/health")
    found: dict[str, Any] = response.json()["services"]["qdrant"]
    assert (response.status_code == 200) == (found["status"] == "connected")
    return found


async def until(client: httpx.AsyncClient, status: str) -> dict[str, Any]:
    async def is_so() -> dict[str, Any] | None:
        found = await qdrant(client)
        return found if found["status"] == status else None

    found: dict[str, Any] = await eventually(is_so)
    return found


def lost(replies: list[dict[str, Any]]) -> bool:
    return {reply["error"]["code"] for reply in replies} == {"retrieval_unavailable"}


@pytest.mark.fault(14)
async def test_14_refusing_qdrant_is_said_and_found_again(filled: QdrantServer, settings: Settings) -> None:
    async with serving(settings) as client:
        assert (await ask(client))["outcome"] == "answered"
        filled.refuse()
        assert lost([await ask(client)])
        await until(client, "disconnected")
        started = time.monotonic()
        assert lost(await asyncio.gather(*(ask(client) for _ in range(20))))
        assert time.monotonic() - started < 20 * SHARE  # they look together, not one after the other
        filled.listen()
        returned = time.monotonic()
        await until(client, "connected")
        assert time.monotonic() - returned < 10
        assert (await ask(client))["outcome"] == "answered"


@pytest.mark.fault(15, 16)
@pytest.mark.parametrize("fault", [Fault(delay=5), Fault(hang=True)], ids=["15 slow", "16 silent"])
async def test_15_16_qdrant_beyond_its_share_is_left_in_time(
    filled: QdrantServer, settings: Settings, fault: Fault
) -> None:
    """60 turns at once, three times: no connection stays, and no turn waits for another's."""
    port = int(filled.url.rsplit(":", 1)[1])
    async with serving(settings) as client:
        assert (await ask(client))["outcome"] == "answered"
        filled.faults.add(fault)
        for _ in range(3):
            started = time.monotonic()
            assert lost(await asyncio.gather(*(ask(client) for _ in range(60))))
            assert time.monotonic() - started < 20 * SHARE
        filled.faults.clear()
        await until(client, "connected")
        assert (await ask(client))["outcome"] == "answered"
        assert connections(port) <= (LIMITS.max_keepalive_connections or 0)


def connections(port: int) -> int:
    found = psutil.Process().net_connections("tcp")
    return sum(each.status == "ESTABLISHED" and bool(each.raddr) and each.raddr.port == port for each in found)


@pytest.mark.fault(17)
async def test_17_nothing_found_is_said_without_a_citation(filled: QdrantServer, settings: Settings) -> None:
    async with serving(settings) as client:
        events = await heard(client, OFF_TOPIC)
    kind, done = events[-1]
    assert (kind, done["outcome"], done["grounded"], done["citations"]) == ("done", "no_evidence", False, [])


def with_nothing(client: QdrantClient, name: str) -> None:
    """The collection is missing."""


def with_other_vectors(client: QdrantClient, name: str) -> None:
    client.create_collection(name, {DENSE: models.VectorParams(size=3, distance=models.Distance.COSINE)})
    client.upsert(name, [models.PointStruct(id=1, vector={DENSE: [1.0, 2.0, 3.0]}, payload={"page_content": "a"})])


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("fill", "status", "remedy"),
    [
        (with_nothing, "missing_collection", "docent ingest PATH"),
        (with_other_vectors, "mismatch", "vectors of 3 numbers"),
    ],
)
async def test_17_collection_that_does_not_fit_is_said_from_the_start(
    cluster: QdrantServer, settings: Settings, fill: Any, status: str, remedy: str
) -> None:
    client = remote_client(settings)
    fill(client, settings.qdrant_collection)
    client.close()
    async with serving(settings) as service:
        found = await qdrant(service)
        replies = [await ask(service) for _ in range(3)]
    assert (found["status"], remedy in found["cause"]) == (status, True), found
    assert lost(replies)
    assert "127.0.0.1" not in str(replies)
