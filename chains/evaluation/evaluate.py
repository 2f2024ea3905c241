"""Ask the product's own retriever every question of a set, and score what it finds."""

from __future__ import annotations

import time
from pathlib import Path

from langchain_core.documents import Document

from chains.evaluation.beir import Progress, indexed, load_beir
from chains.evaluation.metrics import DEPTH, EvalReport, score_rankings, summarise
from chains.evaluation.questions import Question, load_questions
from chains.providers import PinnedEmbeddings
from chains.retriever import HybridRetriever


async def evaluate_questions(path: Path, retriever: HybridRetriever) -> EvalReport:
    """A question set in JSON Lines over the collection that `retriever` searches.

    A question has one right chunk: the first that answers it. Further ones neither help nor harm.

    Raises:
        EvaluationError: the set is malformed, or the extra `eval` is not installed.
        RetrievalUnavailable: the collection cannot be searched.
    """
    questions = {str(number): question for number, question in enumerate(load_questions(path))}
    rankings, seconds = await _rank({name: question.text for name, question in questions.items()}, retriever)
    relevant = {name: {_right_chunk(question, rankings[name]): 1} for name, question in questions.items()}
    scores = score_rankings(_names(rankings), relevant)
    return summarise(scores, {name: question.text for name, question in questions.items()}, seconds)


async def evaluate_beir(
    folder: Path, embeddings: PinnedEmbeddings, *, on_progress: Progress | None = None
) -> EvalReport:
    """A BEIR folder, in a temporary index: whole documents as chunks, by the product's own collection and retriever.

    Raises:
        EvaluationError: the folder is malformed, or the extra `eval` is not installed.
    """
    beir = load_beir(folder)
    score_rankings({}, {})  # fails before the corpus is embedded, not after
    judged = {name: text for name, text in beir.queries.items() if name in beir.relevant}
    async with indexed(beir, embeddings, k=DEPTH, on_progress=on_progress) as retriever:
        rankings, seconds = await _rank(judged, retriever)
    scores = score_rankings(_names(rankings), beir.relevant)
    return summarise(scores, judged, seconds)


async def _rank(questions: dict[str, str], retriever: HybridRetriever) -> tuple[dict[str, list[Document]], list[float]]:
    rankings, seconds = {}, []
    for name, text in questions.items():
        started = time.perf_counter()
        rankings[name] = await retriever.ainvoke(text, k=DEPTH)
        seconds.append(time.perf_counter() - started)
    return rankings, seconds


def _names(rankings: dict[str, list[Document]]) -> dict[str, list[str]]:
    return {question: [_name(chunk) for chunk in found] for question, found in rankings.items()}


def _name(chunk: Document) -> str:
    return str(chunk.metadata.get("chunk_id") or chunk.id)


def _right_chunk(question: Question, found: list[Document]) -> str:
    return next((_name(chunk) for chunk in found if question.is_answered_by(chunk)), "none was found")
