"""How answers end: whole, blocked, by a limit, by the turn's deadline."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.prompts import ChatPromptTemplate
from played_model import FOREVER, GOOD, OTHER, STOP, endpoint, played
from reading import now, pair, said, said_until_failure

from chains.errors import DeadlineExceeded
from chains.resilience import ContentBlocked, Deadline, Guard, finish_of, resilient, turn_deadline

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "script",
    [
        [{"prompt_feedback": {"block_reason": "SAFETY"}}],
        [{"finish_reason": "PROHIBITED_CONTENT"}],
        [ContentBlocked()],
        ["Every ", {"finish_reason": "SAFETY"}],
    ],
    ids=["prompt", "answer", "raised", "half an answer"],
)
async def test_blocked_answer_is_an_answer(guard: Guard, script: list[Any]) -> None:
    second = played(OTHER)
    chunks = [chunk async for chunk in pair(played(script), second, guard).astream("?")]
    assert any(finish_of(chunk) in ("content_filter", "prohibited_content", "safety") for chunk in chunks)
    assert second.calls == 0
    assert guard.breaker_states()[0].state == "closed"


@pytest.mark.parametrize("reason", ["MAX_TOKENS", "STOP_SEQUENCE", "length", "end_turn"])
async def test_answer_that_its_limit_ended_is_one(guard: Guard, reason: str) -> None:
    model = resilient(endpoint(played(["Every ", {"finish_reason": reason}])), guard=guard)
    assert "".join(await said(model)) == "Every "


async def test_model_without_finish_reasons_can_be_trusted(guard: Guard) -> None:
    model = resilient(endpoint(played(["Every ", "joint."]), complete=None), guard=guard)
    assert "".join(await said(model)) == "Every joint."


async def test_slow_but_steady_answer_is_left_to_finish(guard: Guard) -> None:
    steady = [step for _ in range(4) for step in ("word ", 14.0)]
    assert "".join(await said(resilient(endpoint(played([*steady, STOP])), guard=guard))) == "word " * 4


async def test_turns_deadline_ends_every_wait(guard: Guard) -> None:
    upstream = played([FOREVER])
    started = now()
    with turn_deadline(Deadline(12, now)):
        _, failure = await said_until_failure(resilient(endpoint(upstream), guard=guard))
    assert isinstance(failure, DeadlineExceeded)
    assert now() - started == pytest.approx(12)
    assert upstream.running == 0


async def test_nobody_is_asked_after_the_deadline(guard: Guard) -> None:
    upstream = played(GOOD)
    with turn_deadline(Deadline(0, now)):
        _, failure = await said_until_failure(resilient(endpoint(upstream), guard=guard))
    assert (failure.code, upstream.calls) == ("deadline_exceeded", 0)


async def test_deadline_reaches_a_model_inside_a_chain(guard: Guard) -> None:
    chain = ChatPromptTemplate.from_template("{it}") | resilient(endpoint(played([FOREVER])), guard=guard)
    started = now()
    with turn_deadline(Deadline(3, now)), pytest.raises(DeadlineExceeded):
        [chunk async for chunk in chain.astream({"it": "?"})]
    assert now() - started == pytest.approx(3)
