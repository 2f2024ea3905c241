"""What a look at a remote collection finds: each state has health's word, and a sentence with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import small_book
from qdrant_client import QdrantClient, models

from chains.collection import DENSE, create_collection
from chains.errors import RetrievalUnavailable, SearchFault
from chains.providers.local_embeddings import LocalEmbeddings
from chains.remote_qdrant import async_remote_client, remote_client
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.qdrant_server import Fault, QdrantServer

pytestmark = pytest.mark.anyio

NAME = small_book.NAME


async def fault_of(retriever: HybridRetriever) -> SearchFault:
    """What the look says; a question gets the calm error with it as the cause."""
    with pytest.raises(SearchFault) as seen:
        await retriever.look()
    with pytest.raises(RetrievalUnavailable) as refused:
        await retriever.ainvoke("torque")
    assert isinstance(refused.value.__cause__, SearchFault | TimeoutError)
    assert refused.value.message == RetrievalUnavailable.message
    return seen.value


async def test_filled_collection_is_seen_with_its_size(filled: QdrantServer, remote: HybridRetriever) -> None:
    view = await remote.look()
    assert (view.points, view.hybrid, view.notes) == (len(small_book.SECTIONS), True, [])


@pytest.mark.fault(17)
async def test_missing_collection_is_missing(server: QdrantServer, remote: HybridRetriever) -> None:
    fault = await fault_of(remote)
    assert fault.status == "missing_collection"
    assert "There is no collection 'book' in Qdrant at 127.0.0.1" in str(fault)
    assert "docent ingest PATH" in str(fault)
    assert "docent migrate-index" in str(fault)


async def test_empty_collection_is_missing(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    create_collection(client, NAME, small_book.fingerprint(embeddings))
    fault = await fault_of(remote)
    assert (fault.status, "is empty" in str(fault)) == ("missing_collection", True)


async def test_suspended_cluster_is_told_from_a_missing_collection(
    filled: QdrantServer, remote: HybridRetriever
) -> None:
    filled.faults.add(Fault.suspended())
    fault = await fault_of(remote)
    assert (fault.status, "cloud.qdrant.io" in str(fault)) == ("suspended", True)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(status=401, body="Invalid API key or JWT"), "refuses the key (401). Set QDRANT_API_KEY"),
        (Fault(status=403, body='{"status":{"error":"Forbidden"}}'), "refuses the key (403). Set QDRANT_API_KEY"),
        (Fault(status=429, headers={"Retry-After": "7"}), "is busy (429) and asks to wait 7 s"),
        (Fault(status=429, headers={"Retry-After": "Sat, 21 Nov 2026 10:00:00 GMT"}), "429"),
        (Fault(status=502, body="<html>Bad gateway</html>"), "answers 502."),
        (Fault(status=500, body='{"status":{"error":"Service internal error: disk"}}'), "internal error: disk"),
        (Fault.html(), "does not answer as Qdrant does"),
        (Fault(status=200, body='{"result":{"odd":1},"status":"ok","time":0}'), "does not answer as Qdrant does"),
        (Fault(hang=True), "did not answer in time"),
    ],
    ids=["401", "403", "429", "429 with a date", "502", "500", "html", "wrong schema", "hang"],
)
async def test_failing_server_is_disconnected_and_says_how(
    filled: QdrantServer, remote: HybridRetriever, fault: Fault, says: str
) -> None:
    filled.faults.add(fault)
    found = await fault_of(remote.model_copy(update={"deadline": 0.8}))
    assert (found.status, says in str(found)) == ("disconnected", True), str(found)
    assert "html" not in str(found)


async def test_wrong_key_is_said(filled: QdrantServer, settings: ChainSettings, remote: HybridRetriever) -> None:
    stranger = async_remote_client(settings.model_copy(update={"qdrant_api_key": "of-another-cluster"}))
    fault = await fault_of(remote.model_copy(update={"client": stranger}))
    await stranger.close()
    assert (fault.status, "Set QDRANT_API_KEY" in str(fault)) == ("disconnected", True)
    assert "of-another-cluster" not in str(fault)


async def test_refusing_server_is_disconnected_until_it_is_back(filled: QdrantServer, remote: HybridRetriever) -> None:
    filled.refuse()
    fault = await fault_of(remote)
    assert (fault.status, "cannot be reached" in str(fault)) == ("disconnected", True)
    filled.listen()
    assert (await remote.look()).points == len(small_book.SECTIONS)


Change = Callable[[QdrantClient, LocalEmbeddings], None]


def with_dimensions(client: QdrantClient, embeddings: LocalEmbeddings) -> None:
    """As a collection says whose fingerprint is of the right model, and whose vectors are not."""
    fingerprint = small_book.fingerprint(embeddings)
    params = models.VectorParams(size=3, distance=models.Distance.COSINE)
    client.create_collection(NAME, {DENSE: params}, metadata={"docent": fingerprint.as_dict()})
    client.upsert(NAME, [models.PointStruct(id=1, vector={DENSE: [1.0, 2.0, 3.0]}, payload={"page_content": "a"})])


def with_distance(client: QdrantClient, embeddings: LocalEmbeddings) -> None:
    params = models.VectorParams(size=embeddings.dimensions, distance=models.Distance.EUCLID)
    client.create_collection(NAME, {DENSE: params})
    client.upsert(NAME, [models.PointStruct(id=1, vector={DENSE: embeddings.embed_query("a")})])


def with_vector_names(client: QdrantClient, embeddings: LocalEmbeddings) -> None:
    params = models.VectorParams(size=embeddings.dimensions, distance=models.Distance.COSINE)
    client.create_collection(NAME, {"title": params, "body": params})
    vector = embeddings.embed_query("a")
    client.upsert(NAME, [models.PointStruct(id=1, vector={"title": vector, "body": vector})])


def with_fingerprint(client: QdrantClient, embeddings: LocalEmbeddings) -> None:
    fingerprint = replace(small_book.fingerprint(embeddings), embedding="gemini/text-embedding-004")
    create_collection(client, NAME, fingerprint)
    client.upsert(NAME, [models.PointStruct(id=1, vector={DENSE: embeddings.embed_query("a")})])


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (with_dimensions, "has vectors of 3 numbers, and local/all-MiniLM-L6-v2-int8 gives 384"),
        (with_distance, "compares vectors by Euclid"),
        (with_vector_names, "Set QDRANT_VECTOR_NAME"),
        (with_fingerprint, "was made with embedding 'gemini/text-embedding-004'"),
    ],
)
async def test_collection_that_does_not_fit_is_a_mismatch(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings, fill: Change, says: str
) -> None:
    fill(client, embeddings)
    fault = await fault_of(remote)
    assert (fault.status, says in str(fault)) == ("mismatch", True), str(fault)


async def test_collection_of_another_chunker_is_searched(
    filled: QdrantServer, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    """Its texts were cut otherwise; their vectors are the same model's."""
    newer = replace(small_book.fingerprint(embeddings), chunker="sections-9000")
    assert await remote.model_copy(update={"fingerprint": newer}).ainvoke("torque limit")


async def test_server_that_keeps_no_fingerprint_is_refused_before_a_page_is_embedded(
    tmp_path: Path, embeddings: LocalEmbeddings
) -> None:
    with QdrantServer(tmp_path / "old", keeps_metadata=False) as server:
        client = remote_client(ChainSettings(qdrant_url=server.url))
        with pytest.raises(SearchFault, match=r"Upgrade it to version 1\.16"):
            create_collection(client, NAME, small_book.fingerprint(embeddings))
        assert not client.collection_exists(NAME)
        client.close()
