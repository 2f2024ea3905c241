"""A conversation of 500 turns: what the chain is told stays small, and nothing is lost."""

from __future__ import annotations

import pytest
from fakes import FakeChain, a_turn, answered
from langchain_core.messages import HumanMessage

from chains.conversation import BUDGET, recent
from chains.history import WINDOW, with_history
from chains.postgres_history import PostgresMessageStore
from chains.providers.estimated_tokens import EstimatedWordPieces

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(400)]

TURNS = 500
LONG = "and so on, at length, " * 100  # 2,200 characters


async def test_500_turns_are_told_by_their_last_ones(postgres: PostgresMessageStore) -> None:
    chain = FakeChain(*answered(f"So it is {LONG}"))
    talk = with_history(chain.as_runnable(), postgres)
    first = a_turn("Question 0?")
    for number in range(TURNS):
        asked = first if number == 0 else a_turn(f"Question {number}?", conversation_id=first.conversation_id)
        await talk.ainvoke(asked)
    told = [inputs["history"] for inputs in chain.inputs]
    assert [len(history) for history in told[:3]] == [0, 2, 4]
    assert {len(history) for history in told[WINDOW:]} == {WINDOW}
    count = EstimatedWordPieces()
    for number, history in enumerate(told[1:], start=1):
        shown = recent(history)
        questions = [message.text for message in shown if isinstance(message, HumanMessage)]
        assert questions[-1] == f"Question {number - 1}?"
        assert sum(count(message.text) for message in shown) <= BUDGET
