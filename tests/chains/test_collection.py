"""What a collection is made of, and that both ways of reading it see the same."""

from __future__ import annotations

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from qdrant_client import models
from qdrant_sample import FINGERPRINT, NAME

from chains.collection import (
    DENSE,
    INDEXED,
    SPARSE,
    Bm25Sparse,
    Client,
    Fingerprint,
    check_fingerprint,
    create_collection,
    fetch_fingerprint,
    read_fingerprint,
    vector_store,
)
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import FingerprintMismatch

EMBEDDINGS = DeterministicFakeEmbedding(size=FINGERPRINT.dimensions)
DOCUMENTS = [
    Document(page_content=f"Chapter {number}\n\nHow the {word} works.", metadata={"page": f"{word}.md", "ordinal": 0})
    for number, word in enumerate(["camera", "gearbox", "battery", "gripper", "lidar"])
]
IDS = [str(uuid5(NAMESPACE_URL, document.page_content)) for document in DOCUMENTS]


def test_bm25_gives_the_numbers_of_qdrants_documentation() -> None:
    """https://qdrant.tech/documentation/inference/inference-bm25/ prints them for this sentence."""
    (found,) = Bm25Sparse().embed_documents(["Recipe for baking chocolate chip cookies"])

    assert len(found.indices) == 5
    assert found.values == pytest.approx([1.6697302] * 5, abs=1e-7)


def test_bm25_query_has_weight_one_and_the_documents_indices() -> None:
    bm25 = Bm25Sparse()

    assert bm25.embed_query("baking recipes").values == [1.0, 1.0]
    assert set(bm25.embed_query("baking recipes").indices) < set(
        bm25.embed_documents(["Recipe for baking chocolate chip cookies"])[0].indices
    )


def test_bm25_identity_names_every_number() -> None:
    assert Bm25Sparse().identity == "qdrant/bm25:english:k=1.2:b=0.75:avg_len=256"
    assert Bm25Sparse("german", avg_len=80).identity == "qdrant/bm25:german:k=1.2:b=0.75:avg_len=80"


def test_bm25_of_stop_words_is_empty() -> None:
    assert Bm25Sparse().embed_query("what is the").indices == []


def test_fingerprint_comes_back_from_the_collection(empty_engine: Client) -> None:
    create_collection(empty_engine, NAME, FINGERPRINT)

    assert read_fingerprint(empty_engine, NAME) == FINGERPRINT


@pytest.mark.anyio
async def test_fingerprint_comes_back_through_the_async_client_and_an_alias(edge: EdgeClient) -> None:
    create_collection(edge, NAME, FINGERPRINT)
    alias = models.CreateAlias(collection_name=NAME, alias_name="kb")
    edge.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])

    assert await fetch_fingerprint(AsyncEdgeClient(edge), "kb") == FINGERPRINT


def test_fingerprint_of_a_foreign_collection_is_none(empty_engine: Client) -> None:
    empty_engine.create_collection(NAME, {DENSE: models.VectorParams(size=4, distance=models.Distance.COSINE)})

    assert read_fingerprint(empty_engine, NAME) is None
    with pytest.raises(FingerprintMismatch, match="was not made by Docent"):
        check_fingerprint(NAME, None, FINGERPRINT)


def test_fingerprint_mismatch_names_the_fields_and_the_remedy() -> None:
    configured = replace(FINGERPRINT, embedding="gemini/embedding-001", dimensions=768)

    with pytest.raises(FingerprintMismatch) as raised:
        check_fingerprint("book", FINGERPRINT, configured)

    assert str(raised.value) == (
        "Collection 'book' was made with embedding 'test/random' (configured: 'gemini/embedding-001'), "
        "dimensions 16 (configured: 768). Run `docent ingest PATH --rebuild`, which makes a new collection beside it "
        "and then lets it take the place, or go back to the settings that it was made with."
    )


def test_fingerprint_that_is_equal_passes() -> None:
    check_fingerprint("book", Fingerprint.from_dict(FINGERPRINT.as_dict()), FINGERPRINT)


