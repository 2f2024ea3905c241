"""Thresholds that are measured on a collection with its author's questions, and kept in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import small_book

from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import EvaluationError
from chains.evaluation.calibrate import calibrate_collection, store_calibration
from chains.evaluation.stack import Stack
from chains.evidence import Thresholds, joint_strength, relevance_strength, weigh_evidence
from chains.providers.cohere_rerank import CohereRanker
from chains.providers.local_embeddings import LocalEmbeddings
from chains.rerank import Rerank
from chains.resilience import Guard
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

ASKED = {
    "limits.md": [
        "What is the torque limit of a joint?",
        "How do I reset the torque limits?",
        "Set the maximum torque",
    ],
    "install.md": ["Which Ubuntu does the controller need?", "How much memory is needed?", "How do I install armctl?"],
    "telemetry.md": ["How do I enable telemetry?", "Which port does telemetry use?", "How do I disable telemetry?"],
    "camera.md": ["How do I calibrate the camera?", "How do I fix the exposure?", "How long does calibration take?"],
}


def question_set(folder: Path, times: int) -> Path:
    rows = [{"question": question, "page": page} for page, asked in ASKED.items() for question in asked]
    path = folder / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows * times)))
    return path


@asynccontextmanager
async def reranking(key: ProviderKey, model: str = "rerank-v4.0-fast") -> AsyncIterator[Rerank]:
    facts = {"cohere_api_key": key.key, "cohere_base_url": key.cohere_url, "cohere_rerank_model": model}
    ranker = CohereRanker(ChainSettings.model_validate(facts))
    try:
        yield Rerank(ranker, Guard(), keep=30)
    finally:
        await ranker.aclose()


async def test_calibrated_thresholds_part_what_the_book_answers_from_what_it_does_not(
    retriever: HybridRetriever, tmp_path: Path
) -> None:
    found = await calibrate_collection(question_set(tmp_path, times=2), retriever)
    assert set(found) == {"together", "cosine", "coverage"}
    assert found["together"].auroc > 0.9
    assert found["together"].refused > 0.5
    assert found["together"].refused >= found["cosine"].refused - 0.1


async def test_thresholds_are_kept_in_the_collection_and_decide(
    edge: EdgeClient, embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    small_book.fill(edge, embeddings)
    retriever = HybridRetriever(client=AsyncEdgeClient(edge), collection=small_book.NAME, embeddings=embeddings)
    asked = "What is the torque limit of a joint?"
    before = await retriever.ainvoke(asked)
    assert Thresholds(**before[0].metadata["thresholds"]) == Thresholds()
    found = await calibrate_collection(question_set(tmp_path, times=2), retriever)

    await store_calibration(found, retriever)
    await retriever.look()

    passages = await retriever.ainvoke(asked)
    assert passages[0].metadata["thresholds"]["together"] == found["together"].threshold
    assert weigh_evidence(passages).found
    edge.update_collection(retriever.collection, metadata={"docent_gate": {"together": 0.99}})
    await retriever.look()
    assert not weigh_evidence(await retriever.ainvoke("Why do joints have limits?")).found


async def test_too_few_questions_make_no_threshold(retriever: HybridRetriever, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="12 of the 12 questions"):
        await calibrate_collection(question_set(tmp_path, times=1), retriever)


async def test_question_without_an_answer_in_the_book_says_nothing(retriever: HybridRetriever, tmp_path: Path) -> None:
    path = question_set(tmp_path, times=2)
    expected = await calibrate_collection(path, retriever)
    path.write_text(path.read_text() + '\n{"question": "What is the boiling point of tin?", "page": "chemistry.md"}')
    assert await calibrate_collection(path, retriever) == expected


async def test_rerankers_threshold_is_measured_kept_with_its_model_and_decides(
    edge: EdgeClient, embeddings: LocalEmbeddings, provider_key: ProviderKey, tmp_path: Path
) -> None:
    small_book.fill(edge, embeddings)
    retriever = HybridRetriever(client=AsyncEdgeClient(edge), collection=small_book.NAME, embeddings=embeddings)
    async with reranking(provider_key) as rerank, reranking(provider_key, "rerank-v4.0-pro") as other:
        found = await calibrate_collection(question_set(tmp_path, times=2), retriever, rerank)
        assert set(found) == {"together", "cosine", "coverage", "relevance"}
        assert found["relevance"].auroc > 0.8

        await store_calibration(found, retriever, rerank)
        await retriever.look()
        passages = await retriever.ainvoke("What is the torque limit of a joint?")
        limits = Thresholds(**passages[0].metadata["thresholds"])
        assert (limits.relevance, limits.ranker) == (found["relevance"].threshold, "cohere/rerank-v4.0-fast")
        ranked = await rerank("What is the torque limit of a joint?", passages)
        assert weigh_evidence(ranked).strength == relevance_strength(ranked)
        ranked = await other("What is the torque limit of a joint?", passages)
        assert weigh_evidence(ranked).strength == joint_strength(ranked)


async def test_reranker_that_does_not_answer_makes_no_threshold(
    retriever: HybridRetriever, provider_key: ProviderKey
) -> None:
    provider_key.fail("status", "cohere.rerank", status=503, times=9)
    async with reranking(provider_key) as rerank:
        stack = Stack(retriever, rerank=rerank, pauses=(0.0,))
        with pytest.raises(EvaluationError, match="reranker does not answer"):
            await stack.search("What is the torque limit of a joint?", 5)
