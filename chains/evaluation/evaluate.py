"""Ask the product's own retriever, and its own chain, every question of a set, and score what comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import Runnable
from qdrant_client import models

from chains.evaluation.answers import ANSWERS, judge_answer
from chains.evaluation.beir import Progress, indexed, load_beir, point_id
from chains.evaluation.metrics import DEPTH, EvalReport, Row, auroc, means, score_rankings, summarise
from chains.evaluation.questions import Question, holds, load_questions
from chains.evidence import weigh_evidence
from chains.language import language_of
from chains.passages import CANDIDATES, choose_passages
from chains.providers import PinnedEmbeddings
from chains.retriever import HybridRetriever

CONTEXT_WORDS = 400

Model = Runnable[Any, Any]
Asked = Callable[[int, int], None]  # questions asked so far, and in all
Gold = Callable[[str, Sequence[Document]], list[Any]]  # the points to be taken away, for a question without an answer


async def evaluate_questions(
    path: Path, retriever: HybridRetriever, *, model: Model | None = None, on_question: Asked | None = None
) -> EvalReport:
    """A question set in JSON Lines over the collection that `retriever` searches; answered by `model`, if given.

    A question has one right chunk: the first that answers it. Further ones neither help nor harm.

    Raises:
        EvaluationError: the set is malformed, or the extra `eval` is not installed.
        RetrievalUnavailable: the collection cannot be searched.
    """
    questions = {str(number): question for number, question in enumerate(load_questions(path))}
    asking = _Asking(retriever, model, lambda name, found: _page_of_gold(questions[name], found))
    await asking.ask(questions, on_question)
    relevant = {name: {_right_chunk(questions[name], found): 1} for name, found in asking.rankings.items()}
    return asking.report(relevant)


async def evaluate_beir(
    folder: Path,
    embeddings: PinnedEmbeddings,
    *,
    model: Model | None = None,
    on_progress: Progress | None = None,
    on_question: Asked | None = None,
) -> EvalReport:
    """A BEIR folder, in a temporary index: whole documents as chunks, by the product's own collection and retriever.

    Raises:
        EvaluationError: the folder is malformed, or the extra `eval` is not installed.
    """
    beir = load_beir(folder)
    score_rankings({}, {})  # fails before the corpus is embedded, not after
    async with indexed(beir, embeddings, k=DEPTH, on_progress=on_progress) as retriever:
        gold = {name: [point_id(document) for document in grades] for name, grades in beir.relevant.items()}
        asking = _Asking(retriever, model, lambda name, found: list(gold[name]))
        await asking.ask(beir.questions, on_question)
        return asking.report(beir.relevant)


class _Asking:
    """All questions of one set, one after the other."""

    def __init__(self, retriever: HybridRetriever, model: Model | None, gold: Gold) -> None:
        self._retriever, self._model, self._gold = retriever, model, gold
        self._questions: dict[str, Question] = {}
        self._rows: dict[str, Row] = {}
        self._seconds: list[float] = []
        self.rankings: dict[str, list[Document]] = {}

    async def ask(self, questions: dict[str, Question], on_question: Asked | None) -> None:
        self._questions = questions
        for done, (name, question) in enumerate(questions.items(), start=1):
            self._rows[name] = await self._ask(name, question)
            if self._model is not None:
                self._rows[name] |= await judge_answer(question, self._retriever, self._model)
            if on_question:
                on_question(done, len(questions))

    def report(self, relevant: dict[str, dict[str, int]]) -> EvalReport:
        names = {name: [_name(chunk) for chunk in found] for name, found in self.rankings.items()}
        scores = score_rankings(names, relevant)
        rows = {name: row | scores.get(name, {}) for name, row in self._rows.items()}
        texts = {name: question.text for name, question in self._questions.items()}
        report = summarise(scores, texts, self._seconds, rows)
        report.metrics.update(means(rows, [f"answer_in_{CONTEXT_WORDS}_words", *ANSWERS]))
        report.metrics.update(_refusal(rows))
        return report

    async def _ask(self, name: str, question: Question) -> Row:
        started = time.perf_counter()
        found = await self._retriever.ainvoke(question.query, k=DEPTH)
        self._seconds.append(time.perf_counter() - started)
        row: Row = {"question": question.text, "ms": round(self._seconds[-1] * 1_000, 2)}
        strength = _strength(question, found)
        if question.unanswerable:
            return row | {"strength_without": strength}
        self.rankings[name] = found
        row |= {"strength": strength, "strength_without": await self._without_gold(name, question, found)}
        if question.answers:
            words = " ".join(passage.page_content for passage in choose_passages(found[:CANDIDATES])).split()
            row[f"answer_in_{CONTEXT_WORDS}_words"] = holds(" ".join(words[:CONTEXT_WORDS]), question.answers)
        return row

    async def _without_gold(self, name: str, question: Question, found: list[Document]) -> float | None:
        """How strong the evidence is once what answers the question is taken away; None: nothing does."""
        gold = self._gold(name, found)
        if not gold:
            return None
        others = models.Filter(must_not=[models.HasIdCondition(has_id=gold)])
        return _strength(question, await self._retriever.ainvoke(question.query, k=CANDIDATES, filter=others))


def _strength(question: Question, found: list[Document]) -> float | None:
    chosen = choose_passages(found[:CANDIDATES])
    return weigh_evidence(chosen, language=language_of(question.text)).strength


def _refusal(rows: dict[str, Row]) -> dict[str, float]:
    """How well the gate's signal parts questions that can be answered from those that cannot."""
    kinds = ("strength", "strength_without")
    with_gold, without = ([row[kind] for row in rows.values() if row.get(kind) is not None] for kind in kinds)
    return {"refusal_auroc": auroc(with_gold, without)} if with_gold and without else {}


def _name(chunk: Document) -> str:
    return str(chunk.metadata.get("chunk_id") or chunk.id)


def _right_chunk(question: Question, found: list[Document]) -> str:
    return next((_name(chunk) for chunk in found if question.is_answered_by(chunk)), "none was found")


def _page_of_gold(question: Question, found: Sequence[Document]) -> list[Any]:
    """All the chunks found of the pages that answer: a neighbour often says the same."""
    pages = {chunk.metadata.get("page") for chunk in found if question.is_answered_by(chunk)}
    return [chunk.id for chunk in found if chunk.metadata.get("page") in pages]
