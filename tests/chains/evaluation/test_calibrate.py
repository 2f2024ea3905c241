"""Thresholds that are measured on a collection with its author's questions, and kept in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_book

from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import EvaluationError
from chains.evaluation.calibrate import calibrate_collection, store_calibration
from chains.evidence import Thresholds, weigh_evidence
from chains.providers.local_embeddings import LocalEmbeddings
from chains.retriever import HybridRetriever

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
