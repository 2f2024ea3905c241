"""One provider's breaker, by a clock that the test moves."""

from __future__ import annotations

import math

import pytest

from chains.resilience import (
    BadKey,
    Breaker,
    CircuitOpen,
    ModelRetired,
    ProviderDown,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
)


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def call(breaker: Breaker, error: ProviderError | None = None) -> None:
    passage = breaker.enter()
    if error:
        passage.fail(error)
    else:
        passage.succeed()
    passage.release()


def opened(breaker: Breaker) -> Breaker:
    for _ in range(5):
        call(breaker, ProviderDown())
    return breaker


def test_breaker_opens_after_five_failures_in_a_row(breaker: Breaker) -> None:
    for _ in range(4):
        call(breaker, ProviderDown())
    assert breaker.state == "closed"
    call(breaker, ProviderDown("status 503"))
    assert breaker.state == "open"
    assert breaker.wait == math.inf
    with pytest.raises(CircuitOpen, match="upstream") as refusal:
        breaker.enter()
    assert refusal.value.retry_after == 5


def test_success_ends_a_run_of_failures(breaker: Breaker) -> None:
    for _ in range(2):
        for _ in range(4):
            call(breaker, ProviderDown())
        call(breaker)
    assert breaker.state == "closed"


def test_breaker_falters_after_three_failures_of_any_kind(breaker: Breaker, clock: Clock) -> None:
    call(breaker, ProviderDown())
    call(breaker, RequestRefused())
    call(breaker, RateLimited(retry_after=1))
    assert not breaker.faltering
    clock.now += 1
    call(breaker, ProviderDown())
    assert breaker.faltering
    call(breaker)
    assert not breaker.faltering


def test_breaker_opens_when_half_of_the_calls_fail(breaker: Breaker) -> None:
    for _ in range(9):
        call(breaker)
        call(breaker, ProviderDown())
    assert breaker.state == "closed"
    call(breaker)
    call(breaker, ProviderDown())
    assert breaker.state == "open"


def test_one_probe_passes_after_the_cooldown(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 5
    assert breaker.state == "half_open"
    breaker.enter()
    with pytest.raises(CircuitOpen):
        breaker.enter()


def test_failing_probe_costs_another_cooldown(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 5
    call(breaker, ProviderDown())
    assert breaker.state == "open"
    assert breaker.retry_after == 5


def test_probe_that_answers_lets_the_others_go(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 5
    probe = breaker.enter()
    probe.answers()
    assert breaker.state == "closed"
    call(breaker)


def test_calls_that_hung_while_later_ones_were_answered_are_no_run_of_failures(breaker: Breaker) -> None:
    hanging = [breaker.enter() for _ in range(5)]
    call(breaker)
    for passage in hanging:
        passage.fail(ProviderDown())
    assert breaker.state == "closed"
    assert not breaker.faltering
    opened(breaker)
    assert breaker.state == "open"


def test_probe_whose_caller_went_away_makes_room_for_another(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 5
    breaker.enter().release()
    assert breaker.wait == 0


def test_call_from_before_the_opening_does_not_close_it(breaker: Breaker) -> None:
    slow, failing = breaker.enter(), breaker.enter()
    opened(breaker)
    slow.succeed()
    assert breaker.state == "open"
    failing.fail(ProviderDown())
    assert breaker.retry_after == 5


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (BadKey(), 300),
        (ModelRetired(), 300),
        (QuotaExhausted(), 3_600),
        (QuotaExhausted(retry_after=7_200), 7_200),
        (QuotaExhausted(retry_after=17), 60),
    ],
    ids=str,
)
def test_lasting_failure_opens_at_once(breaker: Breaker, clock: Clock, error: ProviderError, pause: float) -> None:
    call(breaker, error)
    assert breaker.state == "open"
    assert breaker.retry_after == pause
    assert breaker.cause is error
    clock.now += pause
    assert breaker.state == "half_open"


@pytest.mark.parametrize(("error", "pause"), [(RateLimited(retry_after=17), 17), (RateLimited(), 2)], ids=str)
def test_rate_limit_pauses_for_as_long_as_asked_and_then_trusts(
    breaker: Breaker, clock: Clock, error: ProviderError, pause: float
) -> None:
    call(breaker, error)
    assert breaker.state == "cooling"
    assert breaker.wait == pause
    with pytest.raises(CircuitOpen, match="rate_limited"):
        breaker.enter()
    clock.now += pause
    breaker.enter()
    breaker.enter()  # no probe: the provider is well


def test_slow_success_does_not_end_a_pause(breaker: Breaker) -> None:
    slow = breaker.enter()
    call(breaker, RateLimited(retry_after=17))
    slow.succeed()
    assert breaker.wait == 17


def test_overloaded_provider_is_left_alone_for_as_long_as_it_asks(breaker: Breaker, clock: Clock) -> None:
    call(breaker, ProviderDown(retry_after=30))
    assert breaker.state == "cooling"
    for _ in range(4):
        clock.now += 30
        call(breaker, ProviderDown(retry_after=30))
    assert breaker.state == "open"
    assert breaker.retry_after == 30


def test_refused_requests_say_nothing_of_the_provider(breaker: Breaker, clock: Clock) -> None:
    for _ in range(30):
        call(breaker, RequestRefused())
    assert breaker.state == "closed"
    opened(breaker)
    clock.now += 5
    call(breaker, RequestRefused())  # it understood the probe
    assert breaker.state == "closed"
