"""What of a turn is kept, and in which words: the same for every store."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from itertools import dropwhile
from typing import NamedTuple
from uuid import UUID

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata

from chains.errors import DocentError
from chains.turn import ChatTurn, Outcome, Reply, ReplyPart

CONTENT = ("question", "selected_text", "scope", "page_url", "language")
STORED = frozenset(Reply.model_fields) - {"visitor_token"}
TITLE_LIMIT = 80  # characters
INTERRUPTED = "\n\n[This answer was interrupted before its end.]"


class TurnState(StrEnum):
    """Where a turn stands. Only a running turn may change its state; all but complete ones may run again."""

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


TOLD = (TurnState.COMPLETE, TurnState.PARTIAL, TurnState.CANCELLED)  # failed turns are not told to the model


class Remembered(NamedTuple):
    """A stored message; those that another program wrote have neither turn nor state."""

    message: BaseMessage
    turn_id: UUID | str | None = None
    state: str | None = None


def content_of(turn: ChatTurn) -> str:
    """A fingerprint of what was asked: the same id with another one is another turn."""
    content = {name: getattr(turn, name) for name in CONTENT}
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def erasure_of(owner: str, conversation_id: UUID | None) -> str:
    """By what an erasure is known, which tells nothing of what was erased; no conversation: all of the owner's."""
    return hashlib.sha256(f"{owner} {conversation_id or 'everything'}".encode()).hexdigest()


def title_of(turn: ChatTurn) -> str:
    """The question on one line, cut at a word."""
    line = " ".join(turn.question.split())
    if len(line) <= TITLE_LIMIT:
        return line
    return line[: TITLE_LIMIT - 1].rsplit(" ", 1)[0] + "…"


def question_message(turn: ChatTurn) -> HumanMessage:
    """The question; where and about what it was asked lies beside it."""
    circumstances = {name: getattr(turn, name) for name in CONTENT[1:] if getattr(turn, name) not in (None, "book")}
    return HumanMessage(turn.question, additional_kwargs=circumstances)


def answer_message(reply: ReplyPart) -> AIMessage:
    """The answer as LangChain keeps answers; sources and citations are kept with the turn."""
    told = {name: reply[name] for name in ("outcome", "grounded", "partial") if name in reply}
    return AIMessage(
        reply.get("answer", ""),
        response_metadata={"model_name": reply.get("model", ""), **told},
        usage_metadata=_usage_of(reply),
    )


def _usage_of(reply: ReplyPart) -> UsageMetadata | None:
    if not (usage := reply.get("usage")):
        return None
    read, written = usage["input_tokens"], usage["output_tokens"]
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def ended(reply: ReplyPart) -> ReplyPart:
    """What is kept of a reply. One without an outcome was interrupted."""
    kept = ReplyPart({name: value for name, value in reply.items() if name in STORED})
    return kept if "outcome" in kept else kept + interruption()


def state_of(reply: ReplyPart) -> TurnState:
    """The state that an ended reply leaves its turn in."""
    match reply["outcome"]:
        case Outcome.CANCELLED:
            return TurnState.CANCELLED
        case Outcome.FAILED:
            return TurnState.PARTIAL if reply.get("partial") else TurnState.FAILED
        case _:
            return TurnState.COMPLETE


def failure(error: BaseException, so_far: ReplyPart) -> ReplyPart:
    """The last part of a reply that failed: partial if the reader has seen some of the answer."""
    known = error if isinstance(error, DocentError) else DocentError()
    return _cut_short(known, partial=bool(so_far.get("answer")))


def interruption() -> ReplyPart:
    """The last part of a reply that nobody failed and nobody ended: the process or its reader went away."""
    return _cut_short(DocentError("The answer was interrupted. Please ask again."), partial=True)


def cancellation() -> ReplyPart:
    """The last part of a reply that its reader stopped."""
    return ReplyPart(outcome=Outcome.CANCELLED.value, partial=False, grounded=False)


def _cut_short(error: DocentError, *, partial: bool) -> ReplyPart:
    """Not grounded, whatever the gate said before: citations are only known at the end."""
    return ReplyPart(outcome=Outcome.FAILED.value, partial=partial, grounded=False, error=error.as_dict())


def recall(rows: Sequence[Remembered], window: int) -> list[BaseMessage]:
    """The newest `window` messages that the model is told, oldest first, from a question on.

    A turn is told with question and answer or not at all; an interrupted answer says that it is one.
    """
    messages_of = Counter(row.turn_id for row in rows)
    told = [row for row in rows if row.turn_id is None or (row.state in TOLD and messages_of[row.turn_id] == 2)]
    newest = [_as_told(row) for row in told[max(len(told) - window, 0) :]]
    return list(dropwhile(lambda message: not isinstance(message, HumanMessage), newest))


def _as_told(row: Remembered) -> BaseMessage:
    if isinstance(row.message, AIMessage) and row.state in (TurnState.PARTIAL, TurnState.CANCELLED):
        return AIMessage(f"{row.message.content}{INTERRUPTED}")
    return row.message
