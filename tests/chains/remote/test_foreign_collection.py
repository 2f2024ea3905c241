"""A collection that another program filled is served as it is, or refused with a reason; never searched blindly."""

from __future__ import annotations

import foreign
import pytest
import small_book
from langchain_core.documents import Document
from qdrant_client import QdrantClient, models

from chains.collection_payload import PayloadKeys
from chains.errors import FingerprintMismatch, RetrievalUnavailable
from chains.evidence import weigh_evidence
from chains.providers.local_embeddings import LocalEmbeddings
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.qdrant_server import QdrantServer

pytestmark = pytest.mark.anyio

FLAT = PayloadKeys(content="text", url="source_url", title="chapter")


async def test_unnamed_vector_and_flat_payload_are_served(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    foreign.fill(client, embeddings, foreign.flat)
    served = remote.model_copy(update={"keys": FLAT})
    view = await served.look()
    assert (view.dense, view.hybrid, view.notes) == ("", False, ["dense_only"])

    (best, *others) = await served.ainvoke("How strong may a joint push?", k=8)

    assert best.page_content == small_book.SECTIONS[2][2]
    assert (best.metadata["title"], best.metadata["url"]) == ("Torque limits", "https://book.example/limits.md")
    assert best.metadata["lang"] == "en"
    assert "text" not in best.metadata
    assert best.metadata["cosine"] == pytest.approx(best.metadata["score"], abs=1e-5)
    assert best.metadata["coverage"] is None
    assert len(others) == 7


async def test_sources_of_a_foreign_collection_have_title_and_address(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    foreign.fill(client, embeddings, foreign.flat)
    passages = await remote.model_copy(update={"keys": FLAT}).ainvoke("What is the torque limit of a joint?")
    evidence = weigh_evidence(passages)
    first = evidence.sources[0]
    assert (first["title"], first["heading"], first["url"]) == (
        "Torque limits",
        "Torque limits",
        "https://book.example/limits.md",
    )
    assert first["chunk_id"] == "3"
    assert evidence.found
    assert evidence.strength == pytest.approx(passages[0].metadata["cosine"])  # the gate goes by the cosine alone


async def test_langchains_own_payload_needs_no_setting(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    foreign.fill(client, embeddings, foreign.nested, vector="content")
    best: Document = (await remote.ainvoke("4317 telemetry"))[0]
    assert best.page_content == small_book.SECTIONS[4][2]
    assert (best.metadata["title"], best.metadata["source"]) == ("Telemetry > Enable", "docs/telemetry.md")


async def test_vector_can_be_named(client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings) -> None:
    params = models.VectorParams(size=embeddings.dimensions, distance=models.Distance.COSINE)
    client.create_collection(small_book.NAME, {"title": params, "body": params})
    title, body = embeddings.embed_documents(["Limits", "The torque limit"])
    payload = foreign.nested("limits.md", "Limits", "The torque limit")
    client.upsert(small_book.NAME, [models.PointStruct(id=1, vector={"title": title, "body": body}, payload=payload)])

    assert await remote.model_copy(update={"vector_name": "body"}).ainvoke("torque")
    with pytest.raises(FingerprintMismatch, match="cosine"):
        await remote.model_copy(update={"vector_name": "title"}).look()


async def test_vectors_of_another_model_are_a_mismatch(
    server: QdrantServer, client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    """Of the same length, so that nothing but a comparison would tell."""
    foreign.fill(client, foreign.OtherModel(embeddings.dimensions), foreign.nested)
    with pytest.raises(FingerprintMismatch) as mismatch:
        await remote.look()
    assert "was not filled with local/all-MiniLM-L6-v2-int8" in str(mismatch.value)
    assert "run `docent ingest PATH --rebuild`" in str(mismatch.value)

    server.calls.clear()
    with pytest.raises(RetrievalUnavailable):
        await remote.ainvoke("torque")
    assert not [call for call in server.calls if "/query" in call]


async def test_comparison_is_paid_for_once(client: QdrantClient, remote: HybridRetriever) -> None:
    """A probe is a request to the embedding provider, and health looks every minute."""
    model = foreign.OtherModel(16)
    foreign.fill(client, model, foreign.nested)
    served = remote.model_copy(update={"embeddings": model})
    model.asked = 0
    for _ in range(3):
        await served.look()
    assert model.asked == 1

    more = models.PointStruct(id=99, vector=model.embed_query("More."), payload={"page_content": "More."})
    client.upsert(small_book.NAME, [more])
    await served.look()
    assert model.asked == 2


async def test_failed_comparison_is_not_repeated_at_every_look(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    foreign.fill(client, embeddings, foreign.nested)
    model = foreign.OtherModel(embeddings.dimensions)
    served = remote.model_copy(update={"embeddings": model})
    for _ in range(3):
        with pytest.raises(FingerprintMismatch):
            await served.look()
    assert model.asked == 1


async def test_text_under_another_key_is_asked_for(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    foreign.fill(client, embeddings, foreign.flat)
    with pytest.raises(FingerprintMismatch, match=r"they have: chapter, lang, source_url, text.*QDRANT_CONTENT_KEY"):
        await remote.look()


async def test_dot_product_of_unit_vectors_is_accepted(
    client: QdrantClient, remote: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    foreign.fill(client, embeddings, foreign.nested, distance=models.Distance.DOT)
    assert (await remote.ainvoke("torque limit"))[0].metadata["cosine"] > 0.3


def test_keys_come_from_the_settings() -> None:
    settings = ChainSettings(qdrant_content_key="text", qdrant_url_key="source_url", qdrant_title_key="chapter")
    assert PayloadKeys.of(settings) == FLAT
    assert PayloadKeys.of(ChainSettings()) == PayloadKeys()
