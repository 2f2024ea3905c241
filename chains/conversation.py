"""Pure: how much of what was said before goes to a model."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage

from chains.providers.estimated_tokens import EstimatedWordPieces

MESSAGES = 12  # six turns
BUDGET = 1_500  # word pieces, by estimate: as much as the passages themselves
EACH = 400  # word pieces of one message: an answer's beginning says what it was about

_count = EstimatedWordPieces()


def recent(history: Sequence[BaseMessage], *, messages: int = MESSAGES, budget: int = BUDGET) -> list[BaseMessage]:
    """The last messages that fit, oldest first, from a reader's question on. Long ones are cut to their beginning."""
    kept: list[BaseMessage] = []
    for message in reversed(history[-messages:]):
        short = _shortened(message)
        budget -= _count(short.text)
        if budget < 0:
            break
        kept.insert(0, short)
    while kept and not isinstance(kept[0], HumanMessage):
        kept.pop(0)
    return kept


def _shortened(message: BaseMessage) -> BaseMessage:
    text = message.text
    size = _count(text)
    if size <= EACH:
        return message
    return message.model_copy(update={"content": text[: len(text) * EACH // size].rstrip() + " …"})
