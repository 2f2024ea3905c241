"""A chat model on one or two providers: what the reader sees of their failures."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.prompts import ChatPromptTemplate
from played_model import FOREVER, GOOD, OTHER, endpoint, played
from reading import count, now, pair, said, said_until_failure

from chains.errors import ModelUnavailable
from chains.resilience import (
    BadKey,
    Count,
    Guard,
    NetworkFailure,
    ProviderDown,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    finish_of,
    resilient,
)

pytestmark = pytest.mark.anyio

BEFORE_THE_FIRST_TOKEN = {
    "upstream": [ProviderDown()],
    "network": [NetworkFailure()],
    "timeout": [FOREVER],
    "slow first token": [{"role": "assistant"}, 21, "late"],
    "rate_limited": [RateLimited(retry_after=1)],
    "bad_key": [BadKey()],
    "refused": [RequestRefused()],
    "empty": [{"finish_reason": "STOP"}],
    "blank": ["\n", {"finish_reason": "STOP"}],
    "nothing at all": [],
    "finish without a word": [{"finish_reason": "ERROR"}],
    "bad frame": [ValueError("not JSON")],
}
AFTER_IT = {
    "cut": ["Every ", NetworkFailure()],
    "ended without a finish reason": ["Every ", "joint"],
    "ended with an error": ["Every ", {"finish_reason": "ERROR"}],
    "stall": ["Every ", FOREVER, "joint."],
}


async def test_good_answer_passes_as_it_is(guard: Guard) -> None:
    model = resilient(endpoint(played(GOOD)), guard=guard)
    chunks = [chunk async for chunk in model.astream("?")]
    assert "".join(chunk.text for chunk in chunks) == "Every joint."
    assert "stop" in [finish_of(chunk) for chunk in chunks]
    assert guard.counts == {Count("calls", "first", "chat"): 1, Count("answered", "first", "chat"): 1}


async def test_model_stands_after_a_prompt(guard: Guard) -> None:
    upstream = played(GOOD)
    chain = ChatPromptTemplate.from_template("Say {what}.") | resilient(endpoint(upstream), guard=guard)
    assert (await chain.ainvoke({"what": "it"})).text == "Every joint."
    assert "".join([chunk.text async for chunk in chain.astream({"what": "it"})]) == "Every joint."
    assert upstream.messages[0][0].text == "Say it."


@pytest.mark.parametrize("script", BEFORE_THE_FIRST_TOKEN.values(), ids=BEFORE_THE_FIRST_TOKEN.keys())
async def test_failure_before_the_first_token_is_invisible(guard: Guard, script: list[Any]) -> None:
    started = now()
    model = pair(played(script), played(OTHER), guard)
    assert "".join(await said(model)) == "Another answer."
    assert now() - started <= 20
    assert (count(guard, "fallbacks", "second"), count(guard, "retries")) == (1, 0)


@pytest.mark.parametrize("script", AFTER_IT.values(), ids=AFTER_IT.keys())
async def test_failure_after_the_first_token_voids_it_and_another_answers(guard: Guard, script: list[Any]) -> None:
    seen = await said(pair(played(script), played(OTHER), guard))
    text, _, rest = "".join(seen).partition("!")
    assert text.startswith("Every ")
    assert rest in ("networkAnother answer.", "cutAnother answer.", "timeoutAnother answer.")
    assert count(guard, "restarts", "second") == 1


@pytest.mark.parametrize("script", AFTER_IT.values(), ids=AFTER_IT.keys())
async def test_failure_after_the_first_token_is_told_where_nobody_else_is(guard: Guard, script: list[Any]) -> None:
    upstream = played(script)
    seen, failure = await said_until_failure(resilient(endpoint(upstream), guard=guard))
    assert seen[0] == "Every "
    assert isinstance(failure, ModelUnavailable)
    assert "broke off" in failure.message
    assert upstream.calls == 1
    assert upstream.running == 0


async def test_text_stands_when_the_other_provider_fails_too(guard: Guard) -> None:
    first = played(AFTER_IT["cut"], [ProviderDown()])
    seen, failure = await said_until_failure(pair(first, played([ProviderDown()]), guard))
    assert first.calls == 2
    assert seen == ["Every "]
    assert "broke off" in failure.message


async def test_answer_is_voided_twice_at_most(guard: Guard) -> None:
    seen, _ = await said_until_failure(pair(played(AFTER_IT["cut"]), played(AFTER_IT["cut"]), guard))
    assert seen == ["Every ", "!network", "Every ", "!network", "Every "]


async def test_provider_that_failed_before_may_replace_a_broken_answer(guard: Guard) -> None:
    model = pair(played([RateLimited(retry_after=1)], GOOD), played(AFTER_IT["cut"]), guard)
    assert "".join(await said(model)) == "Every !networkEvery joint."


async def test_whole_answer_holds_nothing_of_a_voided_one(guard: Guard) -> None:
    message = await pair(played(AFTER_IT["cut"]), played(OTHER), guard).ainvoke("?")
    assert message.text == "Another answer."
    assert message.type == "ai"
    assert message.response_metadata == {"finish_reason": "COMPLETE"}


async def test_failed_attempt_leaves_no_trace_in_the_answer(guard: Guard) -> None:
    failing = played([{"model_name": "first-1"}, "\n", ProviderDown()])
    chunks = [chunk async for chunk in pair(failing, played(OTHER), guard).astream("?")]
    assert all("model_name" not in chunk.response_metadata for chunk in chunks)


async def test_only_provider_is_asked_again(guard: Guard) -> None:
    upstream = played([ProviderDown()], [FOREVER], GOOD)
    started = now()
    assert "".join(await said(resilient(endpoint(upstream), guard=guard))) == "Every joint."
    assert now() - started == pytest.approx(0.25 + 20 + 0.5)
    assert (count(guard, "retries"), upstream.running) == (2, 0)


async def test_random_failures_of_both_are_survived_by_a_third_call(guard: Guard) -> None:
    model = pair(played([ProviderDown()], GOOD), played([ProviderDown()]), guard)
    assert "".join(await said(model)) == "Every joint."
    assert (count(guard, "retries"), count(guard, "fallbacks", "second")) == (1, 1)


async def test_rate_limit_is_waited_for_where_nobody_else_is(guard: Guard) -> None:
    started = now()
    model = resilient(endpoint(played([RateLimited(retry_after=7)], GOOD)), guard=guard)
    assert "".join(await said(model)) == "Every joint."
    assert now() - started == pytest.approx(7.25)


async def test_rate_limited_provider_is_left_alone_for_as_long_as_it_asks(guard: Guard) -> None:
    first = played([RateLimited(retry_after=30)], GOOD)
    model = pair(first, played(OTHER), guard)
    assert ["".join(await said(model)) for _ in range(3)] == ["Another answer."] * 3
    assert first.calls == 1
    await asyncio.sleep(30)
    assert "".join(await said(model)) == "Every joint."


async def test_turns_wait_out_a_pause_without_spending_retries(guard: Guard) -> None:
    upstream = played([RateLimited(retry_after=7)], GOOD)
    model = resilient(endpoint(upstream), guard=guard)
    answers = await asyncio.gather(*(said(model) for _ in range(10)))
    assert ["".join(answer) for answer in answers] == ["Every joint."] * 10
    assert (upstream.calls, count(guard, "retries")) == (11, 1)


async def test_wait_that_the_deadline_does_not_leave_time_for_is_not_begun(guard: Guard) -> None:
    started = now()
    model = resilient(endpoint(played([RateLimited(retry_after=70)])), guard=guard)
    _, failure = await said_until_failure(model)
    assert (failure.code, failure.retry_after, now()) == ("model_unavailable", 70, started)


@pytest.mark.parametrize("error", [BadKey(), QuotaExhausted(), RequestRefused()], ids=str)
async def test_what_cannot_help_is_not_repeated(guard: Guard, error: Exception) -> None:
    upstream = played([error])
    _, failure = await said_until_failure(resilient(endpoint(upstream), guard=guard))
    assert (failure.code, upstream.calls) == ("model_unavailable", 1)
    assert failure.__cause__ is error


async def test_bad_key_is_asked_for_once_and_said_to_be_one(guard: Guard) -> None:
    first = played([BadKey("status 401")])
    model = pair(first, played(OTHER), guard)
    for _ in range(3):
        await said(model)
    assert first.calls == 1
    state = guard.breaker_states()[0]
    assert (state.provider, state.state, state.kind, state.misconfigured) == ("first", "open", "bad_key", True)
    assert (state.status, state.detail, state.retry_after) == ("unavailable", "status 401", 300)


async def test_quota_of_the_day_is_said_to_health_and_the_reader(guard: Guard) -> None:
    model = resilient(endpoint(played([QuotaExhausted()])), guard=guard)
    await said_until_failure(model)
    _, failure = await said_until_failure(model)
    assert failure.retry_after == 3_600
    assert guard.breaker_states()[0].status == "quota"


async def test_fallback_of_the_same_provider_is_refused(guard: Guard) -> None:
    with pytest.raises(ValueError, match="another provider"):
        resilient(endpoint(played()), fallback=endpoint(played()), guard=guard)


def test_synchronous_call_falls_back_too() -> None:
    guard = Guard()
    model = resilient(endpoint(played([ProviderDown()])), fallback=endpoint(played(OTHER), "second"), guard=guard)
    assert model.invoke("?").text == "Another answer."
    assert [chunk.text for chunk in model.stream("?")] == ["Another answer."]
    with pytest.raises(ModelUnavailable):
        resilient(endpoint(played(["Every "])), guard=guard).invoke("?")
