"""A run in pictures, as SVG within a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from chains.errors import EvaluationError
from chains.evaluation.comparison import Difference
from chains.evaluation.metrics import RANKING, EvalReport

HERE, THERE = "#3266ad", "#e08a1e"  # told apart by readers who do not see red or green, too
MOST_BINS = 20


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


def draw_plots(report: EvalReport, against: Mapping[str, Difference] | None) -> list[str]:
    rows = report.rows.values()
    with_gold = [row["strength"] for row in rows if row.get("strength") is not None]
    without = [row["strength_without"] for row in rows if row.get("strength_without") is not None]
    names = [name for name in RANKING if name in report.metrics]

    def bars(axes: Any) -> None:
        others = [name for name in names if against and name in against]
        offset = 0.2 if others else 0.0
        places = range(len(names))
        axes.barh([at - offset for at in places], [report.metrics[name] for name in names], 0.38, color=HERE)
        if against and others:
            at = [names.index(name) + offset for name in others]
            axes.barh(at, [against[name].there for name in others], 0.38, color=THERE)
            axes.figure.legend(["this run", "the other"], loc="outside lower center", ncols=2, frameon=False)
        axes.set(yticks=list(places), yticklabels=names, xlim=(0, 1), xlabel="mean over the questions")
        axes.invert_yaxis()

    def strengths(axes: Any) -> None:
        edges = _edges([*with_gold, *without])
        axes.hist(with_gold, edges, alpha=0.6, color=HERE)
        axes.hist(without, edges, alpha=0.6, color=THERE)
        labels = ["can be answered", "cannot, or what answers was taken away"]
        axes.figure.legend(labels, loc="outside lower center", ncols=2, frameon=False)
        axes.set(xlabel="strength of the evidence", ylabel="questions")

    def latencies(axes: Any) -> None:
        axes.hist([row["ms"] for row in rows], _edges([row["ms"] for row in rows]), color=HERE)
        for label, value, style in (("half", report.p50_ms, "-"), ("95 %", report.p95_ms, "--")):
            axes.axvline(value, color="#222", linestyle=style, linewidth=1, label=f"{label} within {value:.0f} ms")
        axes.legend(frameon=False)
        axes.set(xlabel="ms, the embedding of the question included", ylabel="questions")

    drawn = [_plot("Ranking", bars)] if names else []
    drawn.append(_plot("Latency of a search", latencies))
    return [*drawn, _plot("The gate's signal", strengths)] if with_gold and without else drawn


def _edges(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    step = (high - low or 1.0) / MOST_BINS
    return [low + step * number for number in range(MOST_BINS + 1)]


def _plot(caption: str, draw: Callable[[Any], None]) -> str:
    figure = require_matplotlib()(figsize=(5.5, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    if axes.get_ylabel():  # questions are counted in whole numbers
        axes.yaxis.get_major_locator().set_params(integer=True)
    drawn = StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    svg = drawn.getvalue()
    return f"<figure><figcaption>{caption}</figcaption>{svg[svg.index('<svg') :]}</figure>"
