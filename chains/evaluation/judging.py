"""Faithfulness and relevance of answers, judged by a model through ragas, which is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from chains.errors import EvaluationError
from chains.evaluation.metrics import Row
from chains.providers import PinnedEmbeddings

# ragas 0.4.3 imports a module that langchain-community 0.4.2 has not.
INSTALL = "pip install 'ragas>=0.4' 'langchain-community<0.4.2'"
JUDGED = ("faithfulness", "answer_relevancy")


def require_ragas() -> None:
    """
    Raises:
        EvaluationError: it is not installed.
    """
    _ragas()


async def judge_rows(rows: Mapping[str, Row], model: Any, embeddings: PinnedEmbeddings) -> dict[str, float]:
    """Means of both over the questions that were answered; each row gets its own. `model` is a LangChain chat model.

    Raises:
        EvaluationError: ragas is not installed, or nothing was answered.
    """
    sample, scorers = _scorers(model, embeddings)
    answered = [row for row in rows.values() if row.get("answer") and row.get("outcome") == "answered"]
    if not answered:
        raise EvaluationError("Nothing was answered, so there is nothing to judge.")
    for row in answered:
        asked = sample(user_input=row["question"], response=row["answer"], retrieved_contexts=row["contexts"])
        for name, scorer in scorers.items():
            row[name] = float(await scorer.single_turn_ascore(asked))
    return {name: float(np.nanmean([row[name] for row in answered])) for name in JUDGED}


def _scorers(model: Any, embeddings: PinnedEmbeddings) -> tuple[Any, dict[str, Any]]:
    ragas, metrics, llms, vectors = _ragas()
    judge = llms.LangchainLLMWrapper(model, bypass_n=True)  # Gemini refuses several answers in one request
    by_name = {
        "faithfulness": metrics.Faithfulness(llm=judge),
        "answer_relevancy": metrics.ResponseRelevancy(
            llm=judge, embeddings=vectors.LangchainEmbeddingsWrapper(embeddings)
        ),
    }
    return ragas.SingleTurnSample, by_name


def _ragas() -> tuple[Any, Any, Any, Any]:
    try:
        names = ("ragas", "ragas.metrics", "ragas.llms", "ragas.embeddings")
        ragas, metrics, llms, embeddings = map(import_module, names)
    except ImportError as error:
        raise EvaluationError(f"A judge needs the package ragas ({error}): {INSTALL}") from error
    return ragas, metrics, llms, embeddings
