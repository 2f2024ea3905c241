"""Where the gate's thresholds come from: `python -m chains.evaluation.calibrate BEIR_FOLDER`, and for a collection of
one's own `docent eval QUESTIONS --calibrate`, which writes them into its metadata.

Every judged question is asked twice: of the whole corpus, and of the corpus without the documents that answer it. The
threshold refuses 5 % of the first kind. On XQuAD-en (1,190 questions, MiniLM in int8), in two minutes of one core:
together .445, AUROC .941, 74 % of the unanswerable refused; cosine alone .330, AUROC .798, 28 %; coverage alone, on
every third question, .444, AUROC .930, 67 %.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from qdrant_client import models

from chains.collection_state import GATE
from chains.errors import EvaluationError, RetrievalUnavailable
from chains.evaluation.beir import BeirSet, indexed, load_beir, point_id
from chains.evaluation.metrics import auroc
from chains.evaluation.questions import Question, load_questions
from chains.evidence import cosine_strength, coverage_strength, joint_strength
from chains.passages import PASSAGES
from chains.providers import PinnedEmbeddings, embeddings
from chains.remote_qdrant import CLIENT_ERRORS
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings

Strength = Callable[[Sequence[Document]], float | None]

FALSE_REFUSALS = 0.05
LEAST_QUESTIONS = 20  # below that, 5 % is less than one question
SEARCHED = 50  # passages among which those that answer are looked for, to be taken away


@dataclass(frozen=True)
class Calibration:
    """`refused`: the share of questions below `threshold` once the passages that answer them are taken away."""

    threshold: float
    auroc: float
    refused: float


async def calibrate(folder: Path, embeddings: PinnedEmbeddings) -> dict[str, Calibration]:
    """Thresholds for the gate, by name of the field in `chains.evidence.Thresholds`."""
    beir = load_beir(folder)
    async with indexed(beir, embeddings, k=PASSAGES) as retriever:
        with_gold = [await retriever.ainvoke(beir.queries[name]) for name in beir.relevant]
        without = [await _ask_without_gold(name, beir, retriever) for name in beir.relevant]
    return _by_field(with_gold, without)


async def calibrate_collection(path: Path, retriever: HybridRetriever) -> dict[str, Calibration]:
    """Thresholds for the collection that `retriever` searches, by a question set of its own pages.

    A question is asked again without every page that answers it. One that finds no answer among the first 50 passages
    says nothing about the gate and is left aside.

    Raises:
        EvaluationError: the set is malformed, or fewer than 20 of its questions find their answer.
        RetrievalUnavailable: the collection cannot be searched.
    """
    questions = load_questions(path)
    asked = [pair for question in questions if (pair := await _ask_twice(question, retriever))]
    if len(asked) < LEAST_QUESTIONS:
        raise EvaluationError(
            f"{len(asked)} of the {len(questions)} questions in {path} find what answers them. A threshold needs "
            f"{LEAST_QUESTIONS} at least."
        )
    return _by_field([found for found, _ in asked], [without for _, without in asked])


async def store_calibration(found: dict[str, Calibration], retriever: HybridRetriever) -> None:
    """Into the collection's metadata, where every retriever reads it at its next look.

    Raises:
        RetrievalUnavailable: the index does not take it.
    """
    thresholds = {name: calibration.threshold for name, calibration in found.items()}
    try:
        await retriever.client.update_collection(retriever.searched, metadata={GATE: thresholds})
    except CLIENT_ERRORS as error:
        raise RetrievalUnavailable from error


async def _ask_twice(question: Question, retriever: HybridRetriever) -> tuple[list[Document], list[Document]] | None:
    found = await retriever.ainvoke(question.query, k=SEARCHED)
    pages = {_page(passage) for passage in found if question.is_answered_by(passage)}
    if not pages:
        return None
    gold: list[int | str | UUID] = [_point_id(passage) for passage in found if _page(passage) in pages]
    others = models.Filter(must_not=[models.HasIdCondition(has_id=gold)])
    return found[:PASSAGES], await retriever.ainvoke(question.query, k=PASSAGES, filter=others)


def _page(passage: Document) -> str:
    facts = passage.metadata
    return str(facts.get("page") or facts.get("page_url") or facts.get("url") or passage.id).partition("#")[0]


def _point_id(passage: Document) -> int | str:
    name = str(passage.id)
    return int(name) if name.isdigit() else name


async def _ask_without_gold(name: str, beir: BeirSet, retriever: HybridRetriever) -> list[Document]:
    gold = models.HasIdCondition(has_id=[point_id(document) for document in beir.relevant[name]])
    return await retriever.ainvoke(beir.queries[name], filter=models.Filter(must_not=[gold]))


def _by_field(with_gold: list[list[Document]], without: list[list[Document]]) -> dict[str, Calibration]:
    """For each signal that the passages have: a collection that another program filled has no coverage."""
    signals = {"together": joint_strength, "cosine": cosine_strength, "coverage": coverage_strength}
    strengths = {name: (_strengths(with_gold, of), _strengths(without, of)) for name, of in signals.items()}
    return {name: _calibrated(*both) for name, both in strengths.items() if all(map(len, both))}


def _strengths(found: list[list[Document]], strength: Strength) -> NDArray[np.float64]:
    return np.array([value for passages in found if (value := strength(passages)) is not None])


def _calibrated(answerable: NDArray[np.float64], unanswerable: NDArray[np.float64]) -> Calibration:
    threshold = float(np.quantile(answerable, FALSE_REFUSALS))
    return Calibration(
        threshold=round(threshold, 4),
        auroc=round(auroc(answerable, unanswerable), 4),
        refused=round(float((unanswerable < threshold).mean()), 4),
    )


def main() -> None:
    found = asyncio.run(calibrate(Path(sys.argv[1]), embeddings(ChainSettings.load())))
    sys.stdout.write(json.dumps({name: asdict(value) for name, value in found.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
