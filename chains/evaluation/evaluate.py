"""Ask the product's own retriever, and its own chain, every question of a set, and score what comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from langchain_core.documents import Document
from qdrant_client import models

from chains.evaluation.answers import ANSWERS, judge_answer
from chains.evaluation.beir import Progress, all_but, indexed
from chains.evaluation.beir_files import load_beir
from chains.evaluation.gold import holds
from chains.evaluation.metrics import (
    CONTEXT_WORDS,
    DEPTH,
    IN_CONTEXT,
    EvalReport,
    Row,
    auroc,
    means,
    score_rankings,
    summarise,
)
from chains.evaluation.questions import Question, load_questions
from chains.evaluation.stack import Parts, Stack, others_than
from chains.evidence import weigh_evidence
from chains.language import language_of
from chains.providers import PinnedEmbeddings
from chains.retriever import HybridRetriever

Asked = Callable[[int, int], None]  # questions asked so far, and in all
Others = Callable[[str, Sequence[Document]], models.Filter | None]  # all but what answers the question, of this name


async def evaluate_questions(
    path: Path, retriever: HybridRetriever, *, on_question: Asked | None = None, **parts: Unpack[Parts]
) -> EvalReport:
    """A question set in JSON Lines over the collection that `retriever` searches; answered by `model`, if given.

    Each address that is gold is one thing to be found: the first chunk at it is the right one, and further ones neither
    help nor harm. Without addresses it is the first chunk that answers.

    Raises:
        EvaluationError: the set is malformed, the extra `eval` is not installed, or the reranker does not answer.
        RetrievalUnavailable: the collection cannot be searched.
    """
    questions = {str(number): question for number, question in enumerate(load_questions(path))}
    asking = _Asking(Stack(retriever, **parts), lambda name, found: _other_pages(questions[name], found))
    await asking.ask(questions, on_question)
    relevant = {name: _right_chunks(questions[name], found) for name, found in asking.rankings.items()}
    return asking.report(relevant)


async def evaluate_beir(
    folder: Path,
    embeddings: PinnedEmbeddings,
    *,
    on_progress: Progress | None = None,
    on_question: Asked | None = None,
    **parts: Unpack[Parts],
) -> EvalReport:
    """A BEIR folder, in a temporary index: whole documents as chunks, by the product's own collection and retriever.

    Raises:
        EvaluationError: the folder is malformed, the extra `eval` is not installed, or the reranker does not answer.
    """
    beir = load_beir(folder)
    score_rankings({}, {})  # fails before the corpus is embedded, not after
    async with indexed(beir, embeddings, k=DEPTH, on_progress=on_progress) as retriever:
        asking = _Asking(Stack(retriever, **parts), lambda name, found: all_but(beir.relevant.get(name, {})))
        await asking.ask(beir.questions, on_question)
        return asking.report(beir.relevant)


class _Asking:
    """All questions of one set, one after the other."""

    def __init__(self, stack: Stack, others: Others) -> None:
        self._stack, self._others = stack, others
        self._questions: dict[str, Question] = {}
        self._rows: dict[str, Row] = {}
        self._seconds: list[float] = []
        self.rankings: dict[str, list[Document]] = {}

    async def ask(self, questions: dict[str, Question], on_question: Asked | None) -> None:
        self._questions = questions
        for done, (name, question) in enumerate(questions.items(), start=1):
            self._rows[name] = await self._ask(name, question)
            if self._stack.model is not None:
                self._rows[name] |= await judge_answer(question, self._stack)
            if on_question:
                on_question(done, len(questions))

    def report(self, relevant: dict[str, dict[str, int]]) -> EvalReport:
        names = {name: [_name(chunk) for chunk in found] for name, found in self.rankings.items()}
        scores = score_rankings(names, relevant)
        rows = {name: row | scores.get(name, {}) for name, row in self._rows.items()}
        texts = {name: question.text for name, question in self._questions.items()}
        report = summarise(scores, texts, self._seconds, rows)
        report.metrics.update(means(rows, [IN_CONTEXT, *ANSWERS]))
        report.metrics.update(_refusal(rows))
        return report

    async def _ask(self, name: str, question: Question) -> Row:
        started = time.perf_counter()
        found = await self._stack.search(question.query, max(DEPTH, self._stack.candidates))
        self._seconds.append(time.perf_counter() - started)
        row: Row = {"question": question.text, "ms": round(self._seconds[-1] * 1_000, 2)}
        strength = self._strength(question, found)
        if question.unanswerable:
            return row | {"strength_without": strength}
        self.rankings[name] = found[:DEPTH]
        row |= {"strength": strength, "strength_without": await self._without_gold(name, question, found)}
        if question.answers:
            words = " ".join(passage.page_content for passage in self._stack.choose(found)).split()
            row[IN_CONTEXT] = holds(" ".join(words[:CONTEXT_WORDS]), question.answers)
        return row

    async def _without_gold(self, name: str, question: Question, found: list[Document]) -> float | None:
        """How strong the evidence is once what answers the question is taken away; None: nothing does."""
        others = self._others(name, found)
        if others is None:
            return None
        return self._strength(question, await self._stack.search(question.query, self._stack.candidates, others))

    def _strength(self, question: Question, found: list[Document]) -> float | None:
        return weigh_evidence(self._stack.choose(found), language=language_of(question.text)).strength


def _refusal(rows: dict[str, Row]) -> dict[str, float]:
    """How well the gate's signal parts questions that can be answered from those that cannot: whose gold was taken away
    (`refusal_auroc_removed`), that the set calls unanswerable (`refusal_auroc_unanswerable`), and all of them."""
    above = [row["strength"] for row in rows.values() if row.get("strength") is not None]
    below = [(row["strength_without"], "strength" in row) for row in rows.values() if "strength_without" in row]
    kinds = {
        "refusal_auroc": [strength for strength, _ in below],
        "refusal_auroc_removed": [strength for strength, answerable in below if answerable],
        "refusal_auroc_unanswerable": [strength for strength, answerable in below if not answerable],
    }
    weak = {name: [strength for strength in each if strength is not None] for name, each in kinds.items()}
    return {name: auroc(above, each) for name, each in weak.items() if above and each}


def _name(chunk: Document) -> str:
    return str(chunk.metadata.get("chunk_id") or chunk.id)


def _right_chunks(question: Question, found: list[Document]) -> dict[str, int]:
    """What was not found stands under a name that no chunk has, and counts."""
    return {
        next((_name(chunk) for chunk in found if gold.is_answered_by(chunk)), f"none was found for gold {number}"): 1
        for number, gold in enumerate(question.golds)
    }


def _other_pages(question: Question, found: Sequence[Document]) -> models.Filter | None:
    """Whole pages: a neighbour of what answers often says the same."""
    pages = {chunk.metadata.get("page") for chunk in found if question.is_answered_by(chunk)}
    return others_than([chunk for chunk in found if chunk.metadata.get("page") in pages])
