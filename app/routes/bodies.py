"""JSON bodies of HTTP doors: how deep they are nested is known before they are parsed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

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


def described_body(shape: type[BaseModel]) -> dict[str, Any]:
    """The JSON body of an operation whose handler reads the request itself, for the OpenAPI document.

    Definitions are put where they are used: a reference would be looked up in the whole document.
    """
    schema = shape.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return [inlined(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inlined(definitions[part["$ref"].rpartition("/")[2]])
        return {name: inlined(each) for name, each in part.items() if name != "discriminator"}

    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined(schema)}}}}


class ShallowRoute(APIRoute):
    """FastAPI parses a body before any code of ours is asked; this one looks at it first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def look_first(request: Request) -> Response:
            if self.body_field is not None:
                await body_of(request)
            return await handle(request)

        return look_first
