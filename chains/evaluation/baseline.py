"""What a change may not fall below: a baseline file that lies beside the question set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from chains.errors import EvaluationError
from chains.evaluation.metrics import LESS_IS_BETTER, EvalReport

WATCHED = ("hit@5", "mrr@10", "ndcg@10", "answer_contained", "citation_validity", "refusal_auroc")
DROP = 0.03  # allowed by default: with 100 questions a third of a standard error of hit@5


@dataclass(frozen=True)
class Bar:
    """The least that a metric may be: `floor`, and not more than `drop` below `baseline`."""

    floor: float = 0.0
    baseline: float = 0.0
    drop: float = DROP

    @property
    def least(self) -> float:
        return max(self.floor, self.baseline - self.drop)


def check_baseline(report: EvalReport, path: Path) -> list[str]:
    """What fell, a sentence each; nothing: the gate is passed.

    Raises:
        EvaluationError: the file is not a baseline.
    """
    complaints = []
    for name, bar in read_baseline(path).items():
        value = report.metrics.get(name)
        if value is None:
            complaints.append(f"{name} was not measured, and {path} asks for it")
        elif not round(value, 4) >= round(bar.least, 4):  # no number at all is not enough
            why = "the floor" if bar.least == bar.floor else f"the baseline {bar.baseline:.3f} less {bar.drop:.3f}"
            complaints.append(f"{name} is {value:.3f}, below {bar.least:.3f}, {why}")
    return complaints


def read_baseline(path: Path) -> dict[str, Bar]:
    try:
        stored: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        bars = {name: Bar(**{key: float(value) for key, value in bar.items()}) for name, bar in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"{path} is not a baseline ({error}). `docent eval --write-baseline` makes one."
        ) from error
    if not bars:
        raise EvaluationError(f"{path} asks for nothing: a gate without a metric passes everything.")
    if less := sorted(bars.keys() & LESS_IS_BETTER):
        raise EvaluationError(f"{path} asks for the least of {', '.join(less)}, of which less is better.")
    return bars


def write_baseline(report: EvalReport, path: Path) -> None:
    """What this run measured, with the floors and drops that the file has already; what it did not measure stays."""
    bars = read_baseline(path) if path.exists() else {name: Bar() for name in WATCHED if name in report.metrics}
    found = {
        name: asdict(replace(bar, baseline=round(report.metrics.get(name, bar.baseline), 4)))
        for name, bar in bars.items()
    }
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
