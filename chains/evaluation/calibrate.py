"""Where the gate's thresholds come from: `python -m chains.evaluation.calibrate BEIR_FOLDER`, and for a collection of
one's own `docent eval QUESTIONS --calibrate`, which writes them into its metadata.

Every judged question is asked twice: of the whole corpus, and of the corpus without the documents that answer it. The
threshold refuses 5 % of the first kind. On XQuAD-en (1,190 questions, MiniLM in int8), in two minutes of one core:
together .432, AUROC .933, 69 % of the unanswerable refused; cosine alone .330, AUROC .798, 28 %; coverage alone .439,
AUROC .930, 68 %.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from qdrant_client import models

from chains.collection_state import GATE
from chains.errors import EvaluationError, RetrievalUnavailable
from chains.evaluation.beir import all_but, indexed
from chains.evaluation.beir_files import load_beir
from chains.evaluation.metrics import auroc
from chains.evaluation.questions import Question, load_questions
from chains.evaluation.stack import Stack, others_than
from chains.evidence import cosine_strength, coverage_strength, joint_strength, relevance_strength
from chains.passages import CANDIDATES, choose_passages
from chains.providers import PinnedEmbeddings, embeddings
from chains.remote_qdrant import CLIENT_ERRORS
from chains.rerank import Rerank
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings

Strengths = dict[str, float]  # by the field of `chains.evidence.Thresholds`

SIGNALS = ("together", "cosine", "coverage", "relevance")
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
    async with indexed(beir, embeddings, k=SEARCHED) as retriever:
        stack = Stack(retriever)
        asked = [(beir.questions[name].query, all_but(gold)) for name, gold in beir.relevant.items()]
        with_gold = [await _ask(query, stack) for query, _ in asked]
        without = [await _ask(query, stack, others) for query, others in asked]
    return _by_field(with_gold, without)


async def calibrate_collection(
    path: Path, retriever: HybridRetriever, rerank: Rerank | None = None
) -> dict[str, Calibration]:
    """Thresholds for the collection that `retriever` searches, by a question set of its own pages; with a reranker also
    one for its scores, which costs two of its calls a question.

    A question is asked again without every page that answers it. One that finds no answer among the first 50 passages
    says nothing about the gate and is left aside; one that the set calls unanswerable is asked once.

    Raises:
        EvaluationError: the set is malformed, fewer than 20 of its questions find their answer, or the reranker does
            not answer.
        RetrievalUnavailable: the collection cannot be searched.
    """
    questions, stack = load_questions(path), Stack(retriever, rerank=rerank)
    answered: list[Strengths] = []
    unanswered = [await _ask(question.query, stack) for question in questions if question.unanswerable]
    for question in questions:
        if others := await _others(question, retriever):
            answered.append(await _ask(question.query, stack))
            unanswered.append(await _ask(question.query, stack, others))
    if len(answered) < LEAST_QUESTIONS:
        raise EvaluationError(
            f"{len(answered)} of the {len(questions)} questions in {path} find what answers them. A threshold needs "
            f"{LEAST_QUESTIONS} at least."
        )
    return _by_field(answered, unanswered)


async def store_calibration(
    found: dict[str, Calibration], retriever: HybridRetriever, rerank: Rerank | None = None
) -> None:
    """Into the collection's metadata, where every retriever reads it at its next look. The threshold of `relevance`
    holds for the model of `rerank` alone, and is kept with its name.

    Raises:
        RetrievalUnavailable: the index does not take it.
    """
    thresholds: dict[str, float | str] = {name: calibration.threshold for name, calibration in found.items()}
    if rerank is not None and "relevance" in found:
        thresholds["ranker"] = rerank.identity
    try:
        await retriever.client.update_collection(retriever.searched, metadata={GATE: thresholds})
    except CLIENT_ERRORS as error:
        raise RetrievalUnavailable from error


async def _others(question: Question, retriever: HybridRetriever) -> models.Filter | None:
    """All but the pages that answer; None: none was found that does."""
    found = await retriever.ainvoke(question.query, k=SEARCHED)
    pages = {_page(passage) for passage in found if question.is_answered_by(passage)}
    return others_than([passage for passage in found if _page(passage) in pages])


async def _ask(query: str, stack: Stack, among: models.Filter | None = None) -> Strengths:
    """The gate's signals, those of the search before the reranker's: they decide where it does not answer."""
    found = await stack.retriever.ainvoke(query, k=stack.candidates, filter=among)
    chosen, ranked = choose_passages(found[:CANDIDATES]), await stack.rank(query, found)
    held = {
        "together": joint_strength(chosen),
        "cosine": cosine_strength(chosen),
        "coverage": coverage_strength(chosen),
        "relevance": relevance_strength(ranked),
    }
    return {name: strength for name, strength in held.items() if strength is not None}


def _page(passage: Document) -> str:
    facts = passage.metadata
    return str(facts.get("page") or facts.get("page_url") or facts.get("url") or passage.id).partition("#")[0]


def _by_field(answered: Sequence[Strengths], unanswered: Sequence[Strengths]) -> dict[str, Calibration]:
    """For each signal that there is: a collection that another program filled has no coverage."""
    both = {
        name: [np.array([each[name] for each in asked if name in each]) for asked in (answered, unanswered)]
        for name in SIGNALS
    }
    return {name: _calibrated(*strengths) for name, strengths in both.items() if all(map(len, strengths))}


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