def test_fingerprint_of_another_version_is_read_and_differs_where_a_field_is_missing() -> None:
    stored = FINGERPRINT.as_dict() | {"late": "field"}
    del stored["chunker"]

    assert Fingerprint.from_dict(stored) == replace(FINGERPRINT, chunker="unknown")


def test_fingerprint_digest_never_changes() -> None:
    """It names cached figures and collections: another value would orphan them."""
    assert FINGERPRINT.digest == "2d832b2d1136"
    assert FINGERPRINT.digest != replace(FINGERPRINT, prefix="query: ").digest


def test_collection_indexes_every_filtered_key(edge: EdgeClient) -> None:
    """Local mode has no indexes; Qdrant Cloud refuses a filter without one."""
    create_collection(edge, NAME, FINGERPRINT)

    schema = edge.get_collection(NAME).payload_schema
    assert {key: index.data_type for key, index in schema.items()} == INDEXED


def test_vector_store_adds_finds_gets_and_deletes(empty_engine: Client) -> None:
    create_collection(empty_engine, NAME, FINGERPRINT)
    store = vector_store(empty_engine, NAME, EMBEDDINGS)

    store.add_documents(DOCUMENTS, ids=IDS)
    store.add_documents(DOCUMENTS, ids=IDS)

    assert empty_engine.count(NAME).count == len(DOCUMENTS)
    assert store.similarity_search("the gripper", k=5)[0].metadata["page"] == "gripper.md"
    on_lidar = models.Filter(
        must=[models.FieldCondition(key="metadata.page", match=models.MatchValue(value="lidar.md"))]
    )
    assert [found.metadata["page"] for found in store.similarity_search("camera", filter=on_lidar)] == ["lidar.md"]
    assert [found.page_content for found in store.get_by_ids([IDS[2], IDS[0]])] == [
        DOCUMENTS[2].page_content,
        DOCUMENTS[0].page_content,
    ]
    assert store.max_marginal_relevance_search("camera", k=2)
    assert store.delete(IDS[:2])
    assert empty_engine.count(NAME).count == len(DOCUMENTS) - 2


@pytest.mark.anyio
async def test_serving_client_reads_what_the_vector_store_wrote(edge: EdgeClient) -> None:
    create_collection(edge, NAME, FINGERPRINT)
    store = vector_store(edge, NAME, EMBEDDINGS)
    store.add_documents(DOCUMENTS, ids=IDS)
    weights = Bm25Sparse().embed_query("the gripper")

    found = await AsyncEdgeClient(edge).query_points(
        NAME,
        prefetch=[
            models.Prefetch(query=EMBEDDINGS.embed_query("the gripper"), using=DENSE, limit=5),
            models.Prefetch(
                query=models.SparseVector(indices=weights.indices, values=weights.values), using=SPARSE, limit=5
            ),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        limit=5,
    )

    payloads = {hit.id: hit.payload for hit in found.points}
    assert payloads == {
        id_: {"page_content": document.page_content, "metadata": document.metadata}
        for id_, document in zip(IDS, DOCUMENTS, strict=True)
    }
    by_store = store.similarity_search_with_score("the gripper", k=5)
    assert {document.metadata["_id"]: score for document, score in by_store} == {
        hit.id: hit.score for hit in found.points
    }


@pytest.mark.anyio
async def test_vector_store_reads_what_the_serving_client_wrote(edge: EdgeClient) -> None:
    create_collection(edge, NAME, FINGERPRINT)
    text = "Chapter 9\n\nHow the winch works."
    weights = (await Bm25Sparse().aembed_documents([text]))[0]
    written = models.PointStruct(
        id=IDS[0],
        vector={
            DENSE: (await EMBEDDINGS.aembed_documents([text]))[0],
            SPARSE: models.SparseVector(indices=weights.indices, values=weights.values),
        },
        payload={"page_content": text, "metadata": {"page": "winch.md"}},
    )

    await AsyncEdgeClient(edge).upsert(NAME, points=[written])

    (found,) = vector_store(edge, NAME, EMBEDDINGS).similarity_search("winch")
    assert (found.page_content, found.metadata["page"]) == (text, "winch.md")
