"""`docent ingest`: pages into the index, with a bar while it runs and one line at its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import typer

from app.commands.indexes import bar, configured_index
from app.settings import Settings
from chains.collection import Client
from chains.collection_generations import active_collection, roll_back
from chains.data_dir import held
from chains.errors import FingerprintMismatch
from chains.ingest import ingest, target_of
from chains.ingest.lease import leased
from chains.ingest.options import IngestOptions
from chains.ingest.report import IndexReport


def run(settings: Settings, source: str, options: IngestOptions, *, as_json: bool) -> None:
    """Index, and say what was done: pages added, updated, deleted, unchanged, and the seconds it took.

    Raises:
        DataDirBusy: a service holds the embedded index.
        IngestError: the pages cannot be read, or most of them are not found again.
        FingerprintMismatch: the index was made with another model, and nobody asked for a rebuild.
        SearchFault: the remote index refuses, or cannot be reached.
    """
    from chains.providers import embeddings

    model = embeddings(settings)
    try:
        with _index(settings) as client:
            target = target_of(source, settings, client, model)

            def once(asked: IngestOptions) -> IndexReport:
                with bar("pages", quiet=as_json) as progress:
                    return ingest(source, target, asked, progress)

            try:
                report = once(options)
            except FingerprintMismatch as mismatch:
                if as_json or not _agrees(mismatch):
                    raise
                report = once(replace(options, rebuild=True))
    finally:
        model.close()
    print(json.dumps(report.as_dict()) if as_json else report)  # noqa: T201


def run_rollback(settings: Settings, *, as_json: bool) -> None:
    """Exchange the active collection and the one before it; said again, it undoes that.

    Raises:
        SearchFault: there is none before it, or the remote index refuses.
        IndexBusy: another run writes to the index.
    """
    name = settings.qdrant_collection
    with _index(settings) as client, leased(client, active_collection(client, name), "a rollback") as lease:
        if lease is not None:
            lease.hold()
        found = roll_back(client, name)
    told = {"name": found.name, "active": found.active, "previous": found.previous}
    line = f"{found.name} is {found.active} again; {found.previous} is kept. Said again, this undoes it."
    print(json.dumps(told) if as_json else line)  # noqa: T201


@contextmanager
def _index(settings: Settings) -> Iterator[Client]:
    with (
        nullcontext() if settings.qdrant_url else held(settings.data_dir, "docent ingest"),
        configured_index(settings) as client,
    ):
        yield client


def _agrees(mismatch: FingerprintMismatch) -> bool:
    """Asks a person; a program has to say --rebuild."""
    if not sys.stdin.isatty():
        return False
    typer.echo(str(mismatch), err=True)
    return typer.confirm("Index all pages anew, into a collection beside it that then takes its place?", err=True)
