"""Rates in memory: windows that move, refusals that take nothing, and room for a crowd."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.gate import rates
from app.gate.rates import Rate, Windows
from chains.errors import RateLimited


def taken(rate: Rate, key: str, times: int) -> int:
    """How many of so many were allowed."""
    allowed = 0
    for _ in range(times):
        try:
            rate.take(key)
        except RateLimited:
            continue
        allowed += 1
    return allowed


def test_each_key_has_its_own_allowance() -> None:
    rate = Rate("3/hour")
    assert [taken(rate, key, 5) for key in ("ada", "bob", "ada")] == [3, 3, 0]


def test_all_windows_hold() -> None:
    assert taken(Rate("5/hour; 2/day"), "ada", 9) == 2
    assert taken(Rate("2/hour; 5/day"), "ada", 9) == 2


def test_refusal_by_one_window_takes_nothing_from_another() -> None:
    rate = Rate("2/second; 5/hour")
    taken(rate, "ada", 50)
    time.sleep(1.05)
    assert taken(rate, "ada", 50) == 2
    time.sleep(1.05)
    assert taken(rate, "ada", 50) == 1


def test_window_moves() -> None:
    """A fixed one would allow twice as many around its border."""
    rate = Rate("4/second")
    began, allowed = time.monotonic(), []
    while time.monotonic() - began < 1.6:
        if taken(rate, "ada", 1):
            allowed.append(time.monotonic())
        time.sleep(0.01)
    assert len(allowed) >= 5
    assert all(later - earlier >= 0.999 for earlier, later in zip(allowed, allowed[4:], strict=False))


def test_refusal_says_when_one_more_is_allowed() -> None:
    rate = Rate("1/second; 2/2 seconds")
    rate.take("ada")
    with pytest.raises(RateLimited) as refused:
        rate.take("ada")
    assert refused.value.retry_after == 1
    time.sleep(refused.value.retry_after)
    rate.take("ada")


@pytest.mark.parametrize(("text", "seconds"), [("1/minute", 60), ("5/minute; 1/hour", 3600), ("0/hour", 3600)])
def test_wait_is_that_of_the_window_that_refuses(text: str, seconds: int) -> None:
    rate = Rate(text)
    taken(rate, "ada", 1)
    with pytest.raises(RateLimited) as refused:
        rate.check("ada")
    assert seconds - 2 <= (refused.value.retry_after or 0) <= seconds


def test_none_refuses_nobody() -> None:
    rate = Rate("none")
    assert rate.items == []
    assert taken(rate, "ada", 1_000) == 1_000


def test_nothing_allows_nobody() -> None:
    assert taken(Rate("0/minute"), "ada", 3) == 0


def test_check_takes_nothing() -> None:
    rate = Rate("1/hour")
    for _ in range(5):
        rate.check("ada")
    assert taken(rate, "ada", 2) == 1


def test_times_multiplies_what_is_allowed() -> None:
    assert taken(Rate("2/hour", times=3), "ada", 9) == 6


def test_clock_of_the_wall_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rate, now = Rate("1/hour"), time.time()
    rate.take("ada")
    monkeypatch.setattr(time, "time", lambda: now + 7_200)
    assert taken(rate, "ada", 1) == 0


def test_crowd_beyond_the_room_shares_one_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever has addresses enough, as with IPv6, could fill the memory."""
    monkeypatch.setattr(rates, "MOST_KEYS", 100)
    windows = Windows()
    known = sum(windows.acquire_entry(f"key {number}", 2, 3600) for number in range(100))
    late = sum(windows.acquire_entry(f"late {number}", 2, 3600) for number in range(50))
    assert (known, late) == (100, 2)
    assert len(windows) <= 101
    assert windows.acquire_entry("key 5", 2, 3600), "those who were there before keep their own"


def test_keys_out_of_date_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_KEYS", 10)
    windows = Windows()
    for number in range(10):
        windows.acquire_entry(f"key {number}", 1, 1)
    time.sleep(1.05)
    assert all(windows.acquire_entry(f"late {number}", 1, 1) for number in range(10))
    assert len(windows) <= 10


def test_busy_key_keeps_no_more_than_its_limit() -> None:
    windows = Windows()
    tracemalloc.start()
    for _ in range(50_000):
        windows.acquire_entry("ada", 10, 3600)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert windows.get("ada") == 10


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=60), st.integers(1, 5), st.integers(1, 9))
def test_no_key_gets_more_than_the_least_of_its_windows(keys: list[str], narrow: int, wide: int) -> None:
    rate = Rate(f"{narrow}/hour; {wide}/day")
    allowed = dict.fromkeys("abc", 0)
    for key in keys:
        allowed[key] += taken(rate, key, 1)
    assert allowed == {key: min(keys.count(key), narrow, wide) for key in "abc"}
