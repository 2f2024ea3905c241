"""What the commands that write to an index share: its clients, and a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qdrant_client import QdrantClient
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.settings import Settings
from chains.collection import Client
from chains.edge import EdgeClient
from chains.remote_qdrant import explained, remote_client


@contextmanager
def configured_index(settings: Settings) -> Iterator[Client]:
    """The synchronous client that langchain-qdrant's vector store writes through, remote or embedded."""
    with remote_index(settings) if settings.qdrant_url else embedded_index(settings) as client:
        yield client


@contextmanager
def embedded_index(settings: Settings) -> Iterator[EdgeClient]:
    """
    Raises:
        EmbeddedEngineError: another process has it open, or its files cannot be read.
    """
    client = EdgeClient(settings.data_dir / "qdrant")
    client.open()
    try:
        yield client
    finally:
        client.close()


@contextmanager
def remote_index(settings: Settings) -> Iterator[QdrantClient]:
    """
    Raises:
        SearchFault: in the body, whatever the server refuses, with the remedy.
    """
    client = remote_client(settings)
    try:
        with explained(client, settings):
            yield client
    finally:
        client.close()


@contextmanager
def bar(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; what it gives takes the number done and the number in all."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
