"""`docent ingest`: a folder of pages into the index, with a bar while it runs and one line at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.resources import Resources
from app.settings import Settings
from chains.ingest import ingest_folder


def run(settings: Settings, path: Path, *, as_json: bool) -> None:
    """Index, and say what was done: pages added, updated, deleted, unchanged, and the seconds it took.

    Raises:
        DataDirBusy: a service holds the embedded index.
        IngestError: the folder cannot be read; nothing was changed.
        FingerprintMismatch: the collection was made with another model.
    """
    from chains.providers import embeddings

    resources = Resources(settings)
    resources.hold_data_dir("docent ingest")
    model = embeddings(settings)
    try:
        with _index(settings) as client, _bar(quiet=as_json) as progress:
            report = ingest_folder(path, settings, client, model, progress)
    finally:
        model.close()
        resources.release_data_dir()
    print(json.dumps(report.as_dict()) if as_json else report)  # noqa: T201


@contextmanager
def _index(settings: Settings) -> Iterator[Any]:
    """The synchronous client that langchain-qdrant's vector store writes through."""
    if settings.qdrant_url:
        from qdrant_client import QdrantClient

        client: Any = QdrantClient(url=settings.qdrant_url, api_key=settings.qdrant_api_key, timeout=60)
    else:
        from chains.edge import EdgeClient

        client = EdgeClient(settings.data_dir / "qdrant")
        client.open()
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Any]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task("pages", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
