"""`/ws/chat`: many turns over one socket, one JSON frame an event."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from app.docent import Docent
from app.events import events_of
from app.routes.access import docent_of
from app.routes.socket_frames import SocketFrames
from app.runnables import turn_of
from app.visitor import Visitor
from chains.errors import DocentError, InvalidTurn
from chains.turn import ChatTurn

TURNS_PER_SOCKET = 8  # running at once; the store allows one per conversation

router = APIRouter()


@router.websocket("/ws/chat")
async def chat_socket(socket: WebSocket) -> None:
    """The gate has checked the origin. A bad frame gets an `error` event and the socket stays."""
    await socket.accept()
    frames = SocketFrames(socket)
    turns = SocketTurns(frames, docent_of(socket))
    try:
        while (frame := await frames.next()) is not None:
            await turns.take(frame)
    except WebSocketDisconnect:
        return
    finally:
        await turns.leave()


class SocketTurns:
    """The turns that run over one socket."""

    def __init__(self, frames: SocketFrames, docent: Docent) -> None:
        self._frames = frames
        self._docent = docent
        self._tasks: set[asyncio.Task[None]] = set()
        self._visitor: Visitor | None = None

    async def take(self, frame: dict[str, Any]) -> None:
        """Act on one frame of the reader's."""
        try:
            match frame.get("type"):
                case "ping":
                    await self._frames.pong()
                case "turn":
                    self._begin(turn_of(frame), await self._visitor_of(frame))
                case _:
                    raise InvalidTurn("A frame's type is 'turn' or 'ping'.")
        except DocentError as error:
            await self._frames.refuse(error, frame.get("turn_id"))

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
            await self._frames.refuse(error, str(turn.turn_id))
            return
        async for event in events_of(running.parts(), self._frames.request_id):
            await self._frames.tell(event)

    async def _visitor_of(self, frame: dict[str, Any]) -> Visitor:
        """The frame's token wins; a socket that never sent one keeps the visitor that was made for it."""
        tokens = await self._docent.visitor_tokens()
        if (token := frame.get("token")) is not None:
            self._visitor = tokens.read(str(token))
        elif self._visitor is None:
            self._visitor = tokens.make()
        return self._visitor
