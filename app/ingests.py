"""Runs over the index that the author asks a running service for: in the background, one at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import structlog

from app.health import Health
from app.redaction import redactor
from app.search import Search
from app.settings import Settings
from chains.errors import DocentError, IngestRunning, SearchFault, SettingsError
from chains.ingest.errors import IngestError

STOPS_WITHIN = 4.0  # seconds: half of the usual SHUTDOWN_GRACE
LONGEST_PAUSE = 1.0  # seconds
KEPT = 20  # runs whose ends can still be asked for

Status = Literal["running", "done", "failed"]
Progress = Callable[[int, int], None]
Work = Callable[[Progress], dict[str, object]]

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """The service ends; the next run goes on from what is written."""


class Pause:
    """Between two batches a run rests for as long as it has computed: it shares its interpreter with the readers."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._computed: float | None = None  # seconds, by the clock of the run's own thread

    def take(self) -> None:
        """
        Raises:
            Stopped: the service ends.
        """
        computed = 0.0 if self._computed is None else time.thread_time() - self._computed
        if self._stop.wait(min(computed, LONGEST_PAUSE)):
            raise Stopped
        self._computed = time.thread_time()


@dataclass
class IngestRun:
    """`done` and `total` are pages; times are in seconds since 1970."""

    id: UUID = field(default_factory=uuid4)
    status: Status = "running"
    source: str = ""
    done: int = 0
    total: int = 0
    started: float = field(default_factory=time.time)
    ended: float | None = None
    report: dict[str, object] | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "id": str(self.id)}


class Ingests:
    """The runs over the service's own index."""

    def __init__(self, settings: Settings, search: Search, health: Health) -> None:
        self._settings = settings
        self._search = search
        self._health = health
        self._runs: dict[UUID, IngestRun] = {}
        self._task: asyncio.Task[None] | None = None
        self._stop = threading.Event()

    def start(self, source: str | None, asked: dict[str, Any]) -> IngestRun:
        """Begin a run over `source`, an address, or over DOCS; it is blocking and gets a thread of its own.

        Raises:
            IngestRunning: one at a time.
        """
        if self._task is not None and not self._task.done():
            raise IngestRunning
        run = IngestRun(source=source or str(self._settings.docs))
        self._runs[run.id] = run
        while len(self._runs) > KEPT:
            del self._runs[next(iter(self._runs))]
        self._task = asyncio.create_task(self._carry_out(run, partial(self._ingest, source, asked)))
        return run

    def get(self, id: UUID) -> IngestRun | None:
        return self._runs.get(id)

    async def status(self) -> dict[str, Any]:
        """What is indexed, and the last run.

        Raises:
            RetrievalUnavailable: the index does not answer.
        """
        from app.index_status import index_status

        told = await index_status(self._search.client, self._settings.qdrant_collection)
        latest = next(reversed(self._runs.values()), None)
        return {**told, "ingest": latest.as_dict() if latest else None}

    async def close(self) -> None:
        """Ends a run between two batches; one that waits for a website is left where it is."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOPS_WITHIN)
            self._task.cancel()
            await asyncio.wait([self._task])

    def _ingest(self, source: str | None, asked: dict[str, Any], progress: Progress) -> dict[str, object]:
        """Blocking. An address inside this network is not read, whoever has the token, but for the site's own."""
        from app.index_status import writing_client
        from chains.ingest import ingest, options_of, target_of

        search, settings = self._search, self._settings
        assert search.embeddings is not None
        named = source or str(settings.docs)
        options = options_of(settings, trusted=_is_own(named, settings.site_url), **asked)
        with search.indexing, writing_client(settings, search.engine) as client:
            target = target_of(named, settings, client, search.embeddings)
            return ingest(named, target, options, progress).as_dict()

    async def _carry_out(self, run: IngestRun, work: Work) -> None:
        pause = Pause(self._stop)

        def progress(done: int, total: int) -> None:
            run.done, run.total = done, total
            pause.take()

        try:
            run.report = await _in_thread(partial(work, progress))
        except Stopped:
            run.error = "The service ended. The next run goes on from there."
        except (IngestError, SearchFault, SettingsError, DocentError) as error:
            run.error = redactor.clean(str(error))
        except Exception as error:
            run.error = "It failed; the cause is in the service's log."
            log.exception("ingest_failed", error=type(error).__name__)
        run.ended, run.status = time.time(), "failed" if run.error else "done"
        log.info("ingest_ended", status=run.status, source=run.source, error=run.error, report=run.report)
        if not self._stop.is_set():
            with suppress(SearchFault, DocentError, SettingsError):  # health says it
                await self._search.look()
            self._health.suspect()


async def _in_thread(work: Callable[[], dict[str, object]]) -> dict[str, object]:
    """In one that the end of the process does not wait for, unlike those of `asyncio.to_thread`."""
    result: Future[dict[str, object]] = Future()
    result.set_running_or_notify_cancel()  # who gives up waiting does not end it

    def run() -> None:
        try:
            result.set_result(work())
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=run, name="ingest", daemon=True).start()
    return await asyncio.wrap_future(result)


def _is_own(source: str, site_url: str | None) -> bool:
    """Whether the author has named the address's host in the settings."""
    own, named = urlsplit(site_url or ""), urlsplit(source)
    return bool(own.netloc) and (own.scheme, own.netloc) == (named.scheme, named.netloc)
