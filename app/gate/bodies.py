"""How much a request may send, and for how long. The body is counted as it comes, and never read."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from app.settings import FRAME_LIMIT
from chains.errors import TooLarge

TURN_LIMIT = FRAME_LIMIT
BATCH_LIMIT = 512 * 1024  # bytes, for /rag/batch and /retriever/batch
BODY_PATIENCE = 10.0  # seconds for the whole body; 128 KiB in ten seconds is a bad mobile line


def size_limit(scope: Scope) -> int:
    """Bytes."""
    return BATCH_LIMIT if scope["path"].endswith("/batch") else TURN_LIMIT


def check_declared_size(scope: Scope, length: str | None) -> None:
    """Raises TooLarge. A length that is no number is the server's business."""
    if length and length.isdigit() and int(length) > size_limit(scope):
        raise TooLarge


def bounded(receive: Receive, limit: int, patience: float = BODY_PATIENCE) -> Receive:
    """Count the body as it comes, for a chunked one declares no length; a slow one is not waited for.

    What comes after the body is a disconnection, and for that one may wait for ever.
    """
    seen, whole = 0, False
    deadline = 0.0

    async def receive_within_limits() -> Message:
        nonlocal seen, whole, deadline
        if whole:
            return await receive()
        deadline = deadline or asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request did not arrive in time.", {"Connection": "close"}) from None
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge
        whole = not message.get("more_body", False)
        return message

    return receive_within_limits
