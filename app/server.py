"""uvicorn with a drain of our own: it would close every WebSocket the moment a SIGTERM arrives."""

from __future__ import annotations

import asyncio
import time
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from app.front import Front
from app.settings import FRAME_LIMIT, Settings
from app.socket_protocol import LimitedSocket

if TYPE_CHECKING:
    from app.docent import Docent

POLL = 0.05  # seconds between looks at the turns that still run
WEBSOCKET_PING = 20.0  # seconds between pings, and seconds to wait for the pong


class Server(uvicorn.Server):
    """The first SIGTERM or SIGINT waits for running turns, up to SHUTDOWN_GRACE; the second one ends at once."""

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        docent = self._docent
        if self._loop is None or docent is None or docent.resources.health.draining:
            self.force_exit = docent is not None
            self.should_exit = True
            return
        docent.resources.health.draining = True
        self._loop.call_soon_threadsafe(self._start_drain, docent)

    @property
    def _docent(self) -> Docent | None:
        return None if self._front.app is None else self._front.app.state.docent

    def _start_drain(self, docent: Docent) -> None:
        self._drain_task = asyncio.ensure_future(self._drain(docent))

    async def _drain(self, docent: Docent) -> None:
        end = time.monotonic() + docent.settings.shutdown_grace
        while docent.running_turns and time.monotonic() < end:  # noqa: ASYNC110 - a drain is rare, a poll is simple
            await asyncio.sleep(POLL)
        # Not super().handle_exit: uvicorn would raise the signal again at its end, and the exit code would not be 0.
        self.should_exit = True


def server_config(front: Front, settings: Settings, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        front,
        host=settings.host,
        port=port,
        ws=LimitedSocket,
        ws_max_size=FRAME_LIMIT,
        ws_ping_interval=WEBSOCKET_PING,
        ws_ping_timeout=WEBSOCKET_PING,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
        log_config=None,
        access_log=False,
        server_header=False,
    )
