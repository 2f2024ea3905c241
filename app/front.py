"""What listens first: answers health while the service is imported, then hands every request on to it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import structlog
from starlette.responses import JSONResponse

from app.garbage import spare_what_is_loaded
from app.settings import Settings
from app.stalled import StalledReaders
from chains.data_dir import DataDirBusy, DataDirHolder
from chains.errors import SettingsError, Starting

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

PATIENCE = 20.0  # seconds that a request waits for the service to be imported; that takes two on an idle machine

# What the health routes say before the service can say it; the report's words are the contract's.
EARLY: dict[str, tuple[int, dict[str, Any]]] = {
    "/health/live": (200, {"status": "ok"}),
    "/health/ready": (503, {"status": "starting"}),
    "/api/health": (503, {"status": "starting", "services": {"fastapi": "ok"}}),
}

log = structlog.get_logger(__name__)


class Front:
    """An ASGI app that is light to import. `make_app` imports and builds the real one, in a thread."""

    def __init__(self, settings: Settings, make_app: Callable[[], FastAPI]) -> None:
        self._settings = settings
        self._make_app = make_app
        self._lifespans = AsyncExitStack()
        self._made = asyncio.Event()
        self._readers = StalledReaders()
        self.app: FastAPI | None = None
        self.failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self.app is not None:
            await self._serve(self.app, scope, receive, send)
        elif scope["path"] in EARLY:
            status, body = EARLY[scope["path"]]
            headers = {"Retry-After": "2"} if status == 503 else {}
            await JSONResponse(body, status, headers)(scope, receive, send)
        else:
            await self._wait(scope, receive, send)

    async def _serve(self, app: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        send, connection = self._readers.follow(send)
        try:
            await app(scope, receive, send)
        finally:
            self._readers.leave(connection)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._made.wait()
        if self.app is not None:
            await self._serve(self.app, scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013})
        else:
            body = {**Starting(retry_after=2).as_dict(), "request_id": "", "partial": False}
            await JSONResponse(body, 503, {"Retry-After": "2"})(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._check_data_dir()
        except (DataDirBusy, SettingsError) as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        tasks = [asyncio.create_task(work) for work in (self._open(), self._readers.watch())]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._lifespans.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _check_data_dir(self) -> None:
        """Another process's folder must end this one before it listens; `docent serve` has taken it already."""
        if self._settings.embedded:
            holder = DataDirHolder(self._settings.data_dir)
            if (other := holder.other()) is not None:
                raise DataDirBusy(self._settings.data_dir, other)

    async def _open(self) -> None:
        try:
            app = await asyncio.to_thread(self._make_app)
            await self._lifespans.enter_async_context(app.router.lifespan_context(app))
        except Exception as error:
            log.exception("start_failed", cause=str(error))
            self.failed = True
            signal.raise_signal(signal.SIGTERM)
            return
        self.app = app
        self._made.set()
        await app.state.docent.resources.started()
        spare_what_is_loaded()  # so that after the first turn, beside its successors, there is little to look through
