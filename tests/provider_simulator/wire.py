"""The connection under one request: what ASGI lets one send, and, below it, how a connection breaks."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Receive, Send

from tests.provider_simulator.call import Headers

NO_LINGER = struct.pack("ii", 1, 0)


class ClientLeft(Exception):
    """The client closed the connection before the answer was whole."""


class Connection:
    """Made for uvicorn, whose `receive` belongs to an object that knows the transport; nothing may wrap it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._cycle: Any = receive.__self__  # type: ignore[attr-defined]

    async def body(self) -> bytes:
        body = b""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            body += bytes(message.get("body", b""))
            if not message.get("more_body"):
                return body

    async def start(self, status: int, content_type: str, headers: Headers) -> None:
        pairs = [("content-type", content_type), *headers.items()]
        encoded = [(name.lower().encode(), value.encode()) for name, value in pairs]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes) -> None:
        """One TCP write, if the client reads fast enough."""
        if self._cycle.disconnected:
            raise ClientLeft
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def send_whole(self, status: int, content_type: str, headers: Headers, body: bytes) -> None:
        await self.start(status, content_type, {"content-length": str(len(body)), **headers})
        await self._send({"type": "http.response.body", "body": body})

    async def pause(self, seconds: float | None) -> None:
        """Wait, for ever if None.

        Raises:
            ClientLeft: it went away meanwhile.
        """
        if seconds == 0:
            return
        try:
            async with asyncio.timeout(seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise ClientLeft

    async def disconnect(self) -> None:
        """Close the connection once what was written is sent: the client reads the end of the stream too early."""
        self._cycle.transport.close()
        await self._gone()

    async def reset(self) -> None:
        """Drop the connection, so that the client's TCP stack reports a reset."""
        connected: socket.socket = self._cycle.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._cycle.transport.abort()
        await self._gone()

    async def _gone(self) -> None:
        """Until uvicorn knows; it would else answer 500 in the place of the answer that never came."""
        with suppress(ClientLeft):
            await self.pause(None)


def as_json(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
