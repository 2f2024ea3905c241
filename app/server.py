"""uvicorn with a drain of our own: it would close every WebSocket the moment a SIGTERM arrives."""

from __future__ import annotations

import asyncio
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app.admission import TURN_LIMIT
from app.docent import Docent
from app.settings import Settings

POLL = 0.05  # seconds between looks at the turns that still run
WEBSOCKET_PING = 20.0  # seconds between pings, and seconds to wait for the pong


class Server(uvicorn.Server):
    """The first SIGTERM or SIGINT waits for running turns, up to SHUTDOWN_GRACE; the second one ends at once."""

    def __init__(self, config: uvicorn.Config, docent: Docent) -> None:
        super().__init__(config)
        self._docent = docent
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None or self._docent.resources.health.draining:
            self.force_exit = self.should_exit = True
            return
        self._docent.resources.health.draining = True
        self._loop.call_soon_threadsafe(self._start_drain)

    def _start_drain(self) -> None:
        self._drain_task = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        end = time.monotonic() + self._docent.settings.shutdown_grace
        while self._docent.running_turns and time.monotonic() < end:  # noqa: ASYNC110 - a drain is rare, a poll is simple
            await asyncio.sleep(POLL)
        # Not super().handle_exit: uvicorn would raise the signal again at its end, and the exit code would not be 0.
        self.should_exit = True


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_max_size=TURN_LIMIT,
        ws_ping_interval=WEBSOCKET_PING,
        ws_ping_timeout=WEBSOCKET_PING,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
        log_config=None,
        access_log=False,
        server_header=False,
    )
