"""Rankings and judgements -> metrics, by trec_eval's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chains.errors import EvaluationError

DEPTH = 20
# trec_eval's name, ours, and how many places of the ranking it sees.
_METRICS = (
    ("success_1", "hit@1", 10),
    ("success_3", "hit@3", 10),
    ("success_5", "hit@5", 10),
    ("success_10", "hit@10", 10),
    ("P_3", "precision@3", 10),
    ("recall_3", "recall@3", 10),
    ("recall_5", "recall@5", 10),
    ("recall_10", "recall@10", 10),
    ("recall_20", "recall@20", 20),
    ("recip_rank", "mrr@3", 3),
    ("recip_rank", "mrr@10", 10),
    ("ndcg_cut_10", "ndcg@10", 10),
)
_MEASURES = {"success.1,3,5,10", "P.3", "recall.3,5,10,20", "recip_rank", "ndcg_cut.10"}
CONTEXT_WORDS = 400
IN_CONTEXT = f"answer_in_{CONTEXT_WORDS}_words"
LESS_IS_BETTER = frozenset({"wrongly_refused", "answer_ms"})
RANKING = tuple(name for _, name, _ in _METRICS)

Row = dict[str, Any]


@dataclass(frozen=True)
class EvalReport:
    """Means over all questions; latency of a whole search, the embedding of the question included.

    `rows`: by question, its metrics and what was seen of it; what does not apply to it is absent.
    """

    questions: int
    metrics: dict[str, float]
    p50_ms: float
    p95_ms: float
    missed: tuple[str, ...] = ()  # questions without a right passage in the first 5
    rows: dict[str, Row] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Keys: questions, those of RANKING, what else was measured, p50_ms, p95_ms, missed."""
        latency = {"p50_ms": round(self.p50_ms, 2), "p95_ms": round(self.p95_ms, 2)}
        rounded = {name: round(value, 4) for name, value in self.metrics.items()}
        return {"questions": self.questions, **rounded, **latency, "missed": list(self.missed)}


def score_rankings(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Per question: its metrics. A ranking holds at most 20 ids, best first.

    Raises:
        EvaluationError: the library that computes them is not installed.
    """
    evaluator = _trec_eval().RelevanceEvaluator({name: dict(grades) for name, grades in relevant.items()}, _MEASURES)
    found = {depth: evaluator.evaluate(_run(rankings, depth)) for depth in (3, 10, DEPTH)}
    return {
        name: {ours: found[depth].get(name, {}).get(theirs, 0.0) for theirs, ours, depth in _METRICS}
        for name in rankings
    }


def summarise(
    scores: Mapping[str, Mapping[str, float]],
    texts: Mapping[str, str],
    seconds: list[float],
    rows: Mapping[str, Row] | None = None,
) -> EvalReport:
    """`rows` are the same questions and others, with all that was seen of them."""
    p50, p95 = np.percentile(seconds, [50, 95]) * 1_000
    return EvalReport(
        questions=len(rows or scores),
        metrics=means(scores, RANKING),
        p50_ms=float(p50),
        p95_ms=float(p95),
        missed=tuple(texts[name] for name, row in scores.items() if not row["hit@5"]),
        rows={name: dict(row) for name, row in (rows or scores).items()},
    )


def means(rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, float]:
    """Of the rows that have the metric; a metric that no row has is absent."""
    held = {name: [float(row[name]) for row in rows.values() if row.get(name) is not None] for name in names}
    return {name: float(np.mean(values)) for name, values in held.items() if values}


def auroc(above: Sequence[float] | NDArray[np.float64], below: Sequence[float] | NDArray[np.float64]) -> float:
    """How often one of the first is greater than one of the second; a tie is half."""
    high, low = np.asarray(above), np.sort(np.asarray(below))
    beaten = np.searchsorted(low, high, side="left") + np.searchsorted(low, high, side="right")
    return float(beaten.mean() / (2 * len(low)))


def _run(rankings: Mapping[str, Sequence[str]], depth: int) -> dict[str, dict[str, float]]:
    return {
        name: {document: float(depth - rank) for rank, document in enumerate(ranking[:depth])}
        for name, ranking in rankings.items()
    }


def _trec_eval() -> Any:
    try:
        import pytrec_eval  # an extra: not needed to serve
    except ImportError as error:
        raise EvaluationError("The rank metrics need the package pytrec-eval-terrier: make setup") from error
    return pytrec_eval
