"""One run at a time writes to an index on a server: who does says so in the collection's own metadata.

Metadata is merged key by key and never compared before it is set. So a run writes its name, waits longer than another
one can need between looking and writing, and holds the index if its name still stands there. While it holds it, it
says every few seconds that it lives. The embedded index is opened by one process, and needs none of this.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from qdrant_client import QdrantClient

from chains.collection import Client
from chains.collection_generations import active_collection
from chains.ingest.errors import IndexBusy
from chains.remote_qdrant import CLIENT_ERRORS

LEASE = "docent_lease"
RENEWED_EVERY = 15.0  # seconds
LASTS = 60.0  # seconds after the last sign of life, by the clocks of both machines
SETTLES = 0.1  # seconds at least, and four times as long as looking and writing took

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """What a collection's metadata says; times are in seconds since 1970. `released`: its holder came to its end."""

    token: str = ""
    holder: str = ""
    since: float = 0.0
    renewed: float = 0.0
    released: bool = True

    @classmethod
    def of(cls, stored: Any) -> Self:
        """Something else than a lease counts as none."""
        try:
            return cls(**stored)
        except TypeError:
            return cls()

    @property
    def holds(self) -> bool:
        return not self.released and time.time() < self.renewed + LASTS


class Lease:
    """A run's hold on the generations that it writes. Built without a hold: a run that writes nothing takes none.

    Raises:
        IndexBusy: another run holds `collection`.
    """

    def __init__(self, client: QdrantClient, collection: str, work: str, every: float = RENEWED_EVERY) -> None:
        self._client = client
        self._collections = [collection]
        here = f"{socket.gethostname()} (process {os.getpid()})"
        self._own = Record(uuid4().hex, f"{work}, on {here}")
        self._every = every
        self._before = self._read(collection)
        self._held = self._lost = False
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._renewing = threading.Thread(target=self._renew_often, name="index lease", daemon=True)
        if self._before.holds:
            raise _busy(self._before)

    def hold(self) -> None:
        """Take it, or make sure that it is still held: before every write.

        Raises:
            IndexBusy: another run has begun to write since this one looked.
        """
        if not self._held:
            self._take()
        elif self._lost or (time.time() > self._own.renewed + LASTS / 2 and not self._renew()):
            raise _busy(self._read(self._collections[0]))

    def also(self, collection: str) -> None:
        """Hold another generation of the same index, which this run has made."""
        self.hold()
        with self._lock:
            self._collections.append(collection)
            self._write(collection)

    def end(self) -> None:
        """Give it back. What cannot be given back ends by itself."""
        self._ended.set()
        if not self._held:
            return
        self._renewing.join()
        self._own = replace(self._own, released=True)
        for collection in self._collections:
            with suppress(*CLIENT_ERRORS):
                if self._read(collection).token == self._own.token:
                    self._write(collection)

    def _take(self) -> None:
        collection, started = self._collections[0], time.monotonic()
        found = self._read(collection)
        if found.token != self._before.token or found.holds:
            raise _busy(found)
        now = time.time()
        self._own = replace(self._own, since=now, renewed=now, released=False)
        self._write(collection)
        time.sleep(max(SETTLES, 4 * (time.monotonic() - started)))
        found = self._read(collection)
        if found.token != self._own.token:
            raise _busy(found)
        self._held = True
        self._renewing.start()

    def _renew_often(self) -> None:
        while not self._ended.wait(self._every) and not self._lost:
            try:
                self._renew()
            except CLIENT_ERRORS as error:
                log.warning("The hold on the index could not be renewed: %s", type(error).__name__)

    def _renew(self) -> bool:
        """Whether it is still held."""
        with self._lock:
            self._lost = self._read(self._collections[0]).token != self._own.token
            if not self._lost:
                self._own = replace(self._own, renewed=time.time())
                for collection in self._collections:
                    self._write(collection)
            return not self._lost

    def _read(self, collection: str) -> Record:
        info = self._client.get_collection(collection)
        return Record.of((info.config.metadata or {}).get(LEASE))

    def _write(self, collection: str) -> None:
        self._client.update_collection(collection, metadata={LEASE: asdict(self._own)})


@contextmanager
def leased(client: Client, collection: str, work: str) -> Iterator[Lease | None]:
    """A lease for the block; None on an engine that one process has to itself."""
    if not isinstance(client, QdrantClient):
        yield None
        return
    lease = Lease(client, collection, work)
    try:
        yield lease
    finally:
        lease.end()


def require_active(client: Client, name: str, collection: str) -> None:
    """Between the first look and the hold, a rebuild may have ended.

    Raises:
        IndexBusy: the name means another collection.
    """
    if active_collection(client, name) != collection:
        raise IndexBusy(f"Another run has put a new collection behind {name!r} meanwhile. Run it again.")


def _busy(found: Record) -> IndexBusy:
    if found.released:
        return IndexBusy(f"Another run has written to this index meanwhile: {found.holder}. Run it again.")
    since = datetime.fromtimestamp(found.since, UTC)
    return IndexBusy(
        f"Another run writes to this index: {found.holder}, since {since:%Y-%m-%d %H:%M:%S} UTC. Wait for its end; "
        f"one that died lets go {LASTS:.0f} s after its last sign of life."
    )
