"""Rates: so many in a minute, so many in an hour, in a window that moves. Kept in memory, driven by `limits`."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from math import ceil

from limits import RateLimitItem, parse_many
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from app.allowances import NO_LIMIT
from chains.errors import RateLimited

MOST_KEYS = 100_000  # of one limit; a key costs about 300 bytes, so 30 MB
REST = "rest"  # the one allowance that all keys beyond those share


def parse_rate(text: str) -> list[RateLimitItem]:
    """`10/minute; 100/hour`, or `none`, which settings have checked."""
    return [] if text.lower() == NO_LIMIT else parse_many(text)


class Rate:
    """The limits of one kind of spender. All or nothing: what one window refuses is taken from none."""

    def __init__(self, text: str, times: int = 1) -> None:
        """`times` multiplies what the text allows."""
        items = [type(item)(item.amount * times, item.multiples) for item in parse_rate(text)]
        self._windows = [(item, MovingWindowRateLimiter(Windows())) for item in items]

    @property
    def items(self) -> list[RateLimitItem]:
        return [item for item, _ in self._windows]

    def check(self, key: str) -> None:
        """Take nothing.

        Raises:
            RateLimited: says when one more will be allowed.
        """
        waits = [
            limiter.get_window_stats(item, key).reset_time - time.monotonic() if item.amount else item.get_expiry()
            for item, limiter in self._windows
            if not limiter.test(item, key)
        ]
        if waits:
            raise RateLimited(retry_after=max(1, ceil(max(waits))))

    def take(self, key: str) -> None:
        """Raises RateLimited, and takes nothing then."""
        wider = self._windows[1:]
        if not all(limiter.test(item, key) for item, limiter in wider):
            self.check(key)
        for item, limiter in self._windows[:1]:
            if not limiter.hit(item, key):
                self.check(key)
        for item, limiter in wider:
            limiter.hit(item, key)


class Windows(Storage, MovingWindowSupport):
    """The times of what was allowed, by key, for one limit.

    `limits`' own memory walks through all of its keys at every hit, in a thread or a task made for it: 100,000
    addresses would make each request cost as much as a turn. Here the keys lie in the order of their last use, so
    that what is out of date lies in front. The clock is the monotonic one: to set the other changes no limit.
    """

    STORAGE_SCHEME = ["docent+memory"]  # noqa: RUF012 - as the base class has it

    def __init__(self) -> None:
        super().__init__()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def __len__(self) -> int:
        return len(self._times)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = time.monotonic()
        times = self._fresh(key, now - expiry)
        if (len(times) if times else 0) + amount > limit:
            return False
        if times is None:
            times = self._make_room(key, now - expiry)
            if len(times) + amount > limit:
                return False
        times.extend([now] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = time.monotonic()
        times = self._fresh(key if key in self._times or len(self._times) < MOST_KEYS else REST, now - expiry)
        return (times[0], len(times)) if times else (now, 0)

    def _fresh(self, key: str, since: float) -> deque[float] | None:
        times = self._times.get(key)
        while times and times[0] <= since:
            times.popleft()
        if times is not None:
            self._times.move_to_end(key)
        return times

    def _make_room(self, key: str, since: float) -> deque[float]:
        """For a new key: forget the ones in front that have nothing left."""
        while self._times:
            oldest, times = next(iter(self._times.items()))
            if times and times[-1] > since:
                break
            del self._times[oldest]
        if len(self._times) >= MOST_KEYS:
            key = REST
        return self._times.setdefault(key, deque())

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """A fixed window's; ours move, so a count is the length of one."""
        self.acquire_entry(key, 1 << 62, expiry, amount)
        return self.get(key)

    def get(self, key: str) -> int:
        return len(self._times.get(key, ()))

    def get_expiry(self, key: str) -> float:
        times = self._times.get(key)
        return times[0] if times else time.monotonic()

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._times)
        self._times.clear()
        return count

    def clear(self, key: str) -> None:
        self._times.pop(key, None)
