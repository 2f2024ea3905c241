"""Passages with what stands around them."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_book
from langchain_core.documents import Document
from qdrant_client import models

from chains.collection_generations import activate, create_generation, find_generations
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.evidence import Evidence
from chains.neighbours import Neighbours
from chains.providers.local_embeddings import LocalEmbeddings
from chains.retriever import HybridRetriever

pytestmark = pytest.mark.anyio
ENABLE, DISABLE = small_book.SECTIONS[4][2], small_book.SECTIONS[5][2]


async def passage_about(heading: str, retriever: HybridRetriever) -> Document:
    return next(each for each in await retriever.ainvoke(heading, k=8) if each.metadata["heading"] == heading)


async def test_chunk_after_a_passage_is_joined_and_its_own_text_stays_known(retriever: HybridRetriever) -> None:
    passage = await passage_about("Telemetry > Enable", retriever)
    (joined,) = await Neighbours(retriever)([passage])
    assert joined.page_content == f"{ENABLE}\n\n### Disable\n\n{DISABLE}"
    assert joined.metadata["joined"] == [small_book.chunk_id(5)]
    assert joined.metadata["timings"]["retrieve"] > passage.metadata["timings"]["retrieve"]
    (source,) = Evidence(found=True, passages=[joined]).sources
    assert source["url"] == "/docs/telemetry#enable"
    assert "telemetry off" not in source["snippet"]


async def test_chunk_before_a_passage_comes_before_it(retriever: HybridRetriever) -> None:
    (joined,) = await Neighbours(retriever)([await passage_about("Telemetry > Disable", retriever)])
    assert joined.page_content == f"### Enable\n\n{ENABLE}\n\n### Disable\n\n{DISABLE}"


async def test_passages_side_by_side_are_not_told_twice(retriever: HybridRetriever) -> None:
    both = [await passage_about(f"Telemetry > {name}", retriever) for name in ("Enable", "Disable")]
    assert [each.page_content for each in await Neighbours(retriever)(both)] == [ENABLE, DISABLE]


async def test_budget_is_kept(retriever: HybridRetriever) -> None:
    passage = await passage_about("Telemetry > Enable", retriever)
    (alone,) = await Neighbours(retriever, budget=30)([passage])
    assert alone.page_content == ENABLE


async def test_collection_that_does_not_answer_costs_only_the_neighbours(
    retriever: HybridRetriever, tmp_path: Path
) -> None:
    passage = await passage_about("Telemetry > Enable", retriever)
    away = retriever.model_copy(update={"client": AsyncEdgeClient(EdgeClient(tmp_path))})  # closed
    assert [each.page_content for each in await Neighbours(away)([passage])] == [ENABLE]


async def test_passages_of_another_program_stay_as_they_are(retriever: HybridRetriever) -> None:
    foreign = [Document("Text.", metadata={"url": "/a"})]
    assert await Neighbours(retriever)(foreign) == foreign


def rebuilt(edge: EdgeClient, embeddings: LocalEmbeddings) -> None:
    """The same book with another text and another state of every page, in the place of a collection of the very name,
    which stays."""
    generations = find_generations(edge, small_book.NAME)
    made = create_generation(edge, generations, small_book.fingerprint(embeddings), "docs")
    records, _ = edge.scroll(small_book.NAME, limit=100, with_vectors=True)
    points = []
    for record in records:
        payload = record.payload or {}
        facts = payload["metadata"] | {"page_hash": "another state"}
        payload = {"page_content": f"{payload['page_content']} Anew.", "metadata": facts}
        points.append(models.PointStruct.model_construct(id=record.id, vector=record.vector, payload=payload))
    edge.upsert(made, points)
    activate(edge, generations, made)


async def test_neighbours_are_of_the_same_generation_as_their_passage(
    edge: EdgeClient, embeddings: LocalEmbeddings
) -> None:
    small_book.fill(edge, embeddings)
    retriever = HybridRetriever(client=AsyncEdgeClient(edge), collection=small_book.NAME, embeddings=embeddings)
    old = await passage_about("Telemetry > Enable", retriever)
    rebuilt(edge, embeddings)
    await retriever.look()
    assert [each.page_content for each in await Neighbours(retriever)([old])] == [ENABLE]
    new = await passage_about("Telemetry > Enable", retriever)
    (joined,) = await Neighbours(retriever)([new])
    assert joined.page_content == f"{ENABLE} Anew.\n\n### Disable\n\n{DISABLE} Anew."
