"""How much of a conversation a model is told."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.conversation import BUDGET, EACH, MESSAGES, recent
from chains.providers.estimated_tokens import EstimatedWordPieces

count = EstimatedWordPieces()


def talk(turns: int, answer: str = "It is so.") -> list[BaseMessage]:
    return [each for n in range(turns) for each in (HumanMessage(f"Question {n}?"), AIMessage(f"Answer {n}. {answer}"))]


@pytest.mark.parametrize("turns", [0, 1, 6])
def test_short_conversation_is_told_whole(turns: int) -> None:
    assert recent(talk(turns)) == talk(turns)


def test_of_500_turns_the_last_ones_are_told() -> None:
    told = recent(talk(500))
    assert len(told) == MESSAGES
    assert told[0].text == "Question 494?"
    assert told[-1].text.startswith("Answer 499.")


def test_long_answers_are_cut_and_the_budget_is_kept() -> None:
    told = recent(talk(6, "word " * 3_000))
    assert sum(count(message.text) for message in told) <= BUDGET
    assert all(count(message.text) <= EACH + 10 for message in told)
    assert told[-1].text.startswith("Answer 5.")
    assert told[-1].text.endswith("…")


def test_what_is_told_begins_with_a_question() -> None:
    assert isinstance(recent(talk(6, "word " * 3_000))[0], HumanMessage)
    assert recent([AIMessage("Welcome!")]) == []
