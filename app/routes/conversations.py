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


@router.get("/api/conversations")
async def conversations(request: Request, limit: int = Query(default=50, ge=1, le=200)) -> dict[str, Any]:
    """The visitor's conversations, newest first: id, title, created and updated times."""
    store = await docent_of(request).resources.storage.store()
    return {"conversations": await store.conversations(visitor_of(request).id, limit)}


@router.get("/api/conversation/{conversation_id}")
async def conversation(conversation_id: str, request: Request) -> dict[str, Any]:
    """One conversation with every turn's question and reply, oldest first."""
    visitor = visitor_of(request)
    try:
        wanted = UUID(conversation_id)
    except ValueError:
        raise NotFound from None
    storage = docent_of(request).resources.storage
    if (waiting := storage.waiting_conversation(wanted, visitor.id)) is not None:
        return waiting
    return await (await storage.store()).conversation(wanted, visitor.id)
