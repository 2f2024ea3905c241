"""Two runs of one question set, compared question by question."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chains.errors import EvaluationError
from chains.evaluation.answers import ANSWERS
from chains.evaluation.judging import JUDGED
from chains.evaluation.metrics import IN_CONTEXT, RANKING, EvalReport, Row

COMPARED = (*RANKING, IN_CONTEXT, *ANSWERS, *JUDGED)
RESAMPLES = 10_000
AT_ONCE = 500  # of 10,000 questions in 60 MB
LEVEL = 0.95
SEED = 20  # the same runs give the same intervals


@dataclass(frozen=True)
class Difference:
    """Of means, this run's minus the other's, with its interval by paired bootstrap over the questions of both."""

    here: float
    there: float
    low: float
    high: float
    questions: int

    @property
    def mean(self) -> float:
        return self.here - self.there

    @property
    def is_clear(self) -> bool:
        """The interval does not hold 0."""
        return self.low > 0 or self.high < 0


def save_run(report: EvalReport, path: Path) -> None:
    path.write_text(json.dumps({"summary": report.as_dict(), "rows": report.rows}, indent=1), encoding="utf-8")


def load_run(path: Path) -> dict[str, Row]:
    """
    Raises:
        EvaluationError: this is not what `save_run` wrote.
    """
    try:
        rows: dict[str, Row] = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return {name: dict(row) for name, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} is not a run that `docent eval --save` wrote: {error!r}") from error


def compare_runs(here: Mapping[str, Row], there: Mapping[str, Row]) -> dict[str, Difference]:
    """Every metric that both runs have, over the questions that have it in both.

    Raises:
        EvaluationError: they asked different questions.
    """
    ours, theirs = _by_question(here), _by_question(there)
    common = [question for question in ours if question in theirs]
    if not common:
        raise EvaluationError("The two runs have no question in common.")
    pairs = {name: _pairs(name, [(ours[each], theirs[each]) for each in common]) for name in COMPARED}
    return {name: _difference(values) for name, values in pairs.items() if len(values)}


def _by_question(rows: Mapping[str, Row]) -> dict[tuple[str, int], Row]:
    """Sets grow, and lines change their places; a question that is asked twice is the first and the second."""
    seen: Counter[str] = Counter()
    found = {}
    for row in rows.values():
        question = str(row["question"])
        found[question, seen[question]] = row
        seen[question] += 1
    return found


def _pairs(metric: str, rows: list[tuple[Row, Row]]) -> Any:
    both = [(here.get(metric), there.get(metric)) for here, there in rows]
    return np.array([(float(a), float(b)) for a, b in both if a is not None and b is not None])


def _difference(values: Any) -> Difference:
    generator = np.random.default_rng(SEED)
    deltas = values[:, 0] - values[:, 1]
    size = (AT_ONCE, len(deltas))
    means = [deltas[generator.integers(0, len(deltas), size)].mean(axis=1) for _ in range(RESAMPLES // AT_ONCE)]
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    here, there = values.mean(axis=0)
    return Difference(float(here), float(there), float(low), float(high), len(deltas))
