"""What the statements of the Postgres store bring back, in the words of everyone else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.history_messages import Remembered, TurnState
from chains.turn import Reply


def remembered(history: Sequence[Sequence[Any]] | None) -> list[Remembered]:
    """A conversation's newest messages, for `recall`, with what a follow-up may lean on."""
    return [
        Remembered(_message(kind, content, details), turn_id, state)
        for kind, content, turn_id, state, details in history or ()
    ]


def _message(kind: str, content: Any, details: Mapping[str, Any]) -> BaseMessage:
    known = {name: value for name, value in details.items() if value is not None}
    if kind == "human":
        return HumanMessage(content=content, additional_kwargs=known)
    return AIMessage(content=content, response_metadata=known)


def turns_of(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Questions with their replies. Another program's answer belongs to the question before it."""
    turns: list[dict[str, Any]] = []
    for row in rows:
        data = row["data"]
        if row["type"] == "human":
            turns.append({"turn_id": row["turn_id"], "question": data["content"], "created_at": row["created_at"]})
            turns[-1] |= {"state": row["state"] or TurnState.COMPLETE.value, **data["additional_kwargs"]}
            turns[-1] |= _reply_of(row)
            if row["feedback"] is not None:
                turns[-1]["feedback"] = row["feedback"]
        elif turns and row["type"] == "ai":
            turns[-1] |= {"answer": data["content"]}
    return turns


def _reply_of(row: dict[str, Any]) -> dict[str, Any]:
    """Every field of the reply; nothing of a running turn, whose row may still hold what it replaces."""
    if row["reply"] is None or row["state"] == TurnState.RUNNING:
        return {}
    return Reply.model_validate(row["reply"]).model_dump(mode="json", exclude_none=True)
