"""The server in a thread of the tests."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Self

import uvicorn

from tests.qdrant_server.app import QdrantApp
from tests.qdrant_server.cluster import Cluster
from tests.qdrant_server.faults import Faults

STARTS_WITHIN = 20.0  # seconds


class QdrantServer:
    """One cluster on a free port of the loopback, as a context. Its port stays its own while it refuses."""

    def __init__(
        self,
        directory: Path,
        *,
        api_key: str | None = None,
        strict: bool = True,
        keeps_metadata: bool = True,
        port: int = 0,
    ) -> None:
        self.api_key = api_key
        self._cluster = Cluster(directory, strict=strict, keeps_metadata=keeps_metadata)
        self._app = QdrantApp(self._cluster, api_key)
        self._address = ("127.0.0.1", port)
        self._reserved: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._reserved = _bound(self._address)
        self._address = self._reserved.getsockname()
        self._cluster.client.open()
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._cluster.client.close()
        assert self._reserved is not None
        self._reserved.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._address[1]}"

    @property
    def faults(self) -> Faults:
        return self._app.faults

    @property
    def calls(self) -> list[str]:
        """ "METHOD /path" of every request so far."""
        return self._app.calls

    def listen(self) -> None:
        """Answer; again after `refuse`, with all that was stored."""
        listener = _bound(self._address)
        config = uvicorn.Config(self._app, log_level="error", lifespan="off", timeout_graceful_shutdown=1, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._server.started:
            assert time.monotonic() < deadline
            assert self._thread.is_alive()
            time.sleep(0.005)

    def refuse(self) -> None:
        """Break every connection and refuse new ones."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(STARTS_WITHIN)


def _bound(address: tuple[str, int]) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(address)
    return bound
