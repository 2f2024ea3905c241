"""Hybrid search through the embedded engine."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import small_book
from langchain_core.documents import Document
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.models import QueryResponse

from chains.collection import vector_store
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import FingerprintMismatch, RetrievalUnavailable
from chains.providers.local_embeddings import LocalEmbeddings
from chains.retriever import HybridRetriever

pytestmark = pytest.mark.anyio


def headings(found: list[Document]) -> list[str]:
    return [passage.metadata["heading"] for passage in found]


async def test_search_finds_the_passage_by_meaning_and_by_word(retriever: HybridRetriever) -> None:
    assert headings(await retriever.ainvoke("How strong may a joint push?"))[0] == "Torque limits"
    assert headings(await retriever.ainvoke("4317"))[0] == "Telemetry > Enable"


async def test_passage_is_shown_without_its_heading_path(retriever: HybridRetriever) -> None:
    passage = (await retriever.ainvoke("torque limit of a joint"))[0]
    assert passage.page_content == small_book.SECTIONS[2][2]
    assert passage.id == passage.metadata["chunk_id"] == small_book.chunk_id(2)
    assert passage.metadata["url"] == "/docs/limits#torque-limits"
    assert passage.metadata["timings"]["embed"] > 0
    assert passage.metadata["timings"]["retrieve"] > 0


async def test_cosine_is_that_of_question_and_embedded_text(
    retriever: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    question = "How do I calibrate the camera?"
    of_question = np.array(embeddings.embed_query(question))
    found = await retriever.ainvoke(question, k=8)
    assert len(found) == 8
    for passage in found:
        text = f"{passage.metadata['heading']}\n\n{passage.page_content}"
        expected = float(of_question @ np.array(embeddings.embed_query(text)))
        assert passage.metadata["cosine"] == pytest.approx(expected, abs=1e-4)


async def test_cosine_is_exact_for_a_passage_that_only_bm25_found(retriever: HybridRetriever) -> None:
    shallow = retriever.model_copy(update={"prefetch": 2, "k": 2})
    deep = {passage.id: passage.metadata["cosine"] for passage in await retriever.ainvoke("angles minutes 4317", k=8)}
    for passage in await shallow.ainvoke("angles minutes 4317"):
        assert passage.metadata["cosine"] == pytest.approx(deep[passage.id], abs=1e-6)


async def test_coverage_is_the_share_of_the_questions_idf(retriever: HybridRetriever) -> None:
    def idf(holders: int) -> float:
        return math.log(1 + (len(small_book.SECTIONS) - holders + 0.5) / (holders + 0.5))

    passage = (await retriever.ainvoke("torque of a zeppelin"))[0]
    assert passage.metadata["heading"] == "Torque limits"
    torque, zeppelin = idf(2), idf(0)
    assert passage.metadata["coverage"] == pytest.approx(torque / (torque + zeppelin), abs=1e-3)


async def test_coverage_is_the_same_when_idf_comes_from_the_cache(retriever: HybridRetriever) -> None:
    first = await retriever.ainvoke("disable telemetry zeppelin")
    again = await retriever.ainvoke("disable telemetry zeppelin")
    assert [passage.metadata["coverage"] for passage in first] == [passage.metadata["coverage"] for passage in again]


async def test_question_of_stop_words_has_no_coverage(retriever: HybridRetriever) -> None:
    found = await retriever.ainvoke("what is this, and who are they?")
    assert found
    assert {passage.metadata["coverage"] for passage in found} == {None}


async def test_repeated_line_counts_twice(retriever: HybridRetriever) -> None:
    once = await retriever.ainvoke("telemetry\ncamera", k=8)
    twice = await retriever.ainvoke("telemetry\ntelemetry\ncamera", k=8)

    def coverage_of_camera(found: list[Document]) -> float:
        return max(passage.metadata["coverage"] for passage in found if passage.metadata["page"] == "camera.md")

    assert coverage_of_camera(once) == pytest.approx(1 / 2, abs=0.01)
    assert coverage_of_camera(twice) == pytest.approx(1 / 3, abs=0.01)


async def test_filter_and_k_can_be_given_with_the_question(retriever: HybridRetriever) -> None:
    only_camera = models.Filter(
        must=[models.FieldCondition(key="metadata.page", match=models.MatchValue(value="camera.md"))]
    )
    found = await retriever.ainvoke("torque limits", filter=only_camera)
    assert {passage.metadata["page"] for passage in found} == {"camera.md"}
    assert len(await retriever.ainvoke("torque limits", k=3)) == 3


async def test_filter_without_a_match_finds_nothing(retriever: HybridRetriever) -> None:
    nowhere = models.FieldCondition(key="metadata.page", match=models.MatchValue(value="none.md"))
    assert await retriever.ainvoke("torque", filter=models.Filter(must=[nowhere])) == []


def test_search_works_without_an_event_loop(retriever: HybridRetriever) -> None:
    assert headings(retriever.invoke("torque limit"))[0] == "Torque limits"


async def test_synchronous_search_works_inside_a_running_loop_too(retriever: HybridRetriever) -> None:
    assert headings(retriever.invoke("torque limit"))[0] == "Torque limits"


async def test_retriever_reads_what_langchains_vector_store_wrote(
    book: EdgeClient, embeddings: LocalEmbeddings, retriever: HybridRetriever
) -> None:
    by_store = vector_store(book, small_book.NAME, embeddings).similarity_search("torque limit of a joint", k=1)
    by_us = await retriever.ainvoke("torque limit of a joint")
    assert by_store[0].metadata["chunk_id"] == by_us[0].metadata["chunk_id"]


async def test_missing_collection_is_a_failure_with_a_cause(retriever: HybridRetriever) -> None:
    with pytest.raises(RetrievalUnavailable) as failure:
        await retriever.model_copy(update={"collection": "absent"}).ainvoke("torque")
    assert "absent" in str(failure.value.__cause__)
    assert "absent" not in failure.value.message


async def test_empty_collection_is_a_failure_not_an_answer(edge: EdgeClient, embeddings: LocalEmbeddings) -> None:
    small_book.create_collection(edge, "empty", small_book.fingerprint(embeddings))
    retriever = HybridRetriever(client=AsyncEdgeClient(edge), collection="empty", embeddings=embeddings)
    with pytest.raises(RetrievalUnavailable) as failure:
        await retriever.ainvoke("torque")
    assert "docent ingest" in str(failure.value.__cause__)


async def test_collection_of_another_fingerprint_is_never_searched(
    retriever: HybridRetriever, embeddings: LocalEmbeddings
) -> None:
    other = replace(small_book.fingerprint(embeddings), embedding="another/model")
    with pytest.raises(RetrievalUnavailable) as failure:
        await HybridRetriever(
            client=retriever.client, collection=small_book.NAME, embeddings=embeddings, fingerprint=other
        ).ainvoke("torque")
    assert isinstance(failure.value.__cause__, FingerprintMismatch)


async def test_closed_engine_is_a_failure(edge: EdgeClient, embeddings: LocalEmbeddings) -> None:
    small_book.fill(edge, embeddings)
    edge.close()
    retriever = HybridRetriever(client=AsyncEdgeClient(edge), collection=small_book.NAME, embeddings=embeddings)
    with pytest.raises(RetrievalUnavailable):
        await retriever.ainvoke("torque")
    edge.open()
    assert await retriever.ainvoke("torque")


async def test_unreachable_server_is_a_failure(embeddings: LocalEmbeddings) -> None:
    client = AsyncQdrantClient("http://127.0.0.1:9", check_compatibility=False, timeout=1)
    retriever = HybridRetriever(client=client, collection="book", embeddings=embeddings)
    with pytest.raises(RetrievalUnavailable):
        await retriever.ainvoke("torque")
    await client.close()


class BusyClient(AsyncEdgeClient):
    """A server that asks for patience, as Qdrant's client reports it."""

    async def query_batch_points(self, *_: object, **__: object) -> list[QueryResponse]:
        raise ResourceExhaustedResponse("too many requests", 7)


async def test_wish_of_a_busy_server_is_passed_on(book: EdgeClient, embeddings: LocalEmbeddings) -> None:
    retriever = HybridRetriever(client=BusyClient(book), collection=small_book.NAME, embeddings=embeddings)
    with pytest.raises(RetrievalUnavailable) as failure:
        await retriever.ainvoke("torque")
    assert failure.value.retry_after == 7


async def test_idf_is_learnt_anew_when_the_collection_has_grown(edge: EdgeClient, embeddings: LocalEmbeddings) -> None:
    small_book.fill(edge, embeddings)
    retriever = HybridRetriever(client=AsyncEdgeClient(edge), collection=small_book.NAME, embeddings=embeddings)
    before = (await retriever.ainvoke("torque zeppelin"))[0].metadata["coverage"]
    vector_store(edge, small_book.NAME, embeddings).add_texts(["A zeppelin.", "Zeppelins.", "More zeppelins."])
    retriever._checked_at = -math.inf  # half a minute later
    after = (await retriever.ainvoke("torque zeppelin"))[0].metadata["coverage"]
    assert before < after < 1
