"""The directory of the embedded search engine: which collections and aliases there are, and who may open it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Literal
from uuid import uuid4

import portalocker
import qdrant_edge as edge
from httpx import Headers
from pydantic import BaseModel, ValidationError
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from chains.edge_queries import edge_config
from chains.errors import EmbeddedEngineError


class Collection(BaseModel):
    """One shard's directory and what Edge does not keep for us."""

    directory: str
    vectors: dict[str, models.VectorParams]
    sparse_vectors: dict[str, models.SparseVectorParams]
    metadata: dict[str, Any] | None = None


class Contents(BaseModel):
    """The file `meta.json`. A change makes a new one, so that readers without a lock see the old or the new state."""

    format: Literal[1] = 1
    collections: dict[str, Collection] = {}
    aliases: dict[str, str] = {}

    def resolve(self, name: str) -> str:
        """The collection behind a name or an alias.

        Raises:
            UnexpectedResponse: 404, there is none.
        """
        found = self.aliases.get(name, name)
        if found not in self.collections:
            raise no_collection(name)
        return found


def no_collection(name: str) -> UnexpectedResponse:
    return refused(404, f"Not found: Collection `{name}` doesn't exist!")


def refused(status: int, reason: str) -> UnexpectedResponse:
    """What the remote client raises when a Qdrant server answers with this status."""
    body = models.ErrorResponse(status=models.ErrorResponseStatus(error=reason)).model_dump_json().encode()
    return UnexpectedResponse(status, HTTPStatus(status).phrase, body, Headers())


@contextmanager
def engine_errors() -> Iterator[None]:
    """Edge raises bare `Exception`s that only their text tells apart; a server answers 400 or 500 to the same."""
    try:
        yield
    except Exception as error:
        reason = str(error)
        if "not initialized" in reason:
            raise EmbeddedEngineError("The embedded search engine was closed while it was in use.") from error
        raise refused(500 if reason.startswith("Service ") else 400, reason) from error


class EdgeDirectory:
    """Collections as one Edge shard each, under directories with random names that only `meta.json` maps to theirs.

    Only one process may open it. A shard's directory that `meta.json` does not know was left by a process that ended
    while it made or removed a collection; `open` clears it away. `writing` is the one lock around all writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writing = threading.RLock()
        self.contents = Contents()
        self._shards: dict[str, edge.EdgeShard] = {}
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """
        Raises:
            EmbeddedEngineError: another process has it open, or its files cannot be read.
        """
        with self.writing, ExitStack() as undo:
            if self._lock is not None:
                return
            (self.path / "collections").mkdir(parents=True, exist_ok=True)
            self._lock = self._acquire()
            undo.callback(self.close)
            self.contents = self._read()
            self._clear_leftovers()
            for name, collection in self.contents.collections.items():
                self._shards[name] = self._load(collection)
            undo.pop_all()

    def close(self) -> None:
        """Writes everything to disk and lets other processes in. A closed directory can be opened again."""
        with self.writing:
            lock, self._lock = self._lock, None
            shards, self._shards = self._shards, {}
            for shard in shards.values():
                shard.flush()
                shard.close()
            if lock is not None:
                portalocker.unlock(lock)
                lock.close()

    def shard(self, name: str) -> edge.EdgeShard:
        """
        Raises:
            EmbeddedEngineError: the directory is not open.
            UnexpectedResponse: 404, no such collection or alias.
        """
        self.require_open()
        shard = self._shards.get(self.contents.resolve(name))
        if shard is None:  # removed, or closed, between these two lines
            self.require_open()
            raise no_collection(name)
        return shard

    def require_open(self) -> None:
        if self._lock is None:
            raise EmbeddedEngineError(f"The embedded search engine in {self.path} is not open.")

    def create(self, name: str, collection: Collection) -> None:
        with self.writing:
            self.require_open()
            if name in self.contents.collections or name in self.contents.aliases:
                raise refused(409, f"Wrong input: Collection `{name}` already exists!")
            config = edge_config(collection.vectors, collection.sparse_vectors)
            with engine_errors():
                shard = edge.EdgeShard.create(str(self._directory(collection)), config)
                shard.flush()
            self._shards[name] = shard
            self.save({**self.contents.collections, name: collection}, self.contents.aliases)

    def drop(self, name: str) -> None:
        """A reader that still searches the shard keeps its unlinked files until it is done."""
        with self.writing:
            collection = self.contents.collections[name]
            self.save(
                {other: kept for other, kept in self.contents.collections.items() if other != name},
                {alias: target for alias, target in self.contents.aliases.items() if target != name},
            )
            del self._shards[name]
            shutil.rmtree(self._directory(collection), ignore_errors=True)  # what stays is cleared at the next open

    def save(self, collections: dict[str, Collection], aliases: dict[str, str]) -> None:
        """Both at once, on disk before in memory. The caller holds `writing`."""
        contents = Contents(collections=collections, aliases=aliases)
        new = self.path / "meta.json.new"
        with new.open("w", encoding="utf-8") as file:
            file.write(contents.model_dump_json(exclude_none=True))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / "meta.json")
        _sync_directory(self.path)
        self.contents = contents

    def _acquire(self) -> IO[str]:
        file = (self.path / "lock").open("a", encoding="utf-8")
        try:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.LockException as error:
            file.close()
            raise EmbeddedEngineError(
                f"The search index in {self.path} is open in {_holder(self.path / 'pid')}, and only one process can "
                "use it at a time. Stop that process or ask it over HTTP, or set QDRANT_URL to a Qdrant server."
            ) from error
        (self.path / "pid").write_text(str(os.getpid()), encoding="utf-8")
        return file

    def _read(self) -> Contents:
        file = self.path / "meta.json"
        if not file.exists():
            return Contents()
        try:
            return Contents.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise EmbeddedEngineError(
                f"{file} cannot be read by this version of Docent. Remove {self.path} and index the pages again."
            ) from error

    def _clear_leftovers(self) -> None:
        known = {collection.directory for collection in self.contents.collections.values()}
        for directory in (self.path / "collections").iterdir():
            if directory.is_dir() and directory.name not in known:
                shutil.rmtree(directory)

    def _load(self, collection: Collection) -> edge.EdgeShard:
        try:
            return edge.EdgeShard.load(str(self._directory(collection)))
        except Exception as error:
            raise EmbeddedEngineError(
                f"The search index in {self.path} cannot be read: {error}. Remove it and index the pages again."
            ) from error

    def _directory(self, collection: Collection) -> Path:
        return self.path / "collections" / collection.directory


def new_directory_name() -> str:
    return uuid4().hex


def _holder(pid: Path) -> str:
    """The holder writes it a moment after it took the lock."""
    number = pid.read_text(encoding="utf-8") if pid.exists() else ""
    return f"process {number}" if number else "another process"


def _sync_directory(path: Path) -> None:
    """Makes the rename durable. Windows cannot open a directory, and does not need to."""
    if os.name != "nt":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
