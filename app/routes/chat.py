"""`POST /api/chat`: one turn, as server-sent events or as the whole reply at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import TypeAdapter

from app.events import Event, events_of
from app.redaction import redactor
from app.refusals import RETRY_AFTER, STATUS, request_id_of
from app.routes.access import docent_of, visitor_of
from app.routes.bodies import ShallowRoute
from app.turns.running import RunningTurn
from chains.turn import ChatTurn, Reply, ReplyPart

PING_INTERVAL = 15.0  # seconds without an event after which a comment keeps proxies from closing the stream
STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
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
    stream = stream_events(running, request_id_of(request))
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


async def stream_events(running: RunningTurn, request_id: str) -> AsyncIterator[bytes]:
    """Encode a turn's events, with a comment where there was none for a while."""
    events = events_of(running.parts(), request_id)
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
    except StopAsyncIteration:
        return
    finally:
        if upcoming is not None:
            upcoming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await upcoming
        await events.aclose()
