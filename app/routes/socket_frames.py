"""Frames of `/ws/chat`: what a reader may send, how fast, and how events and refusals go out."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from app.admission import TURN_LIMIT
from app.events import Event
from app.nesting import too_nested
from app.refusals import error_body
from chains.errors import DocentError, InvalidTurn, RateLimited

TOO_BIG, FLOOD, OVERLOADED = 1009, 1008, 1013
BURST = 60.0  # frames that may come at once,
PACE = 10.0  # and a second after that: a person sends one in several seconds, a program resumes a few turns at once
WARNINGS = 20  # frames over that pace that are answered with an error before the socket is closed
NESTING = 16  # levels of a frame; a turn has one
BRACKETS = 256  # of a frame outside its texts; a turn has two

log = structlog.get_logger(__name__)


class SocketFrames:
    """One reader's socket. A bad frame gets an `error` event; an oversized one or a flood of them closes it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._pace = Pace()
        self._request_id = str(socket.scope["state"]["request_id"])

    @property
    def request_id(self) -> str:
        return self._request_id

    async def next(self) -> dict[str, Any] | None:
        """The next frame that can be read; None when the reader is gone or was shown the door."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            try:
                self._pace.step()
                return read_frame(message)
            except OversizedFrame:
                await self.close(TOO_BIG)
                return None
            except DocentError as error:
                if self._pace.flooded:
                    await self.close(FLOOD)
                    return None
                await self.refuse(error)

    async def tell(self, event: Event) -> None:
        """Raises WebSocketDisconnect when the reader is gone."""
        await self._send(event.as_frame())

    async def pong(self) -> None:
        await self._send('{"type":"pong"}')

    async def acknowledge(self, frame_type: str, **said: str) -> None:
        """Answer a frame that brings no event of its own."""
        await self._send(orjson.dumps({"type": frame_type, **said}).decode())

    async def refuse(self, error: DocentError, turn_id: object = None) -> None:
        """An `error` event outside of any turn's numbering."""
        log.warning("refused", code=error.code, path="/ws/chat")
        body = {"type": "error", **error_body(error, self._request_id)}
        if isinstance(turn_id, str):
            body["turn_id"] = turn_id
        await self._send(orjson.dumps(body).decode())

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except RuntimeError as error:  # the protocol has closed it meanwhile, for a frame that came after this one's
            raise WebSocketDisconnect(1006) from error

    async def close(self, code: int) -> None:
        log.warning("socket_closed", code=code, path="/ws/chat")
        try:
            await self._socket.close(code)
        except (RuntimeError, WebSocketDisconnect):  # it was closed already
            return


class OversizedFrame(Exception):
    """More bytes than a turn may have."""


class Pace:
    """A bucket of `BURST` frames that fills by `PACE` a second."""

    def __init__(self) -> None:
        self._left, self._seen, self._warned = BURST, time.monotonic(), 0

    @property
    def flooded(self) -> bool:
        return self._warned > WARNINGS

    def step(self) -> None:
        """Raises RateLimited for a frame that comes too fast."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._seen) * PACE)
        self._seen = now
        if self._left < 1:
            self._warned += 1
            raise RateLimited(retry_after=1)
        self._left -= 1
        if self._left > BURST / 2:
            self._warned = 0


def read_frame(message: MutableMapping[str, Any]) -> dict[str, Any]:
    """What `websocket.receive` brought, as an object.

    Raises:
        OversizedFrame
        InvalidTurn: not text, not JSON, not an object, or nested too deeply.
    """
    text = message.get("text")
    if text is None:
        if len(message.get("bytes") or b"") > TURN_LIMIT:
            raise OversizedFrame
        raise InvalidTurn("A frame is text, not binary.")
    if len(text) > TURN_LIMIT or len(text.encode(errors="replace")) > TURN_LIMIT:
        raise OversizedFrame
    if too_nested(text, NESTING, BRACKETS):
        raise InvalidTurn("The frame is nested too deeply.")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidTurn("The frame is not valid JSON.") from None
    if not isinstance(frame, dict):
        raise InvalidTurn("A frame is a JSON object.")
    return frame
