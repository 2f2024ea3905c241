"""uvicorn's HTTP connection with an end to its patience: it would wait for ever for the rest of a request."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_PATIENCE = 10.0  # seconds for the headers, from the connection's or the request's first byte,
BODY_PATIENCE = 12.0  # and for the body after them: a little more than the gate gives, whose refusal says why
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request does not arrive. Between requests uvicorn's own timeout holds."""

    _timer: asyncio.TimerHandle | None = None
    _arriving = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEADERS_PATIENCE)

    def data_received(self, data: bytes) -> None:
        if not self._arriving:
            self._arriving = True
            self._wait(HEADERS_PATIENCE)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._wait(BODY_PATIENCE)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arrived()

    def handle_websocket_upgrade(self) -> None:
        self._arrived()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._forget()
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _arrived(self) -> None:
        self._arriving = False
        self._forget()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(TIMED_OUT)
        self.transport.close()
