"""What a reader thinks of a reply: a thumb and a comment, one per visitor and reply, changeable."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.routes.access import docent_of, visitor_of
from app.routes.bodies import ShallowRoute
from app.store import rate_reply
from chains.turn import unstorable

COMMENT_LIMIT = 2_000  # characters
THUMBS = {"up": 1, "down": -1}

router = APIRouter(tags=["feedback"], route_class=ShallowRoute)


class Feedback(BaseModel):
    """`turn_id`: of a turn of the visitor's that has ended. What is sent last counts, an empty comment included."""

    model_config = ConfigDict(str_strip_whitespace=True, frozen=True)

    turn_id: UUID
    rating: Literal["up", "down"]
    comment: str = Field(default="", max_length=COMMENT_LIMIT)

    @field_validator("rating", mode="before")
    @classmethod
    def thumb(cls, rating: object) -> object:
        """1 and -1 are the same thumbs, as other programs write them."""
        return next((name for name, value in THUMBS.items() if type(rating) is int and rating == value), rating)

    @field_validator("comment")
    @classmethod
    def storable(cls, comment: str) -> str:
        if unstorable(comment):
            raise ValueError("must not contain U+0000 or unpaired surrogates")
        return comment


@router.post("/api/feedback")
async def feedback(given: Feedback, request: Request) -> Feedback:
    """Rate a reply. Answers with what is kept."""
    visitor = visitor_of(request)
    store = await docent_of(request).resources.storage.store()
    await rate_reply(store, given.turn_id, visitor.id, THUMBS[given.rating], given.comment)
    return given
