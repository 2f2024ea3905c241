"""Parts of a reply to events: one translation for server-sent events and for the WebSocket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from app.redaction import redactor
from app.refusals import RETRY_AFTER, STATUS
from app.turns.running import ReadableTurn
from chains.turn import Outcome, ReplyPart

TERMINAL = ("done", "error")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a turn: `seq` is gapless from 1, `type` and `data` are the contract's."""

    turn_id: str
    seq: int
    type: str
    data: dict[str, Any]

    def as_sse(self) -> bytes:
        head = f"id: {self.turn_id}:{self.seq}\nevent: {self.type}\ndata: ".encode()
        return head + orjson.dumps(self.data) + b"\n\n"

    def as_frame(self) -> str:
        frame = {"type": self.type, "seq": self.seq, "turn_id": self.turn_id, **self.data}
        return orjson.dumps(frame).decode()


async def events_of(turn: ReadableTurn, request_id: str = "", after: int = 0) -> AsyncGenerator[Event, None]:
    """Translate each part above `after` into one event; the last is `done` or `error`, and there is exactly one."""
    async with aclosing(turn.parts(after)) as parts:
        async for part in parts:
            kind, data = _event(part)
            if kind == "error":
                data["request_id"] = request_id
            yield Event(turn.turn_id, int(part["seq"]), kind, data)


def _event(part: ReplyPart) -> tuple[str, dict[str, Any]]:
    if "outcome" in part:
        return ("error", _error(part)) if part["outcome"] == Outcome.FAILED else ("done", _done(part))
    if "restart" in part:
        return "restart", {"reason": part["restart"]}
    if "answer" in part:
        return "token", {"text": part["answer"]}
    if "sources" in part:
        return "sources", {"sources": part["sources"], "grounded": part.get("grounded", False)}
    if "stage" in part:
        return "status", {key: part[key] for key in ("stage", "question") if key in part}
    return "accepted", _accepted(part)


def _accepted(part: ReplyPart) -> dict[str, Any]:
    ids = {key: str(part[key]) for key in ("conversation_id", "turn_id")}
    token = {"visitor_token": part["visitor_token"]} if part.get("visitor_token") else {}
    return {**ids, **token, "durability": part.get("durability", "stored")}


def _done(part: ReplyPart) -> dict[str, Any]:
    """The reply without what was streamed already; the log has left that out."""
    done = {key: value for key, value in part.items() if key not in ("seq", "error") and value is not None}
    return {"partial": False, **done}


def _error(reply: ReplyPart) -> dict[str, Any]:
    error: dict[str, Any] = redactor.clean_deep(reply["error"]) | {"partial": bool(reply.get("partial", False))}
    if STATUS[error["code"]] in (429, 503):
        error.setdefault("retry_after", RETRY_AFTER)
    return error
