"""`docent ingest`: a folder of pages into the index, with a bar while it runs and one line at its end."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

from app.commands.indexes import bar, configured_index
from app.settings import Settings
from chains.data_dir import held
from chains.ingest import ingest_folder


def run(settings: Settings, path: Path, *, as_json: bool) -> None:
    """Index, and say what was done: pages added, updated, deleted, unchanged, and the seconds it took.

    Raises:
        DataDirBusy: a service holds the embedded index.
        IngestError: the folder cannot be read; nothing was changed.
        FingerprintMismatch: the collection was made with another model.
        SearchFault: the remote index refuses, or cannot be reached.
    """
    from chains.providers import embeddings

    model = embeddings(settings)
    try:
        with (
            nullcontext() if settings.qdrant_url else held(settings.data_dir, "docent ingest"),
            configured_index(settings) as client,
            bar("pages", quiet=as_json) as progress,
        ):
            report = ingest_folder(path, settings, client, model, progress)
    finally:
        model.close()
    print(json.dumps(report.as_dict()) if as_json else report)  # noqa: T201
