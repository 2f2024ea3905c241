"""Rankings and judgements -> metrics, by trec_eval's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chains.errors import EvaluationError

DEPTH = 10
_NAMES = {
    "success_1": "hit@1",
    "success_3": "hit@3",
    "success_5": "hit@5",
    "success_10": "hit@10",
    "recall_10": "recall@10",
    "recip_rank": "mrr@10",
    "ndcg_cut_10": "ndcg@10",
}
_MEASURES = {"success.1,3,5,10", "recall.10", "recip_rank", "ndcg_cut.10"}


@dataclass(frozen=True)
class EvalReport:
    """Means over all questions; latency of a whole search, the embedding of the question included."""

    questions: int
    metrics: dict[str, float]
    p50_ms: float
    p95_ms: float
    missed: tuple[str, ...] = ()  # questions without a right passage in the first 5

    def as_dict(self) -> dict[str, Any]:
        """Keys: questions, hit@1, hit@3, hit@5, hit@10, recall@10, mrr@10, ndcg@10, p50_ms, p95_ms, missed."""
        latency = {"p50_ms": round(self.p50_ms, 2), "p95_ms": round(self.p95_ms, 2)}
        rounded = {name: round(value, 4) for name, value in self.metrics.items()}
        return {"questions": self.questions, **rounded, **latency, "missed": list(self.missed)}


def score_rankings(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Per question: its metrics. A ranking holds at most 10 ids, best first.

    Raises:
        EvaluationError: the library that computes them is not installed.
    """
    evaluator = _trec_eval().RelevanceEvaluator({name: dict(grades) for name, grades in relevant.items()}, _MEASURES)
    run = {
        name: {document: float(DEPTH - rank) for rank, document in enumerate(ranking[:DEPTH])}
        for name, ranking in rankings.items()
    }
    found = evaluator.evaluate(run)
    return {name: {ours: found.get(name, {}).get(theirs, 0.0) for theirs, ours in _NAMES.items()} for name in rankings}


def summarise(scores: Mapping[str, Mapping[str, float]], texts: Mapping[str, str], seconds: list[float]) -> EvalReport:
    p50, p95 = np.percentile(seconds, [50, 95]) * 1_000
    return EvalReport(
        questions=len(scores),
        metrics={name: float(np.mean([row[name] for row in scores.values()])) for name in _NAMES.values()},
        p50_ms=float(p50),
        p95_ms=float(p95),
        missed=tuple(texts[name] for name, row in scores.items() if not row["hit@5"]),
    )


def _trec_eval() -> Any:
    try:
        import pytrec_eval  # an extra: not needed to serve
    except ImportError as error:
        raise EvaluationError("The rank metrics need an extra: make setup") from error
    return pytrec_eval
