"""A visitor's own conversations. Another visitor's id answers as one that does not exist."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.gate.gate import caller_address
from app.gate.newcomers import PROOF_HEADER
from app.routes.access import docent_of, visitor_of
from chains.errors import NotFound

router = APIRouter(tags=["conversations"])


@router.post("/api/session", status_code=201)
async def open_session(request: Request) -> dict[str, str]:
    """A new visitor token."""
    docent = docent_of(request)
    await docent.newcomers.admit(request.headers.get(PROOF_HEADER), caller_address())
    tokens = await docent.visitor_tokens()
    return {"visitor_token": str(tokens.make().new_token)}


@router.delete("/api/session", status_code=204)
async def close_session(request: Request) -> None:
    """Everything of this visitor is erased. The token stays valid, and knows nothing."""
    await docent_of(request).erase(visitor_of(request))


@router.get("/api/conversations")
async def conversations(request: Request, limit: int = Query(default=50, ge=1, le=200)) -> dict[str, Any]:
    """The visitor's conversations, newest first: id, title, created and updated times."""
    store = await docent_of(request).resources.storage.store()
    return {"conversations": await store.conversations(visitor_of(request).id, limit)}


@router.get("/api/conversation/{conversation_id}")
async def conversation(conversation_id: str, request: Request) -> dict[str, Any]:
    """One conversation with every turn's question and reply, oldest first."""
    visitor, wanted = visitor_of(request), _uuid_of(conversation_id)
    storage = docent_of(request).resources.storage
    if (waiting := storage.waiting_conversation(wanted, visitor.id)) is not None:
        return waiting
    return await (await storage.store()).conversation(wanted, visitor.id)


@router.delete("/api/conversation/{conversation_id}", status_code=204)
async def erase_conversation(conversation_id: str, request: Request) -> None:
    """One conversation is erased, with every turn and what was thought of it. What is written in it is stopped."""
    visitor, wanted = visitor_of(request), _uuid_of(conversation_id)
    if not await docent_of(request).erase(visitor, wanted):
        raise NotFound


def _uuid_of(conversation_id: str) -> UUID:
    """Raises NotFound for what cannot be anybody's conversation."""
    try:
        return UUID(conversation_id)
    except ValueError:
        raise NotFound from None
