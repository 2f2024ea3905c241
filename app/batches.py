"""`/rag/batch`: every member gets a reply of its own, a refused one too."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from app.runnables import turn_of
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.errors import DocentError, InvalidTurn
from chains.turn import Outcome, Reply

BATCH_MEMBERS = 8


async def reply_to_each(members: list[Any], runner: TurnRunner, visitor: Visitor) -> list[dict[str, Any]]:
    """Replies in the members' order. Members of one conversation run one after another, the others side by side.

    Raises:
        InvalidTurn: there are more than BATCH_MEMBERS.
    """
    if len(members) > BATCH_MEMBERS:
        raise InvalidTurn(f"A batch has at most {BATCH_MEMBERS} members.")
    replies: dict[int, Reply] = {}
    lanes: dict[object, list[int]] = {}
    for index, member in enumerate(members):
        lanes.setdefault(_conversation_of(member) or index, []).append(index)

    async def run(lane: list[int]) -> None:
        for index in lane:
            replies[index] = await _reply_to(members[index], runner, visitor)

    await asyncio.gather(*(run(lane) for lane in lanes.values()))
    return [replies[index].model_dump(mode="json") for index in range(len(members))]


def _conversation_of(member: Any) -> UUID | None:
    """However its id is written. What is none is refused by itself."""
    try:
        return UUID(member["conversation_id"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


async def _reply_to(member: Any, runner: TurnRunner, visitor: Visitor) -> Reply:
    try:
        running = await runner.accept(turn_of(member), visitor)
    except DocentError as error:
        return Reply(outcome=Outcome.FAILED, error=error.as_dict())
    return Reply.model_validate(await running.reply())
