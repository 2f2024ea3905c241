"""Embeddings, retrieval and reranking under guard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chains.errors import DeadlineExceeded, DocentError, InvalidTurn, ModelUnavailable, RetrievalUnavailable
from chains.resilience import (
    BadKey,
    Count,
    Deadline,
    Dependency,
    Guard,
    Operation,
    ProviderDown,
    ProviderError,
    RateLimited,
    Timeouts,
    current_deadline,
    guarded,
    guarded_or_skipped,
    turn_deadline,
)
from chains.settings import ChainSettings

pytestmark = pytest.mark.anyio

EMBED = Dependency("gemini", Operation.EMBED, timeout=5)
RERANK = Dependency("cohere", Operation.RERANK, timeout=3, attempts=1)
VECTOR = [0.6, 0.8]


class Service:
    """Answers, is silent for some seconds, or raises: one step a call, the last one again and again."""

    def __init__(self, *steps: Any) -> None:
        self.steps, self.calls, self.cancelled = steps, 0, 0

    async def __call__(self) -> Any:
        step = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        if isinstance(step, Exception):
            raise step
        if isinstance(step, float | int):
            try:
                await asyncio.sleep(step)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return step


def now() -> float:
    return asyncio.get_running_loop().time()


async def failure_of(call: Callable[[], Awaitable[Any]], guard: Guard, dependency: Dependency = EMBED) -> DocentError:
    with pytest.raises(DocentError) as failure:
        await guarded(call, dependency, guard)
    return failure.value


async def test_result_passes(guard: Guard) -> None:
    assert await guarded(Service(VECTOR), EMBED, guard) == VECTOR
    assert guard.counts == {Count("calls", "gemini", "embed"): 1, Count("answered", "gemini", "embed"): 1}


@pytest.mark.parametrize("trouble", [ProviderDown(), ConnectionResetError(), ValueError("not JSON"), 6], ids=repr)
async def test_trouble_that_may_pass_is_tried_again(guard: Guard, trouble: Any) -> None:
    service = Service(trouble, VECTOR)
    assert await guarded(service, EMBED, guard) == VECTOR
    assert guard.counts[Count("retries", "gemini", "embed")] == 1


async def test_silent_service_is_cancelled_and_left(guard: Guard) -> None:
    service, started = Service(100), now()
    failure = await failure_of(service, guard)
    assert isinstance(failure, RetrievalUnavailable)
    assert now() - started == pytest.approx(5 + 0.25 + 5)
    assert (service.calls, service.cancelled) == (2, 2)
    assert str(failure.__cause__) == "timeout: no answer within 5.0 s"


async def test_wait_that_the_service_asks_for_is_honoured(guard: Guard) -> None:
    started = now()
    assert await guarded(Service(RateLimited(retry_after=4), VECTOR), EMBED, guard) == VECTOR
    assert now() - started == pytest.approx(4.25)


async def test_wrong_key_is_not_tried_again_and_says_when_to_come_back(guard: Guard) -> None:
    service = Service(BadKey())
    assert isinstance((await failure_of(service, guard)).__cause__, BadKey)
    again = await failure_of(service, guard)
    assert (service.calls, again.retry_after) == (1, 300)


async def test_services_own_translation_is_used(guard: Guard) -> None:
    suspended = Dependency("qdrant", Operation.RETRIEVE, 8, translate=lambda error: ProviderError("suspended"))
    failure = await failure_of(Service(KeyError("points")), guard, suspended)
    assert str(failure.__cause__) == "unknown: suspended"


async def test_failure_for_the_reader_passes_as_it_is(guard: Guard) -> None:
    failure = await failure_of(Service(InvalidTurn("no")), guard)
    assert failure.message == "no"
    assert not [count for count in guard.counts if count.what == "failures"]


async def test_chat_operation_fails_as_the_model(guard: Guard) -> None:
    failure = await failure_of(Service(BadKey()), guard, Dependency("gemini", Operation.CHAT, 5))
    assert isinstance(failure, ModelUnavailable)


async def test_operations_have_breakers_of_their_own(guard: Guard) -> None:
    for _ in range(5):
        await failure_of(Service(ProviderDown()), guard)
    states = {(state.operation, state.state) for state in guard.breaker_states()}
    assert states == {("embed", "open")}
    assert await guarded(Service("ok"), Dependency("gemini", Operation.RETRIEVE, 8), guard) == "ok"


async def test_retries_end_with_the_budget(guard: Guard) -> None:
    answers = [Service(ProviderDown(), VECTOR) for _ in range(30)]
    results = await asyncio.gather(*(guarded(answer, EMBED, guard) for answer in answers), return_exceptions=True)
    assert guard.counts[Count("retries", "gemini", "embed")] <= 5 + 3
    assert any(isinstance(result, RetrievalUnavailable) for result in results)


async def test_time_of_the_turn_ends_a_call(guard: Guard) -> None:
    started = now()
    with turn_deadline(Deadline(2, now)):
        assert isinstance(await failure_of(Service(100), guard), DeadlineExceeded)
    assert now() - started == pytest.approx(2)


async def test_cancelled_caller_ends_the_call(guard: Guard) -> None:
    service = Service(100)
    task = asyncio.create_task(guarded(service, EMBED, guard))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.cancelled == 1
    assert not [count for count in guard.counts if count.what == "failures"]


@pytest.mark.parametrize("trouble", [ProviderDown(), 100, IndexError("index 40")], ids=repr)
async def test_reranking_that_fails_is_skipped(guard: Guard, trouble: Any) -> None:
    started = now()
    assert await guarded_or_skipped(Service(trouble), RERANK, guard, otherwise=["as found"]) == ["as found"]
    assert now() - started <= 3
    assert guard.counts[Count("skipped", "cohere", "rerank")] == 1


async def test_reranking_that_works_is_used(guard: Guard) -> None:
    assert await guarded_or_skipped(Service(["better"]), RERANK, guard, otherwise=["as found"]) == ["better"]


async def test_deadline_is_seen_in_tasks_and_gone_afterwards() -> None:
    async def remaining() -> float:
        deadline = current_deadline()
        assert deadline is not None
        return deadline.remaining

    with turn_deadline(Deadline(10, now)):
        await asyncio.sleep(4)
        assert await asyncio.create_task(remaining()) == pytest.approx(6)
    assert current_deadline() is None


async def test_share_is_never_more_than_what_remains() -> None:
    deadline = Deadline(10, now)
    assert (deadline.share(5), deadline.share(20)) == (5, 10)
    assert deadline.leaves_time_after(9)
    assert not deadline.leaves_time_after(9.5)
    await asyncio.sleep(11)
    assert (deadline.remaining, deadline.expired) == (0, True)


def test_timeouts_are_the_settings() -> None:
    settings = ChainSettings.load(turn_deadline=30, first_token_timeout=2, rerank_timeout=0.5)
    timeouts = Timeouts.of(settings)
    assert (timeouts.turn, timeouts.first_token, timeouts.rerank, timeouts.embed) == (30, 2, 0.5, 5)
    assert Timeouts.of(ChainSettings.load()) == Timeouts()
