"""A run as one HTML file: figures, plots, and every question that went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

from chains.errors import EvaluationError
from chains.evaluation.comparison import Difference
from chains.evaluation.metrics import RANKING, EvalReport

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.25rem .6rem;text-align:start}
td.n{text-align:right;font-variant-numeric:tabular-nums}figure{display:inline-block;margin:0 1rem 1rem 0}
figcaption{font-size:.9rem;color:#555}"""
_SUPPORT = (
    "Citation validity says that a marker names a source and that its quote stands in it. It does not say that the "
    "quote supports the sentence: negations and wrong attributions are not seen."
)


def write_report(
    report: EvalReport, path: Path, *, title: str, against: Mapping[str, Difference] | None = None
) -> None:
    """
    Raises:
        EvaluationError: the library that draws is not installed.
    """
    parts = [
        f"<h1>{escape(title)}</h1><p>{report.questions} questions.</p>",
        _figures(report),
        _comparison(against) if against else "",
        f"<h2>Plots</h2>{''.join(_plots(report, against))}",
        _questions(report),
        f"<p>{_SUPPORT}</p>",
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    path.write_text(f"{head}<body>{''.join(parts)}</body></html>\n", encoding="utf-8")


def _figures(report: EvalReport) -> str:
    values = {**report.metrics, "p50_ms": report.p50_ms, "p95_ms": report.p95_ms}
    return _table(("metric", "value"), [(name, f"{value:.3f}") for name, value in values.items()])


def _comparison(against: Mapping[str, Difference]) -> str:
    rows = [
        (
            name, f"{each.here:.3f}", f"{each.there:.3f}", f"{each.mean:+.3f}",
            f"[{each.low:+.3f}, {each.high:+.3f}]", "clear" if each.is_clear else "", str(each.questions),
        )
        for name, each in against.items()
    ]  # fmt: skip
    heads = ("metric", "this run", "the other", "difference", "95 % interval", "", "questions")
    return f"<h2>Against the other run</h2>{_table(heads, rows)}"


def _questions(report: EvalReport) -> str:
    def place(row: Mapping[str, Any]) -> str:
        reciprocal = row.get("mrr@10")
        return "—" if reciprocal is None else str(round(1 / reciprocal)) if reciprocal else "not in 10"

    rows = [
        (str(row["question"]), place(row), str(row.get("outcome", "")), str(row.get("answer", ""))[:400])
        for row in report.rows.values()
        if row.get("hit@1") == 0 or row.get("wrongly_refused") or row.get("rightly_refused") is False
        or row.get("answer_contained") is False or row.get("citation_validity") is False
    ]  # fmt: skip
    heads = ("question", "rank of the first right chunk", "outcome", "answer")
    return f"<h2>Questions that were not right at once</h2>{_table(heads, rows)}" if rows else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td dir=auto>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _plots(report: EvalReport, against: Mapping[str, Difference] | None) -> list[str]:
    rows = report.rows.values()
    names = [name for name in RANKING if name in report.metrics]
    with_gold = [row["strength"] for row in rows if row.get("strength") is not None]
    without = [row["strength_without"] for row in rows if row.get("strength_without") is not None]

    def bars(axes: Any) -> None:
        axes.barh(names, [report.metrics[name] for name in names], height=0.4, align="edge", label="this run")
        others = [name for name in names if against and name in against]
        if against and others:
            axes.barh(others, [against[name].there for name in others], height=-0.4, align="edge", label="the other")
            axes.legend()
        axes.set_xlim(0, 1)
        axes.invert_yaxis()

    def strengths(axes: Any) -> None:
        axes.hist([with_gold, without], bins=25, label=["can be answered", "cannot"])
        axes.legend()

    def latencies(axes: Any) -> None:
        axes.hist([row["ms"] for row in rows], bins=30)

    drawn = [_plot("Ranking metrics", bars), _plot("Latency of a search, ms", latencies)]
    return [*drawn, _plot("The gate's signal", strengths)] if with_gold and without else drawn


def require_matplotlib() -> Any:
    """What a plot is drawn on.

    Raises:
        EvaluationError: the library that draws is not installed.
    """
    try:
        from matplotlib.figure import Figure  # an extra; without pyplot nothing looks for a screen
    except ImportError as error:
        raise EvaluationError("The plots of a report need the package matplotlib: pip install matplotlib") from error
    return Figure


def _plot(caption: str, draw: Callable[[Any], None]) -> str:
    figure = require_matplotlib()(figsize=(5.5, 3.6), layout="constrained")
    draw(figure.subplots())
    drawn = StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    svg = drawn.getvalue()
    return f"<figure>{svg[svg.index('<svg') :]}<figcaption>{escape(caption)}</figcaption></figure>"
