"""Many turns while providers are down."""

from __future__ import annotations

import asyncio

import pytest
from played_model import FOREVER, STOP, endpoint, played

from chains.errors import DocentError
from chains.resilience import (
    Count,
    Guard,
    Operation,
    ProviderDown,
    RateLimited,
    ResilientModel,
    RetryBudget,
    resilient,
)
from chains.resilience.attempts import Attempts

pytestmark = pytest.mark.anyio

GOOD = ("Yes.", STOP)


async def answered(model: ResilientModel) -> bool:
    try:
        return bool((await model.ainvoke("?")).text)
    except DocentError:
        return False


def test_budget_lets_a_tenth_through() -> None:
    budget = RetryBudget(reserve=5)
    taken = 0
    for _ in range(500):
        budget.deposit()
        taken += budget.withdraw()
    assert 48 <= taken <= 50


def test_budget_that_owes_lets_nothing_through_until_it_has_paid() -> None:
    budget = RetryBudget(reserve=5)
    for _ in range(8):
        budget.owe()
    taken = []
    for _ in range(100):
        budget.deposit()
        taken.append(budget.withdraw())
    assert not any(taken[:85])
    assert any(taken)


@pytest.mark.parametrize(("is_answered", "left"), [(True, 5), (False, 4)])
async def test_wasted_call_is_paid_unless_there_is_an_answer(guard: Guard, is_answered: bool, left: int) -> None:
    attempts = Attempts(guard, Operation.CHAT, ["first", "second"])
    for provider in ("first", "second"):
        assert await attempts.next() == provider
        attempts.failed(provider, ProviderDown())
    if is_answered:
        attempts.answered()
    assert sum(guard.budget(Operation.CHAT).withdraw() for _ in range(10)) == left


def test_budget_keeps_no_more_than_twice_its_reserve() -> None:
    budget = RetryBudget(reserve=5)
    for _ in range(10_000):
        budget.deposit()
    assert sum(budget.withdraw() for _ in range(100)) == 10


@pytest.mark.parametrize("trouble", [ProviderDown(), RateLimited()], ids=str)
async def test_total_outage_is_not_answered_with_a_storm(guard: Guard, trouble: Exception) -> None:
    first, second = played([trouble]), played([trouble])
    model = resilient(endpoint(first), fallback=endpoint(second, "second"), guard=guard)
    assert not any([await answered(model) for _ in range(200)])
    asked = 200 - guard.counts[Count("refused", "first", "chat")]
    assert first.calls + second.calls <= asked + max(5 + 3, 0.1 * asked)  # the reserve, or what was earned
    assert second.calls > 0


async def test_burst_into_a_hanging_provider_leaves_for_the_other_and_opens(guard: Guard) -> None:
    first, second = played([FOREVER]), played(GOOD)
    model = resilient(endpoint(first), fallback=endpoint(second, "second"), guard=guard)
    assert all(await asyncio.gather(*(answered(model) for _ in range(50))))
    assert guard.breaker_states()[0].state == "open"
    assert await answered(model)
    assert first.calls == 50
    assert first.running == 0


async def test_outage_of_five_minutes_costs_five_calls_and_a_probe_per_cooldown(guard: Guard) -> None:
    down = [ProviderDown()]
    first, second = played(*[down] * 64, GOOD), played(GOOD)
    model = resilient(endpoint(first), fallback=endpoint(second, "second"), guard=guard)
    for _ in range(300):
        assert await answered(model)
        await asyncio.sleep(1)
    assert 50 <= first.calls <= 65
    assert guard.counts[Count("failures", "first", "chat", "upstream")] == first.calls
    while guard.breaker_states()[0].state != "closed":
        await asyncio.sleep(1)
        assert await answered(model)
    assert first.calls == 65


async def test_provider_that_came_back_is_used_by_all_once_it_has_begun_to_answer(guard: Guard) -> None:
    first = played(*[[ProviderDown()]] * 5, ["Yes", 10, STOP])
    model = resilient(endpoint(first), guard=Guard(budget=RetryBudget(reserve=0), now=guard.now))
    for _ in range(5):
        await answered(model)
    await asyncio.sleep(5)
    probe = asyncio.create_task(answered(model))
    await asyncio.sleep(1)
    assert await answered(model)
    assert await probe
    assert first.calls == 7


async def test_reader_is_told_when_to_come_back(guard: Guard) -> None:
    model = resilient(endpoint(played([ProviderDown()])), guard=guard)
    for _ in range(5):
        await answered(model)
    with pytest.raises(DocentError) as failure:
        await model.ainvoke("?")
    assert failure.value.retry_after == 5
    assert str(failure.value.__cause__) == "open: upstream"


async def test_half_open_breaker_lets_one_of_many_through(guard: Guard) -> None:
    first = played(*[[ProviderDown()]] * 5, [FOREVER])
    model = resilient(endpoint(first), fallback=endpoint(played(GOOD), "second"), guard=guard)
    for _ in range(5):
        await answered(model)
    await asyncio.sleep(5)
    assert all(await asyncio.gather(*(answered(model) for _ in range(20))))
    assert first.calls == 6
