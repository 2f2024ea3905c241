"""Two runs side by side, and the bar that a run may not fall below."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chains.errors import EvaluationError
from chains.evaluation.baseline import check_baseline, write_baseline
from chains.evaluation.comparison import compare_runs, load_run, save_run
from chains.evaluation.metrics import EvalReport, Row


def run_of(values: list[float], metric: str = "ndcg@10") -> dict[str, Row]:
    return {str(number): {"question": f"{number}?", metric: value} for number, value in enumerate(values)}


def report_of(**metrics: float) -> EvalReport:
    named = {name.replace("_at_", "@"): value for name, value in metrics.items()}
    return EvalReport(questions=2, metrics=named, p50_ms=1, p95_ms=2, rows=run_of([0.5, 1.0]))


def test_difference_that_every_question_shows_is_clear() -> None:
    base = np.linspace(0, 0.8, 40)
    found = compare_runs(run_of(list(base + 0.1)), run_of(list(base)))["ndcg@10"]
    assert found.mean == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    assert found.is_clear


def test_interval_is_that_of_the_paired_mean() -> None:
    """Against the normal approximation; unpaired runs of such spread would give one five times as wide."""
    generator = np.random.default_rng(1)
    base = generator.uniform(size=400)
    deltas = generator.normal(0.0, 0.05, size=400)
    found = compare_runs(run_of(list(base + deltas)), run_of(list(base)))["ndcg@10"]
    half = 1.96 * deltas.std() / 20
    assert (found.low, found.high) == pytest.approx((deltas.mean() - half, deltas.mean() + half), abs=0.001)
    assert not found.is_clear


def test_only_common_questions_and_metrics_are_compared() -> None:
    here, there = run_of([1.0, 0.0]), run_of([1.0, 1.0, 1.0])
    there["1"]["question"] = "another"
    assert compare_runs(here, there)["ndcg@10"].questions == 1
    assert compare_runs(here, run_of([1.0, 1.0], "mrr@10")) == {}
    with pytest.raises(EvaluationError, match="no question in common"):
        compare_runs({}, there)


def test_saved_run_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    save_run(report_of(ndcg_at_10=0.75), path)
    assert load_run(path) == run_of([0.5, 1.0])
    path.write_text("[]")
    with pytest.raises(EvaluationError, match="--save"):
        load_run(path)


@pytest.mark.parametrize(
    ("bar", "complaint"),
    [
        ({"floor": 0.8}, "below 0.800, the floor"),
        ({"baseline": 0.9, "drop": 0.1}, "the baseline 0.900 less 0.100"),
        ({"baseline": 0.8, "drop": 0.05}, None),
        ({"floor": 0.75}, None),
    ],
)
def test_gate_names_what_fell(tmp_path: Path, bar: dict[str, float], complaint: str | None) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps({"ndcg@10": bar}))
    found = check_baseline(report_of(ndcg_at_10=0.75), path)
    assert found == [] if complaint is None else complaint in found[0]


def test_gate_does_not_pass_what_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"ndcg@10": {"floor": 0.5}}')
    assert check_baseline(report_of(ndcg_at_10=float("nan")), path)


def test_gate_does_not_pass_what_was_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"answer_contained": {"floor": 0.5}}')
    assert "was not measured" in check_baseline(report_of(ndcg_at_10=1.0), path)[0]


@pytest.mark.parametrize(
    "text",
    [
        *("{}", "[1]", "{broken", '{"ndcg@10": 0.7}', '{"ndcg@10": {"flor": 0.7}}'),
        '{"wrongly_refused": {"baseline": 0.02}}',
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=r"baseline\.json"):
        check_baseline(report_of(), path)


def test_baseline_keeps_the_floors_that_an_author_set(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(report_of(ndcg_at_10=0.75), path)
    stored = json.loads(path.read_text())
    stored["ndcg@10"]["floor"] = 0.6
    stored["answer_contained"] = {"floor": 0.5, "baseline": 0.8, "drop": 0.1}
    path.write_text(json.dumps(stored))
    write_baseline(report_of(ndcg_at_10=0.85), path)
    kept = {"ndcg@10": {"floor": 0.6, "baseline": 0.85, "drop": 0.03}, "answer_contained": stored["answer_contained"]}
    assert json.loads(path.read_text()) == kept, "what this run did not measure is not forgotten"
