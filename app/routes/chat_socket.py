"""`/ws/chat`: many turns over one socket, one JSON frame an event."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from app.docent import Docent
from app.events import events_of
from app.gate.gate import caller_address
from app.logs import place_of
from app.routes.access import docent_of
from app.routes.chat import SEQ_LIMIT
from app.routes.socket_frames import OVERLOADED, SocketFrames
from app.runnables import turn_of
from app.turns.running import ReadableTurn
from app.visitor import Visitor
from chains.errors import DocentError, InvalidTurn
from chains.turn import ChatTurn

TURNS_PER_SOCKET = 8  # running at once; the store allows one per conversation
CANCELLING = "cancelling"  # name of a task; those that tell a turn bear its id

log = structlog.get_logger(__name__)
router = APIRouter()


@router.websocket("/ws/chat")
async def chat_socket(socket: WebSocket) -> None:
    """The gate has checked the origin. A bad frame gets an `error` event and the socket stays."""
    await socket.accept()
    docent, frames = docent_of(socket), SocketFrames(socket)
    with docent.crowd.entered(caller_address()) as welcome:
        if welcome:
            await _serve(frames, docent)
        else:
            await frames.close(OVERLOADED)


async def _serve(frames: SocketFrames, docent: Docent) -> None:
    turns = SocketTurns(frames, docent)
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
                    turn = turn_of(frame).identified()
                    self._start(self._accept(turn, await self._visitor_of(frame)), str(turn.turn_id))
                case "resume":
                    turn_id, after = _turn_id_of(frame), _after_of(frame)
                    self._start(self._resume(turn_id, after, await self._visitor_of(frame)), str(turn_id), after)
                case "cancel":
                    turn_id = _turn_id_of(frame)
                    self._spawn(self._cancel(turn_id, await self._visitor_of(frame)), CANCELLING)
                case _:
                    raise InvalidTurn("A frame's type is 'turn', 'resume', 'cancel' or 'ping'.")
        except DocentError as error:
            await self._frames.refuse(error, frame.get("turn_id"))

    async def leave(self) -> None:
        """The reader is gone: stop writing to the socket; the turns themselves go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, accepting: Coroutine[Any, Any, ReadableTurn], turn_id: str, after: int = 0) -> None:
        if sum(task.get_name() != CANCELLING for task in self._tasks) >= TURNS_PER_SOCKET:
            accepting.close()
            raise InvalidTurn(f"At most {TURNS_PER_SOCKET} turns may run over one socket at once.")
        self._spawn(self._tell(accepting, turn_id, after), turn_id)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(self._while_open(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _while_open(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """A reader who has left hears nothing more; one who waits for what nobody foresaw is told so."""
        with suppress(WebSocketDisconnect):
            try:
                await work
            except WebSocketDisconnect:
                raise
            except Exception as error:
                log.error("failed", path="/ws/chat", error=type(error).__name__, where=place_of(error))
                await self._frames.refuse(DocentError(), None if name == CANCELLING else name)

    async def _tell(self, accepting: Coroutine[Any, Any, ReadableTurn], turn_id: str, after: int) -> None:
        try:
            turn = await accepting
            async with aclosing(events_of(turn, self._frames.request_id, after)) as events:
                async for event in events:
                    await self._frames.tell(event)
        except DocentError as error:
            await self._frames.refuse(error, turn_id)

    async def _accept(self, turn: ChatTurn, visitor: Visitor) -> ReadableTurn:
        return await (await self._docent.runner()).accept(turn, visitor)

    async def _resume(self, turn_id: UUID, after: int, visitor: Visitor) -> ReadableTurn:
        return await (await self._docent.runner_to_read()).resume(turn_id, visitor, after)

    async def _cancel(self, turn_id: UUID, visitor: Visitor) -> None:
        """The turn's own last event says it, where this socket hears that; elsewhere a frame does."""
        told_here = any(task.get_name() == str(turn_id) for task in self._tasks)
        try:
            state = await (await self._docent.runner_to_read()).cancel(turn_id, visitor)
        except DocentError as error:
            await self._frames.refuse(error, str(turn_id))
            return
        if not told_here:
            await self._frames.acknowledge("cancel", turn_id=str(turn_id), state=state.value)

    async def _visitor_of(self, frame: dict[str, Any]) -> Visitor:
        """The frame's token wins; a socket that never sent one keeps the visitor that was made for it."""
        tokens = await self._docent.visitor_tokens()
        if (token := frame.get("token")) is not None:
            self._visitor = tokens.read(str(token))
        elif self._visitor is None:
            await self._docent.newcomers.admit(frame.get("proof"), caller_address())
            self._visitor = tokens.make()
        return self._visitor


def _turn_id_of(frame: dict[str, Any]) -> UUID:
    try:
        return UUID(frame["turn_id"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InvalidTurn("turn_id: a UUID is needed here.") from None


def _after_of(frame: dict[str, Any]) -> int:
    after = frame.get("after", 0)
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after <= SEQ_LIMIT:
        raise InvalidTurn("after: the `seq` of the last event that was seen is needed here.")
    return after
