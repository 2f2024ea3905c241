"""Passages with what stands around them."""

from __future__ import annotations

import pytest
import small_book
from langchain_core.documents import Document

from chains.evidence import Evidence
from chains.neighbours import Neighbours
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


async def test_collection_that_does_not_answer_costs_only_the_neighbours(retriever: HybridRetriever) -> None:
    passage = await passage_about("Telemetry > Enable", retriever)
    away = retriever.model_copy(update={"collection": "absent"})
    assert [each.page_content for each in await Neighbours(away)([passage])] == [ENABLE]


async def test_passages_of_another_program_stay_as_they_are(retriever: HybridRetriever) -> None:
    foreign = [Document("Text.", metadata={"url": "/a"})]
    assert await Neighbours(retriever)(foreign) == foreign
