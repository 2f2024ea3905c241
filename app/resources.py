"""Everything with a life of its own: built closed, opened in the lifespan, closed at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from langchain_core.documents import Document
from langchain_core.runnables import Runnable

from app.health import EMBEDDED_INTERVAL, REMOTE_INTERVAL, Health
from app.ingests import Ingests
from app.retention import keep_retention
from app.search import Search
from app.settings import Settings
from app.stand_ins import stand_ins
from app.storage import Storage
from app.tracing import Tracing
from chains.citations import CitationCounts
from chains.data_dir import DataDirHolder
from chains.errors import Starting
from chains.turn import ReplyPart

FIRST_LOOK = 4.0  # seconds; a remote service that has not answered by then is down, and the service starts without it
START_WAIT = 15.0  # seconds that a turn waits for a starting service before it is refused

Chain = Runnable[dict[str, Any], ReplyPart]

log = structlog.get_logger(__name__)


class Resources:
    """The engines, the chain over them, and what health knows of both."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health(EMBEDDED_INTERVAL if settings.embedded else REMOTE_INTERVAL)
        self.storage = Storage(settings, self.health)
        self.search = Search(settings, self.health)
        self.ingests = Ingests(settings, self.search, self.health)
        self.citations = CitationCounts()
        self._tracing = Tracing(settings)
        self._holder = DataDirHolder(settings.data_dir) if settings.embedded else None
        self._held = False
        self._address: dict[str, str] = {}
        self._chain: Chain | None = None
        self._started = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def hold_data_dir(self, role: str) -> None:
        """Take DATA_DIR for this process; nothing to do without an embedded engine.

        Raises:
            DataDirBusy: another process has it.
        """
        if self._holder is not None and not self._held:
            self._holder.hold(role)
            self._held = True

    def release_data_dir(self) -> None:
        if self._holder is not None and self._held:
            self._holder.release()
            self._held = False

    def adopt(self, holder: DataDirHolder, url: str) -> None:
        """DATA_DIR is held already, by a process that answers at `url`."""
        self._holder, self._held = holder, True
        self._address = {"url": url}

    async def open(self) -> None:
        """Begin to start. Returns at once: liveness answers while engines open, models load and pages are indexed."""
        self.hold_data_dir("uvicorn app.main:app")
        for each in stand_ins(self.settings):
            log.warning("stand_in", variable=each.variable, says=each.says, remedy=each.remedy)
        self._run(self.storage.open())
        if self.settings.retention_days is not None:
            self._run(keep_retention(self.storage, timedelta(days=self.settings.retention_days)))
        self._run(self._start())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.ingests.close()
        await self.search.close()
        await self.storage.close()
        await self._tracing.close()
        self.release_data_dir()

    async def chain(self) -> Chain:
        """The RAG chain, once the service has started.

        Raises:
            Starting: it has not within START_WAIT.
        """
        if not self._started.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(START_WAIT):
                    await self._started.wait()
        if self._chain is None:
            raise Starting(retry_after=2)
        return self._chain

    async def started(self) -> None:
        """Wait until the service has started, however long that takes."""
        await self._started.wait()

    async def find(self, query: str) -> list[Document]:
        """The passages for a query, best first."""
        await self.chain()
        return await self.search.find(query)

    async def started_ingests(self) -> Ingests:
        """The author's runs over the index, once the service has started.

        Raises:
            Starting: it has not within START_WAIT.
        """
        await self.chain()
        return self.ingests

    async def _start(self) -> None:
        """Remote services are tried at once, while packages are imported; what is embedded is waited for."""
        await self.search.prepare()
        embedded = self._embedded_services()
        remote = [name for name in self.health.services if name not in embedded]
        await asyncio.gather(self._open_embedded(), self.health.refresh(remote, within=FIRST_LOOK))
        self._chain = self._build_chain()
        await self.health.refresh(embedded)
        self.health.started = True
        self._started.set()
        log.info("started", status=self.health.status, environment=self.settings.environment, **self._address)
        await self.health.watch()

    async def _open_embedded(self) -> None:
        await self.search.open()
        if not self.settings.database_url:
            await self.storage.tried.wait()

    def _embedded_services(self) -> list[str]:
        own = {"qdrant": not self.settings.qdrant_url, "postgres": not self.settings.database_url, "local": True}
        return [name for name in self.health.services if own.get(name)]

    def _build_chain(self) -> Chain:
        from chains.full_chain import build_full_chain
        from chains.reply import write_reply

        assert self.search.model is not None
        chain = build_full_chain(
            self.search.retriever(),
            self.search.model,
            find=self.search.find,
            rerank=self.search.providers.rerank,
            rewrites=self.settings.chat_providers != ["local"],
            cite=write_reply(self.search.model.model_name, counts=self.citations),
        )
        return self._tracing.around(chain)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_report)
        self._tasks.append(task)


def _report(task: asyncio.Task[None]) -> None:
    """A background task that died must be seen: the service would otherwise say `starting` for ever."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("start_failed", cause=str(error), exc_info=error)
