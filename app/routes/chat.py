"""`/api/chat`: one turn, as server-sent events or as the whole reply at once; read on later, or stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import TypeAdapter

from app.events import Event, events_of
from app.redaction import redactor
from app.refusals import RETRY_AFTER, STATUS, request_id_of
from app.routes.access import docent_of, visitor_of
from app.routes.bodies import ShallowRoute
from app.turns.running import ReadableTurn
from chains.errors import NotFound, StorageUnavailable
from chains.history_messages import TurnState
from chains.turn import ChatTurn, Reply, ReplyPart

PING_INTERVAL = 15.0  # seconds without an event after which a comment keeps proxies from closing the stream
STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
SEQ_LIMIT = 999_999_999
REPLY = TypeAdapter(Reply)

router = APIRouter(tags=["chat"], route_class=ShallowRoute)


@router.post(
    "/api/chat",
    response_model=Reply,
    responses={200: {"content": {"text/event-stream": {}, "application/json": {}}}},
)
async def chat(turn: ChatTurn, request: Request) -> Response:
    """Answer a question: events by default, the whole reply for `Accept: application/json`."""
    visitor = visitor_of(request)
    running = await (await docent_of(request).runner()).accept(turn, visitor)
    if _wants_json(request.headers.get("accept", "")):
        return whole_reply(await running.reply(), request_id_of(request))
    return _streamed(running, request)


@router.get("/api/chat/{turn_id}/events", responses={200: {"content": {"text/event-stream": {}}}})
async def resume(
    turn_id: str,
    request: Request,
    after: int = Query(default=0, ge=0, le=SEQ_LIMIT),
    last_event_id: str = Header(default=""),
) -> Response:
    """The events of a turn above `after`, or above the one that `Last-Event-ID` names: missed ones, and new ones."""
    runner = await docent_of(request).runner_to_read()
    after = max(after, _seq_of(last_event_id, turn_id))
    return _streamed(await runner.resume(uuid_of(turn_id), visitor_of(request), after), request, after)


@router.post("/api/chat/{turn_id}/cancel")
async def cancel(turn_id: str, request: Request) -> Response:
    """Stop a turn. Says how it has ended, which may have been before; 202 while its process has not answered."""
    runner = await docent_of(request).runner_to_read()
    state = await runner.cancel(uuid_of(turn_id), visitor_of(request))
    return JSONResponse({"turn_id": turn_id, "state": state.value}, 202 if state is TurnState.RUNNING else 200)


def uuid_of(turn_id: str) -> UUID:
    """Raises NotFound for what cannot be anybody's turn."""
    try:
        return UUID(turn_id)
    except ValueError:
        raise NotFound from None


def _seq_of(last_event_id: str, turn_id: str) -> int:
    """Of an event's id, `turn:seq`; 0 for what is not one of this turn's."""
    turn, _, seq = last_event_id.rpartition(":")
    mine = turn in ("", turn_id) and seq.isascii() and seq.isdigit() and len(seq) < 10
    return int(seq) if mine else 0


def _streamed(turn: ReadableTurn, request: Request, after: int = 0) -> Response:
    stream = stream_events(turn, request_id_of(request), after)
    return StreamingResponse(stream, media_type="text/event-stream", headers=STREAM_HEADERS)


def _wants_json(accept: str) -> bool:
    return "application/json" in accept and "text/event-stream" not in accept


def whole_reply(reply: ReplyPart, request_id: str) -> JSONResponse:
    """The folded reply; a failed one carries its error's status, and the error's fields beside the reply's."""
    body = Reply.model_validate(reply).model_dump(mode="json")
    error = redactor.clean_deep(body.get("error"))
    if error is None:
        return JSONResponse(body)
    status = STATUS[error["code"]]
    headers = {"Retry-After": str(error.get("retry_after", RETRY_AFTER))} if status in (429, 503) else {}
    body |= {"error": error, **error, "request_id": request_id}
    return JSONResponse(body, status_code=status, headers=headers)


async def stream_events(turn: ReadableTurn, request_id: str, after: int = 0) -> AsyncIterator[bytes]:
    """Encode a turn's events, with a comment where there was none for a while.

    A stream whose turn runs elsewhere ends without its last event when the database stays away: it can be resumed.
    """
    events = events_of(turn, request_id, after)
    upcoming: asyncio.Task[Event] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait((upcoming,), timeout=PING_INTERVAL)
            if not done:
                yield b": ping\n\n"
                continue
            event, upcoming = upcoming.result(), None
            yield event.as_sse()
    except (StopAsyncIteration, StorageUnavailable):
        return
    finally:
        if upcoming is not None:
            upcoming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, StorageUnavailable):
                await upcoming
        await events.aclose()
