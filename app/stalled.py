"""Closes the connections of readers that take nothing: what waits for them would never leave."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from starlette.types import Message, Send

PATIENCE = 20.0  # seconds without a byte taken
SWEEP_PAUSE = 2.0  # seconds; 5,000 connections cost 2 ms a sweep

log = structlog.get_logger(__name__)


class Reader:
    """One connection: bytes written to it so far, those that had left when last looked at, and since when."""

    __slots__ = ("since", "streams", "taken", "written")

    def __init__(self) -> None:
        self.written = self.streams = 0
        self.taken, self.since = 0, time.monotonic()


class StalledReaders:
    """Follows what is sent on each connection. One whose buffer does not empty at all for `patience` seconds is cut.

    The server waits for ever to close a connection with bytes in its buffer, and an answer waits with it; so neither
    is asked: the transport is aborted. It is found behind uvicorn's `send`, where there is one.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._readers: dict[Any, Reader] = {}

    def follow(self, send: Send) -> tuple[Send, Any]:
        """The same `send`, counted, and what to give to `leave` at the end."""
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is None:
            return send, None
        reader = self._readers.setdefault(transport, Reader())
        reader.streams += 1

        async def counted(message: Message) -> None:
            await send(message)
            reader.written += len(message.get("text") or message.get("bytes") or message.get("body") or b"")

        return counted, transport

    def leave(self, transport: Any) -> None:
        """The application has said everything; what is still in the buffer is followed on."""
        if (reader := self._readers.get(transport)) is not None:
            reader.streams -= 1
            if reader.streams <= 0 and transport.get_write_buffer_size() == 0:
                del self._readers[transport]

    async def watch(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(min(SWEEP_PAUSE, self._patience / 4))
            self.sweep()

    def sweep(self) -> None:
        now = time.monotonic()
        for transport, reader in [*self._readers.items()]:
            buffered = transport.get_write_buffer_size()
            taken = reader.written - buffered
            if buffered == 0 or taken > reader.taken:
                reader.since = now
            reader.taken = taken
            if buffered == 0 and reader.streams <= 0:
                del self._readers[transport]
            elif now - reader.since >= self._patience:
                log.warning("reader_stalled", buffered=buffered)
                transport.abort()
                reader.since = now
