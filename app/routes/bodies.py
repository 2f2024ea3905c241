"""JSON bodies of HTTP doors: how deep they are nested is known before they are parsed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.nesting import too_nested
from chains.errors import InvalidTurn

LEVELS = 32  # a turn has one; LangChain's messages in LangServe's envelope have eight
BRACKETS = 10_000  # a conversation of 128 KiB in LangChain's own serialisation has about 8,000


async def body_of(request: Request) -> bytes:
    """Raises InvalidTurn when it is nested too deeply."""
    body = await request.body()
    if too_nested(body.decode("latin-1"), LEVELS, BRACKETS):
        raise InvalidTurn("The body is nested too deeply.")
    return body


class ShallowRoute(APIRoute):
    """FastAPI parses a body before any code of ours is asked; this one looks at it first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def look_first(request: Request) -> Response:
            if self.body_field is not None:
                await body_of(request)
            return await handle(request)

        return look_first
