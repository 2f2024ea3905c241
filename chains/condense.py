"""A follow-up and what was said before it -> what to search for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import HumanMessage

from chains.turn import ChatTurn

SELECTION_SHARE = 500  # characters of a marked text that join the search; the embedder reads about 1,000 in all


def repeat_question(inputs: Mapping[str, Any]) -> str:
    """The question, or, when it leans on something before it: the question twice and that something, a line each.

    A repeated line is a weight. On 330 turns of real conversations this form found nDCG@10 .918, the last question
    alone .841 and the whole history .828; it needs no model. What it leans on is the text that the reader marked,
    else the reader's previous question.
    """
    turn: ChatTurn = inputs["turn"]
    context = _one_line(turn.selected_text or "")[:SELECTION_SHARE] or _previous_question(inputs)
    if not context:
        return turn.question
    question = _one_line(turn.question)
    return f"{question}\n{question}\n{context}"


def readable(query: str) -> str:
    """The query without the repetitions that are weights for the search."""
    return " ".join(dict.fromkeys(query.splitlines()))


def _previous_question(inputs: Mapping[str, Any]) -> str:
    questions = [message for message in inputs["history"] if isinstance(message, HumanMessage)]
    return _one_line(questions[-1].text) if questions else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
