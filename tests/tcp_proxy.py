"""A TCP port in front of a server that can be slow, refuse, fall silent, or cut the line in the middle of an answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_REUSEPORT, SOL_SOCKET, socket
from types import TracebackType
from typing import Self


@dataclass
class TcpProxy:
    """Passes bytes on to a Unix socket or to (host, port), from 127.0.0.1 and `port`.

    `delay`: seconds before a new connection reaches the server. `silent`: what anybody says is swallowed, and no line
    ends. `cut_after`: once the server has said more than so many bytes, from when it is set, those few are passed on,
    the rest is lost, all lines of that client end, and the fault is over. `connections` counts the clients so far.
    """

    target: Path | tuple[str, int]
    delay: float = 0.0
    silent: bool = False
    cut_after: int | None = None
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _place: socket | None = None  # holds the port while nobody listens, or another program's connection may take it
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._place is not None:
            self._place.close()

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        if self._place is None:
            self._place = socket()
            self._place.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
            self._place.bind(("127.0.0.1", self.port))
            self.port = self._place.getsockname()[1]
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port, reuse_port=True)

    async def refuse(self) -> None:
        """Nobody listens any more, and every line is cut."""
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.transport.abort()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._lines.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            await asyncio.sleep(self.delay)
            answers, there = await self._reach()
            ways = [self._pass(reader, there), self._pass(answers, writer, answering=True)]
            await asyncio.wait([asyncio.create_task(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._lines.discard(writer)
            for line in (writer, there):
                if line is not None:
                    line.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answering: bool = False) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65_536):
                if self.silent:
                    continue
                if answering and self.cut_after is not None:
                    allowed = piece[: self.cut_after]
                    over, self.cut_after = len(piece) > self.cut_after, self.cut_after - len(allowed)
                    piece = allowed
                    if over:
                        self.cut_after = None
                        return
                sink.write(piece)
                await sink.drain()
