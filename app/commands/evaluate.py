"""`docent eval`: a question set or a BEIR folder through the product's own retriever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.resources import Resources
from app.settings import Settings
from chains.errors import SettingsError
from chains.evaluation import EvalReport, evaluate_beir, evaluate_questions, is_beir
from chains.evaluation.calibrate import calibrate_collection, store_calibration
from chains.retriever import HybridRetriever

HEADLINES = ("hit@1", "hit@5", "hit@10", "recall@10", "mrr@10", "ndcg@10", "p50_ms", "p95_ms")


def run(settings: Settings, questions: Path, *, calibrate: bool, as_json: bool) -> None:
    """Print the metrics, one a line, or as one JSON object.

    Raises:
        SettingsError: to calibrate takes questions about one's own pages.
    """
    if calibrate:
        if is_beir(questions):
            raise SettingsError("--calibrate: takes a file of questions about your own pages, not a folder.")
        figures = asyncio.run(_calibrate(settings, questions))
    else:
        report = _beir(settings, questions) if is_beir(questions) else _questions(settings, questions)
        figures = asyncio.run(report).as_dict()
    _show(figures, str(questions), as_json=as_json)


def _show(figures: dict[str, Any], title: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures, indent=2))  # noqa: T201
        return
    table = Table("metric", "value", title=title)
    for name, value in figures.items():
        if isinstance(value, int | float):
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)


async def _questions(settings: Settings, path: Path) -> EvalReport:
    async with _searching(settings) as retriever:
        return await evaluate_questions(path, retriever)


async def _calibrate(settings: Settings, path: Path) -> dict[str, float]:
    """Thresholds by name, with what each lets through, and kept in the collection."""
    async with _searching(settings) as retriever:
        found = await calibrate_collection(path, retriever)
        await store_calibration(found, retriever)
    return {
        f"{name}_{figure}" if figure != "threshold" else name: value
        for name, calibration in found.items()
        for figure, value in asdict(calibration).items()
    }


@asynccontextmanager
async def _searching(settings: Settings) -> AsyncIterator[HybridRetriever]:
    """The configured collection's own retriever."""
    resources = Resources(settings)
    resources.hold_data_dir("docent eval")
    try:
        await resources.search.open()
        yield resources.search.retriever()
    finally:
        await resources.search.close()
        resources.release_data_dir()


async def _beir(settings: Settings, folder: Path) -> EvalReport:
    """In an index of its own, away from DATA_DIR."""
    from chains.providers import embeddings

    model = embeddings(settings)
    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task("embedding", total=None)
            return await evaluate_beir(
                folder, model, on_progress=lambda done, total: progress.update(task, completed=done, total=total)
            )
    finally:
        model.close()
