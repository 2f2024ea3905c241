"""A WebSocket client that may break every rule: frames are built and sent byte by byte."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PATIENCE = 60.0  # seconds, on a busy machine


def frame(
    payload: bytes, opcode: int = TEXT, *, fin: bool = True, reserved: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """`reserved`: the three bits, 0 to 7. `mask` None: as only a server may send it."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    return bytes([first]) + length_bytes(len(payload), masked=mask is not None) + _masked(payload, mask)


def length_bytes(length: int, *, masked: bool = True, form: int | None = None) -> bytes:
    """`form`: 7, 16 or 64 bits, whichever the length asks for if none is given."""
    bit = 0x80 if masked else 0
    form = form or (7 if length < 126 else 16 if length < 65_536 else 64)
    if form == 7:
        return bytes([bit | length])
    return bytes([bit | (126 if form == 16 else 127)]) + struct.pack("!H" if form == 16 else "!Q", length)


def _masked(payload: bytes, mask: bytes | None) -> bytes:
    if mask is None:
        return payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return mask + (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


@dataclass
class RawSocket:
    """After the handshake. `code` is the server's close code once it has closed; 0 if it only cut the line."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    code: int | None = None

    @classmethod
    async def open(cls, host: str, *, receive_buffer: int | None = None, origin: str | None = None) -> Self:
        """`receive_buffer`: bytes that the kernel takes for a client that does not read."""
        name, _, port = host.partition(":")
        raw = socket.socket()
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (name, int(port)))
        reader, writer = await asyncio.open_connection(sock=raw, limit=max(receive_buffer or 0, 2048))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /ws/chat HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *([f"Origin: {origin}"] if origin else []),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        """Raw bytes; a server that has gone is not the sender's business."""
        with suppress(ConnectionError):
            self.writer.write(data)
            async with asyncio.timeout(PATIENCE):
                await self.writer.drain()

    async def say(self, **fields: Any) -> None:
        await self.send(frame(json.dumps(fields).encode()))

    async def hear(self, *, answer_pings: bool = True) -> tuple[int, bytes] | None:
        """The next frame of the server: opcode and payload. None when it has closed."""
        try:
            async with asyncio.timeout(PATIENCE):
                opcode, payload = await self._frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.code = self.code or 0
            return None
        if opcode == CLOSE:
            self.code = int.from_bytes(payload[:2], "big") if payload else 1005
            return None
        if opcode == PING:
            if answer_pings:
                await self.send(frame(payload, PONG))
            return await self.hear(answer_pings=answer_pings)
        return opcode, payload

    async def event(self) -> dict[str, Any] | None:
        """The next text frame as an event; None when the server has closed."""
        while (heard := await self.hear()) is not None:
            if heard[0] == TEXT:
                told: dict[str, Any] = json.loads(heard[1])
                return told
        return None

    async def events(self) -> list[dict[str, Any]]:
        """All to the end of the socket."""
        told = []
        while (event := await self.event()) is not None:
            told.append(event)
        return told

    async def turn(self, **fields: Any) -> list[dict[str, Any]]:
        """One turn to its last event."""
        await self.say(type="turn", **fields)
        told: list[dict[str, Any]] = []
        while not told or told[-1]["type"] not in ("done", "error"):
            event = await self.event()
            assert event is not None, (self.code, told)
            told.append(event)
        return told

    def leave(self) -> None:
        self.writer.transport.abort()

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(length)
