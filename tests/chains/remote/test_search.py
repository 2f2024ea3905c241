"""Search over HTTP: what langchain-qdrant's vector store wrote, the serving client reads, whatever the network does."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest
import small_book
from langchain_core.documents import Document
from qdrant_client import QdrantClient, models

from chains.collection import INDEXED
from chains.errors import RetrievalUnavailable
from chains.ingest import fingerprint_of, ingest_folder
from chains.providers.local_embeddings import LocalEmbeddings
from chains.remote_qdrant import LIMITS
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.qdrant_server import Fault, QdrantServer

pytestmark = pytest.mark.anyio


def told(passages: list[Document]) -> list[tuple[object, ...]]:
    signals = ("score", "cosine", "coverage")
    return [
        (passage.id, passage.page_content, *(pytest.approx(passage.metadata[name], abs=1e-5) for name in signals))
        for passage in passages
    ]


@pytest.mark.parametrize("question", ["torque limit of a joint", "Where does telemetry go?", "4317 zeppelin", "the of"])
async def test_passages_are_those_of_the_embedded_engine(
    filled: QdrantServer, remote: HybridRetriever, retriever: HybridRetriever, question: str
) -> None:
    assert told(await remote.ainvoke(question)) == told(await retriever.ainvoke(question))


async def test_turn_is_one_request(filled: QdrantServer, remote: HybridRetriever) -> None:
    await remote.ainvoke("torque limit")
    filled.calls.clear()
    await remote.ainvoke("telemetry port")
    assert filled.calls == ["POST /collections/book/points/query/batch"]


@pytest.mark.parametrize("key", INDEXED)
async def test_every_key_that_we_filter_by_is_indexed(
    filled: QdrantServer, remote: HybridRetriever, client: QdrantClient, key: str
) -> None:
    metadata = client.retrieve(small_book.NAME, [small_book.chunk_id(2)])[0].payload["metadata"]  # type: ignore[index]
    value = metadata[key.removeprefix("metadata.")]
    wanted = models.Filter(must=[models.FieldCondition(key=key, match=models.MatchValue(value=value))])
    assert small_book.chunk_id(2) in [passage.id for passage in await remote.ainvoke("torque limit", filter=wanted)]
    client.delete(small_book.NAME, points_selector=wanted)


async def test_indexing_sends_no_filter_that_a_strict_server_refuses(
    server: QdrantServer, client: QdrantClient, settings: ChainSettings, embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    """Three runs over a folder of which a page is changed and one removed: added, updated and deleted points."""
    pages = {name: tmp_path / "docs" / f"{name}.md" for name in ("a", "b")}
    (tmp_path / "docs").mkdir()
    for name, path in pages.items():
        path.write_text(f"# Page {name}\n\nThe {name} of the loom.\n")
    reports = [ingest_folder(tmp_path / "docs", settings, client, embeddings)]
    pages["a"].write_text("# Page a\n\nAnother text.\n")
    pages["b"].unlink()
    reports.append(ingest_folder(tmp_path / "docs", settings, client, embeddings))
    assert [(report.added, report.updated, report.deleted) for report in reports] == [(2, 0, 0), (0, 1, 1)]
    assert client.count(settings.qdrant_collection).count == 1


async def test_indexing_adds_the_indexes_that_an_older_collection_lacks(
    server: QdrantServer, client: QdrantClient, settings: ChainSettings, embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    fingerprint = fingerprint_of(embeddings)
    params = models.VectorParams(size=fingerprint.dimensions, distance=models.Distance.COSINE)
    sparse = {"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)}
    client.create_collection(small_book.NAME, {"dense": params}, sparse, metadata={"docent": fingerprint.as_dict()})
    (tmp_path / "page.md").write_text("# Page\n\nA text.\n")
    ingest_folder(tmp_path, settings, client, embeddings)
    assert set(client.get_collection(small_book.NAME).payload_schema) == set(INDEXED)


@pytest.mark.fault(15)
async def test_slow_server_ends_a_search_at_its_deadline(filled: QdrantServer, remote: HybridRetriever) -> None:
    hasty = remote.model_copy(update={"deadline": 0.8})
    await hasty.ainvoke("torque")
    filled.faults.add(Fault(delay=5, match="/points/query"))
    started = time.monotonic()
    with pytest.raises(RetrievalUnavailable) as failure:
        await hasty.ainvoke("torque")
    assert time.monotonic() - started < 2.5
    assert isinstance(failure.value.__cause__, TimeoutError)
    filled.faults.clear()
    assert await hasty.ainvoke("torque")


@pytest.mark.fault(16)
async def test_silent_server_leaves_no_connection_behind(filled: QdrantServer, remote: HybridRetriever) -> None:
    """180 searches in a pool of 100; what stays are connections that are kept for the next ones."""
    hasty = remote.model_copy(update={"deadline": 0.5})
    await hasty.ainvoke("torque")
    port = int(filled.url.rsplit(":", 1)[1])

    def connections() -> int:
        found = psutil.Process().net_connections("tcp")
        return sum(c.status == "ESTABLISHED" and bool(c.raddr) and c.raddr.port == port for c in found)

    filled.faults.add(Fault(hang=True))
    for _ in range(3):
        failures = await asyncio.gather(*(hasty.ainvoke(f"torque {n}") for n in range(60)), return_exceptions=True)
        assert {type(failure) for failure in failures} == {RetrievalUnavailable}
    filled.faults.clear()
    assert await hasty.ainvoke("torque")
    assert connections() <= (LIMITS.max_keepalive_connections or 0)


async def test_dead_kept_connection_is_not_noticed(filled: QdrantServer, remote: HybridRetriever) -> None:
    await remote.ainvoke("torque")
    filled.refuse()
    filled.listen()
    assert await remote.ainvoke("torque")


async def test_busy_server_is_waited_for_as_long_as_it_says(filled: QdrantServer, remote: HybridRetriever) -> None:
    await remote.ainvoke("torque")
    filled.faults.add(Fault(status=429, headers={"Retry-After": "7"}, match="/points/query"))
    with pytest.raises(RetrievalUnavailable) as failure:
        await remote.ainvoke("torque")
    assert failure.value.retry_after == 7


@pytest.mark.fault(17)
async def test_no_match_is_no_failure(filled: QdrantServer, remote: HybridRetriever) -> None:
    nowhere = models.FieldCondition(key="metadata.page", match=models.MatchValue(value="none.md"))
    assert await remote.ainvoke("torque", filter=models.Filter(must=[nowhere])) == []
