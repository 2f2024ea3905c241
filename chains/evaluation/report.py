"""A run as one HTML file: figures, plots, and every question that went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from chains.evaluation.comparison import Difference
from chains.evaluation.metrics import RANKING, EvalReport
from chains.evaluation.plots import draw_plots

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
h1,h2,td.q{overflow-wrap:anywhere}h2{margin-top:2.5rem}p{max-width:46rem}
.wide{overflow-x:auto}.side{display:flex;flex-wrap:wrap;gap:0 3rem;align-items:start}
table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.3rem 1.2rem .3rem 0;text-align:start;vertical-align:top}
th{font-weight:600;border-bottom:2px solid #222}td{border-bottom:1px solid #ddd}tr:last-child td{border-bottom:0}
td.n,th.n{text-align:end;font-variant-numeric:tabular-nums;white-space:nowrap}td.q{min-width:16rem;white-space:pre-line}
.plots{display:flex;flex-wrap:wrap;gap:1.5rem}figure{margin:0;max-width:100%}figure svg{max-width:100%;height:auto}
figcaption{font-weight:600}"""
_SUPPORT = (
    "Citation validity says that a marker names a source and that its quote stands in it. It does not say that the "
    "quote supports the sentence: negations and wrong attributions are not seen."
)
_INTERVAL = "Paired bootstrap over the questions of both runs. An interval that holds 0 does not tell the two apart."
_TIMES = ("answer_ms", "p50_ms", "p95_ms")

Cells = Sequence[str]


def write_report(
    report: EvalReport, path: Path, *, title: str, against: Mapping[str, Difference] | None = None
) -> None:
    """
    Raises:
        EvaluationError: the library that draws is not installed.
    """
    unanswerable = sum("strength" not in row and "strength_without" in row for row in report.rows.values())
    told = f", {unanswerable} of which the pages do not answer" if unanswerable else ""
    parts = [
        f"<h1>{escape(title)}</h1><p>{report.questions} questions{told}.</p>",
        _figures(report),
        _comparison(against) if against else "",
        f'<h2>Plots</h2><div class="plots">{"".join(draw_plots(report, against))}</div>',
        _questions(report),
        f"<p>{_SUPPORT}</p>",
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    size = '<meta name="viewport" content="width=device-width">'
    path.write_text(f"{head}{size}<body>{''.join(parts)}</body></html>\n", encoding="utf-8")


def _figures(report: EvalReport) -> str:
    values = {**report.metrics, "p50_ms": report.p50_ms, "p95_ms": report.p95_ms}
    groups = {
        "ranking": [name for name in values if name in RANKING],
        "answers and refusals": [name for name in values if name not in (*RANKING, *_TIMES)],
        "time": [name for name in values if name in _TIMES],
    }
    tables = [
        _table((group, ""), [(name, _value(name, values[name])) for name in names], numbers=(1,))
        for group, names in groups.items()
        if names
    ]
    return f'<div class="side">{"".join(tables)}</div>'


def _comparison(against: Mapping[str, Difference]) -> str:
    rows = [
        (
            name, _value(name, each.here), _value(name, each.there), _value(name, each.mean, "+"),
            f"{_value(name, each.low, '+')} to {_value(name, each.high, '+')}", "clear" if each.is_clear else "",
            str(each.questions),
        )
        for name, each in against.items()
    ]  # fmt: skip
    heads = ("metric", "this run", "the other", "difference", "95 % interval", "", "questions")
    return f"<h2>Against the other run</h2><p>{_INTERVAL}</p>{_table(heads, rows, numbers=(1, 2, 3, 4, 6))}"


def _value(name: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.0f} ms" if name in _TIMES else f"{value:{sign}.3f}"


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
    heads = ("question", "first right at", "outcome", "answer")
    title = f"<h2>Questions that were not right at once: {len(rows)}</h2>"
    return f"{title}{_table(heads, rows, numbers=(1,), texts=(0, 3))}" if rows else ""


def _table(heads: Cells, rows: Sequence[Cells], *, numbers: Sequence[int], texts: Sequence[int] = ()) -> str:
    """`numbers` and `texts` are columns."""
    kinds = dict.fromkeys(numbers, ' class="n"') | dict.fromkeys(texts, ' class="q"')
    head = "".join(f"<th{kinds.get(column, '')}>{escape(each)}</th>" for column, each in enumerate(heads))
    body = "".join(f"<tr>{''.join(_cell(each, kinds.get(at, '')) for at, each in enumerate(row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str, kind: str) -> str:
    return f'<td dir="auto"{kind}>{escape(text)}</td>'
