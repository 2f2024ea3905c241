"""uvicorn with a drain of our own: it would close every WebSocket the moment a SIGTERM arrives."""

from __future__ import annotations

import asyncio
import time
from types import FrameType
from typing import TYPE_CHECKING

import structlog
import uvicorn

from app.front import Front
from app.logs import place_of
from app.patient_protocol import PatientProtocol
from app.settings import FRAME_LIMIT, Settings
from app.socket_protocol import LimitedSocket

if TYPE_CHECKING:
    from app.docent import Docent

PATIENT_SIGNALS = 2
POLL = 0.05  # seconds between looks at the turns that still run
KEEP_ALIVE = 75  # seconds between requests: longer than clients and proxies keep theirs, so that they close first
WEBSOCKET_PING = 20.0  # seconds between pings, and seconds to wait for the pong

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """The first SIGTERM or SIGINT waits for running turns, up to SHUTDOWN_GRACE; the second one does not wait.

    Either way what still runs then is stored as partial. A third one ends the process where it is.
    """

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signals = 0
        self._hurry = asyncio.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._signals += 1
        docent = self._docent
        if self._loop is None or docent is None or self._signals > PATIENT_SIGNALS:
            self.force_exit = docent is not None
            self.should_exit = True
        elif self._signals > 1:
            self._loop.call_soon_threadsafe(self._hurry.set)
        else:
            docent.resources.health.draining = True
            self._loop.call_soon_threadsafe(self._start_drain, docent)

    @property
    def _docent(self) -> Docent | None:
        return None if self._front.app is None else self._front.app.state.docent

    def _start_drain(self, docent: Docent) -> None:
        self._drain_task = asyncio.ensure_future(self._drain(docent))

    async def _drain(self, docent: Docent) -> None:
        """Readers hear the end of their turns before uvicorn closes anything, 1012 the WebSockets."""
        end = time.monotonic() + docent.settings.shutdown_grace
        try:
            while docent.unfinished_turns and time.monotonic() < end and not self._hurry.is_set():  # noqa: ASYNC110
                await asyncio.sleep(POLL)
            await docent.stop_turns()
        except Exception as error:
            log.error("drain_failed", error=type(error).__name__, where=place_of(error))
        finally:
            # Not super().handle_exit: uvicorn would raise the signal again at its end, and not exit with 0.
            self.should_exit = True


def server_config(front: Front, settings: Settings, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        front,
        host=settings.host,
        port=port,
        http=PatientProtocol,
        ws=LimitedSocket,
        ws_max_size=FRAME_LIMIT,
        ws_ping_interval=WEBSOCKET_PING,
        ws_ping_timeout=WEBSOCKET_PING,
        ws_per_message_deflate=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=5,
        log_config=None,
        access_log=False,
        server_header=False,
    )
