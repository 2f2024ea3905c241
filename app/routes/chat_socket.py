"""`/ws/chat`: many turns over one socket, one JSON frame an event."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from app.admission import TURN_LIMIT
from app.docent import Docent
from app.events import events_of
from app.refusals import error_body
from app.routes.access import docent_of
from app.runnables import turn_of
from app.visitor import Visitor
from chains.errors import DocentError, InvalidTurn
from chains.turn import ChatTurn

TOO_BIG = 1009
TURNS_PER_SOCKET = 8  # running at once; the store allows one per conversation

router = APIRouter()
log = structlog.get_logger(__name__)


@router.websocket("/ws/chat")
async def chat_socket(socket: WebSocket) -> None:
    """The gate has checked the origin. A bad frame gets an `error` event and the socket stays."""
    await socket.accept()
    conversation = SocketTurns(socket, docent_of(socket))
    try:
        while (text := await _next_frame(socket)) is not None:
            await conversation.take(text)
    except WebSocketDisconnect:
        return
    finally:
        await conversation.leave()


async def _next_frame(socket: WebSocket) -> str | None:
    """The next frame's text; a binary one is read as UTF-8; an oversized one closes the socket."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        return None
    text: str = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
    if len(text.encode(errors="replace")) > TURN_LIMIT:
        await socket.close(TOO_BIG)
        return None
    return text


class SocketTurns:
    """The turns that run over one socket."""

    def __init__(self, socket: WebSocket, docent: Docent) -> None:
        self._socket = socket
        self._docent = docent
        self._tasks: set[asyncio.Task[None]] = set()
        self._visitor: Visitor | None = None

    async def take(self, text: str) -> None:
        """Act on one frame of the reader's."""
        frame: dict[str, Any] = {}
        try:
            frame = _parsed(text)
            match frame.get("type"):
                case "ping":
                    await self._socket.send_text('{"type":"pong"}')
                case "turn":
                    self._begin(turn_of(frame), await self._visitor_of(frame))
                case _:
                    raise InvalidTurn("A frame's type is 'turn' or 'ping'.")
        except DocentError as error:
            await self._refuse(error, frame.get("turn_id"))

    async def leave(self) -> None:
        """The reader is gone: stop writing to the socket; the turns themselves go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, turn: ChatTurn, visitor: Visitor) -> None:
        if len(self._tasks) >= TURNS_PER_SOCKET:
            raise InvalidTurn(f"At most {TURNS_PER_SOCKET} turns may run over one socket at once.")
        task = asyncio.create_task(self._run(turn, visitor))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, turn: ChatTurn, visitor: Visitor) -> None:
        turn = turn.identified()
        try:
            running = await (await self._docent.runner()).accept(turn, visitor)
        except DocentError as error:
            await self._refuse(error, str(turn.turn_id))
            return
        async for event in events_of(running.parts(), self._request_id):
            await self._socket.send_text(event.as_frame())

    async def _visitor_of(self, frame: dict[str, Any]) -> Visitor:
        """The frame's token wins; a socket that never sent one keeps the visitor that was made for it."""
        tokens = await self._docent.visitor_tokens()
        if (token := frame.get("token")) is not None:
            self._visitor = tokens.read(str(token))
        elif self._visitor is None:
            self._visitor = tokens.make()
        return self._visitor

    async def _refuse(self, error: DocentError, turn_id: object) -> None:
        log.warning("refused", code=error.code, path="/ws/chat")
        body = {"type": "error", **error_body(error, self._request_id)}
        if isinstance(turn_id, str):
            body["turn_id"] = turn_id
        await self._socket.send_text(orjson.dumps(body).decode())

    @property
    def _request_id(self) -> str:
        return str(self._socket.scope["state"]["request_id"])


def _parsed(text: str) -> dict[str, Any]:
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidTurn("The frame is not valid JSON.") from None
    if not isinstance(frame, dict):
        raise InvalidTurn("A frame is a JSON object.")
    return frame
