"""The service's search over a remote Qdrant: each state said in health, calm for the reader, and left in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.health import Health
from app.search import Search
from app.settings import Settings
from chains.errors import RetrievalUnavailable
from chains.ingest import ingest_folder
from chains.providers.local_embeddings import LocalEmbeddings
from chains.remote_qdrant import remote_client
from tests.qdrant_server import Fault, QdrantServer

pytestmark = pytest.mark.anyio

SITE = Path(__file__).parent / "site"
KEY = "the-key-of-the-cluster"
QUESTION = "How do I deploy a release?"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path / "cluster", api_key=KEY) as server:
        yield server


@pytest.fixture
def settings(server: QdrantServer, tmp_path: Path) -> Settings:
    return Settings(qdrant_url=server.url, qdrant_api_key=KEY, data_dir=tmp_path / "data", retrieve_timeout=1)


@pytest.fixture
def filled(server: QdrantServer, settings: Settings) -> QdrantServer:
    index(settings)
    server.calls.clear()
    return server


def index(settings: Settings) -> None:
    """As `docent ingest` does, from elsewhere."""
    client, model = remote_client(settings), LocalEmbeddings()
    ingest_folder(SITE, settings, client, model)
    client.close()
    model.close()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Search, Health]]:
    """With health's watch, as in the service."""
    health = Health()
    search = Search(settings, health)
    await search.open()
    watch = asyncio.create_task(health.watch())
    try:
        yield search, health
    finally:
        watch.cancel()
        await search.close()


def finding(health: Health, *, causes: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = health.report(causes=causes)["services"].get("qdrant", {})
    return found


async def until(health: Health, status: str, within: float) -> float:
    """The seconds until health says so."""
    started = time.monotonic()
    while finding(health).get("status") != status:
        assert time.monotonic() - started < within, finding(health)
        await asyncio.sleep(0.05)
    return time.monotonic() - started


STATES = {
    "suspended": ([Fault.suspended()], "suspended", "cloud.qdrant.io"),
    "wrong key": ([Fault(status=403)], "disconnected", "QDRANT_API_KEY"),
    "down": ([Fault(status=503)], "disconnected", "answers 503"),
    "a login page": ([Fault.html()], "disconnected", "QDRANT_URL"),
    "silent": ([Fault(hang=True)], "disconnected", "did not answer in time"),
}


@pytest.mark.parametrize(("faults", "status", "says"), STATES.values(), ids=STATES.keys())
async def test_service_starts_and_says_what_is_wrong(
    filled: QdrantServer, settings: Settings, faults: list[Fault], status: str, says: str
) -> None:
    for fault in faults:
        filled.faults.add(fault)
    async with opened(settings) as (search, health):
        await until(health, status, within=10)
        assert says in finding(health)["cause"]
        assert finding(health, causes=False) == {"status": status, "collection": settings.qdrant_collection}
        with pytest.raises(RetrievalUnavailable) as refusal:
            await search.find(QUESTION)
        assert refusal.value.retry_after
        assert "127.0.0.1" not in str(refusal.value.as_dict())


@pytest.mark.fault(14)
@pytest.mark.parametrize(("way", "away"), [("refuse", 8), ("hang", 0), ("suspend", 0)])
async def test_service_finds_again_within_ten_seconds_after_the_return(
    filled: QdrantServer, settings: Settings, way: str, away: float
) -> None:
    """After 8 s of absence health looks as seldom as it ever does."""
    async with opened(settings) as (search, health):
        await until(health, "connected", within=10)
        assert await search.find(QUESTION)
        if way == "refuse":
            filled.refuse()
        else:
            filled.faults.add(Fault.suspended() if way == "suspend" else Fault(hang=True))
        with pytest.raises(RetrievalUnavailable):
            await search.find(QUESTION)
        await until(health, "suspended" if way == "suspend" else "disconnected", within=10)
        await asyncio.sleep(away)

        if way == "refuse":
            filled.listen()
        filled.faults.clear()

        assert await until(health, "connected", within=10) < 10
        assert await search.find(QUESTION)


async def test_turns_find_again_without_health(filled: QdrantServer, settings: Settings) -> None:
    """`docent ask` has nobody who watches."""
    search = Search(settings, Health())
    filled.refuse()
    await search.open()
    with pytest.raises(RetrievalUnavailable):
        await search.find(QUESTION)
    filled.listen()
    await asyncio.sleep(2.1)
    assert await search.find(QUESTION)
    await search.close()


@pytest.mark.fault(16)
async def test_many_turns_make_one_look_at_a_silent_server(filled: QdrantServer, settings: Settings) -> None:
    async with opened(settings) as (search, health):
        await until(health, "connected", within=10)
        filled.faults.add(Fault(hang=True))
        with pytest.raises(RetrievalUnavailable):
            await search.find(QUESTION)
        await until(health, "disconnected", within=10)
        filled.calls.clear()

        started = time.monotonic()
        refusals = await asyncio.gather(*(search.find(QUESTION) for _ in range(50)), return_exceptions=True)

        assert {type(refusal) for refusal in refusals} == {RetrievalUnavailable}
        assert time.monotonic() - started < 4
        assert len(filled.calls) <= 3


@pytest.mark.fault(17)
async def test_service_writes_nothing_and_serves_once_the_pages_are_there(
    server: QdrantServer, settings: Settings
) -> None:
    async with opened(settings) as (search, health):
        await until(health, "missing_collection", within=10)
        assert "docent ingest PATH" in finding(health)["cause"]
        with pytest.raises(RetrievalUnavailable):
            await search.find(QUESTION)
        assert {call.split(" ")[0] for call in server.calls} == {"GET"}

        await asyncio.to_thread(index, settings)

        await until(health, "connected", within=10)
        assert finding(health)["vectors"] > 0
        assert await search.find(QUESTION)
