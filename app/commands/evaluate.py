"""`docent eval`: a question set or a BEIR folder through the product's own retriever."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.resources import Resources
from app.settings import Settings
from chains.evaluation import EvalReport, evaluate_beir, evaluate_questions, is_beir

HEADLINES = ("hit@1", "hit@5", "hit@10", "recall@10", "mrr@10", "ndcg@10", "p50_ms", "p95_ms")


def run(settings: Settings, questions: Path, *, as_json: bool) -> None:
    """Print the metrics, one a line, or as one JSON object."""
    report = asyncio.run(_beir(settings, questions) if is_beir(questions) else _questions(settings, questions))
    figures = report.as_dict()
    if as_json:
        print(json.dumps(figures, indent=2))  # noqa: T201
        return
    table = Table("metric", "value", title=str(questions))
    for name, value in figures.items():
        if isinstance(value, int | float):
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)


async def _questions(settings: Settings, path: Path) -> EvalReport:
    """Over the configured collection."""
    resources = Resources(settings)
    resources.hold_data_dir("docent eval")
    try:
        await resources.search.open()
        return await evaluate_questions(path, resources.search.retriever())
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
