"""`docent eval`: a question set or a BEIR folder through the product's own retriever and chain."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.resources import Resources
from app.settings import NamedSettings, Settings
from chains.errors import EvaluationError, SettingsError
from chains.evaluation import EvalReport, evaluate_beir, evaluate_questions, is_beir
from chains.evaluation.baseline import check_baseline, read_baseline, write_baseline
from chains.evaluation.calibrate import calibrate_collection, store_calibration
from chains.evaluation.comparison import Difference, compare_runs, load_run, save_run
from chains.evaluation.generation import append_question, draft_questions, read_drafts
from chains.evaluation.judging import judge_rows, require_ragas
from chains.evaluation.plots import require_matplotlib
from chains.evaluation.questions import load_questions
from chains.evaluation.report import write_report
from chains.evaluation.stack import Parts


@dataclass(frozen=True)
class Wanted:
    """Files that are read and written beside the figures."""

    against: Path | None = None
    save: Path | None = None
    report: Path | None = None
    gate: Path | None = None
    baseline: Path | None = None


@dataclass(frozen=True)
class Asking:
    """`answers`: None means where they cost nothing. `generate`: how many questions are to be drafted."""

    questions: Path
    answers: bool | None = None
    judge: bool = False
    calibrate: bool = False
    generate: int | None = None


def run(settings: Settings, asking: Asking, wanted: Wanted, *, as_json: bool = False) -> None:
    """Print the metrics, one a line, or as one JSON object; and write what is wanted.

    Raises:
        SettingsError: what was asked for takes questions about one's own pages.
        EvaluationError: a file is not what it should be, or a metric fell below the gate.
    """
    if (asking.calibrate or asking.generate) and is_beir(asking.questions):
        option = "--calibrate" if asking.calibrate else "--generate"
        raise SettingsError(f"{option}: takes a file of questions about your own pages, not a folder.")
    if asking.calibrate:
        _show(asyncio.run(_calibrate(settings, asking.questions)), str(asking.questions), as_json=as_json)
    elif asking.generate:
        drafted = asyncio.run(_generate(settings, asking.questions, asking.generate))
        _show(drafted, str(asking.questions), as_json=as_json)
    else:
        _measure(settings, asking, wanted, as_json=as_json)


def _measure(settings: Settings, asking: Asking, wanted: Wanted, *, as_json: bool) -> None:
    other = _check(asking, wanted)
    report = asyncio.run(_evaluate(settings, asking))
    if wanted.save:
        save_run(report, wanted.save)
    if isinstance(other, Settings):
        other = asyncio.run(_evaluate(other, asking)).rows
    against = compare_runs(report.rows, other) if other else None
    figures = report.as_dict()
    if against:
        figures["against"] = {name: asdict(each) | {"mean": each.mean} for name, each in against.items()}
    _show(figures, str(asking.questions), as_json=as_json)
    if against and not as_json:
        _show_comparison(against)
    if wanted.report:
        write_report(report, wanted.report, title=f"docent eval {asking.questions.name}", against=against)
    if wanted.gate and (complaints := check_baseline(report, wanted.gate)):
        raise EvaluationError("The gate is closed: " + "; ".join(complaints) + ".")
    if wanted.baseline:
        write_baseline(report, wanted.baseline)


def _check(asking: Asking, wanted: Wanted) -> dict[str, dict[str, Any]] | Settings | None:
    """Fails before an hour of questions, not after it. What is compared with: a saved run, or settings for another."""
    if not is_beir(asking.questions):
        load_questions(asking.questions)
    for path in filter(None, (wanted.save, wanted.report, wanted.baseline)):
        _check_place(path)
    for baseline in (wanted.gate, wanted.baseline if wanted.baseline and wanted.baseline.exists() else None):
        if baseline:
            read_baseline(baseline)
    if wanted.report:
        require_matplotlib()
    if asking.judge:
        require_ragas()
    return _other(wanted.against) if wanted.against else None


def _check_place(path: Path) -> None:
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise EvaluationError(f"{path} cannot be written: it is a folder, or its own is absent or closed to you.")


def _other(against: Path) -> dict[str, dict[str, Any]] | Settings:
    if against.suffix == ".json":
        return load_run(against)
    if not against.is_file():
        raise EvaluationError(f"{against} is neither a saved run (.json) nor a file with settings.")
    return NamedSettings.load(_env_file=against)


async def _evaluate(settings: Settings, asking: Asking) -> EvalReport:
    return await (_beir if is_beir(asking.questions) else _questions)(settings, asking)


async def _questions(settings: Settings, asking: Asking) -> EvalReport:
    async with _opened(settings) as resources:
        search = resources.search
        parts = Parts(rerank=search.providers.rerank, rewrites=_rewrites(settings))
        parts["model"] = search.model if _answers(settings, asking) else None
        with _progress() as tell:
            report = await evaluate_questions(asking.questions, search.retriever(), on_question=tell, **parts)
        if asking.judge:
            assert search.embeddings is not None
            judge = search.providers.chat_model()
            report.metrics.update(await judge_rows(report.rows, judge, search.embeddings))
        return report


async def _beir(settings: Settings, asking: Asking) -> EvalReport:
    """In an index of its own, away from DATA_DIR."""
    from chains.providers import aclose_model, chat_endpoints, embeddings, reranker
    from chains.rerank import CANDIDATES, Rerank
    from chains.resilience import Guard, Timeouts, resilient

    vectors, ranker, guard = embeddings(settings), reranker(settings), Guard(Timeouts.of(settings))
    endpoints = chat_endpoints(settings, vectors)
    parts = Parts(rerank=Rerank(ranker, guard, keep=CANDIDATES) if ranker else None, rewrites=_rewrites(settings))
    parts["model"] = resilient(endpoints[0], guard=guard) if _answers(settings, asking) else None
    try:
        with _progress() as tell:
            report = await evaluate_beir(asking.questions, vectors, on_progress=tell, on_question=tell, **parts)
        if asking.judge:
            report.metrics.update(await judge_rows(report.rows, endpoints[0].model, vectors))
        return report
    finally:
        for endpoint in endpoints:
            await aclose_model(endpoint.model)
        if ranker is not None:
            await ranker.aclose()
        await vectors.aclose()


def _answers(settings: Settings, asking: Asking) -> bool:
    if asking.judge:
        return True
    return settings.chat_providers == ["local"] if asking.answers is None else asking.answers


def _rewrites(settings: Settings) -> bool:
    """As the service: a model rewrites follow-ups, sentences that are quoted cannot."""
    return settings.chat_providers != ["local"]


async def _calibrate(settings: Settings, path: Path) -> dict[str, float]:
    """Thresholds by name, with what each lets through, and kept in the collection."""
    async with _opened(settings) as resources:
        retriever, rerank = resources.search.retriever(), resources.search.providers.rerank
        found = await calibrate_collection(path, retriever, rerank)
        await store_calibration(found, retriever, rerank)
    return {
        f"{name}_{figure}" if figure != "threshold" else name: value
        for name, calibration in found.items()
        for figure, value in asdict(calibration).items()
    }


async def _generate(settings: Settings, path: Path, wanted: int) -> dict[str, Any]:
    """Drafts for the author to read: what a model asked of its own accord is not what readers ask."""
    rows = read_drafts(path)
    _check_place(path)
    async with _opened(settings) as resources:
        model = None if settings.chat_providers == ["local"] else resources.search.model
        async for row in draft_questions(resources.search.retriever(), model, wanted, rows):
            rows.append(row)
            append_question(row, path)  # one by one: should the model fail, what it has drafted is there
    return {"questions": len(rows), "silver": sum(bool(row.get("silver")) for row in rows)}


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Resources]:
    """With the index and the models; without a database."""
    resources = Resources(settings)
    resources.hold_data_dir("docent eval")
    try:
        await resources.search.open()
        yield resources
    finally:
        await resources.search.close()
        resources.release_data_dir()


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, for what is embedded and then for what is asked."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("measuring", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _show(figures: dict[str, Any], title: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures, indent=2, ensure_ascii=False))  # noqa: T201
        return
    table = Table("metric", "value", title=title)
    for name, value in figures.items():
        if isinstance(value, int | float):
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)


def _show_comparison(against: dict[str, Difference]) -> None:
    table = Table("metric", "difference", "95 % interval", "", title="against the other run")
    for name, each in against.items():
        interval = f"[{each.low:+.3f}, {each.high:+.3f}]".replace("[", "\\[")
        table.add_row(name, f"{each.mean:+.3f}", interval, "clear" if each.is_clear else "")
    Console().print(table)
