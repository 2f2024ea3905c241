"""Runs over small folders, and clients that die in the midst of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hashed import HashedEmbeddings

from chains.collection import Client
from chains.ingest import ingest, options_of, target_of
from chains.ingest.report import IndexReport
from chains.settings import ChainSettings

NAME = "docusaurus-book"
SETTINGS = ChainSettings.load()


def a_page(number: int, words: str = "old") -> str:
    return "\n\n".join(f"## Part {part}\n\n{words} text {number} {part} " + "and more " * 90 for part in range(3))


def run(docs: Path, client: Client, embeddings: HashedEmbeddings | None = None, **asked: bool) -> IndexReport:
    target = target_of(str(docs), SETTINGS, client, embeddings or HashedEmbeddings())
    return ingest(str(docs), target, replace(options_of(SETTINGS), **asked))  # type: ignore[arg-type]


def texts(client: Client, name: str = NAME) -> dict[str, str]:
    """What a search could find, by id."""
    records, _ = client.scroll(name, limit=10_000)
    return {str(record.id): str((record.payload or {})["page_content"]) for record in records}


class Interrupted(Exception):
    """As if the process had ended."""


class Dying:
    """A client that dies before its nth write, as the process that holds it would; reads are its own."""

    def __init__(self, client: Client, writes: int) -> None:
        self._client = client
        self.left = writes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        writes = ("upsert", "delete", "set_payload", "create_", "update_", "delete_collection")
        if not name.startswith(writes):
            return method

        def call(*args: Any, **options: Any) -> Any:
            if self.left == 0:
                raise Interrupted(name)
            self.left -= 1
            return method(*args, **options)

        return call
