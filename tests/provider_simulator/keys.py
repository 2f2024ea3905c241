"""What is kept of one API key: settings, faults, limits, counters and the log of requests."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tests.provider_simulator.call import Call, Quota
from tests.provider_simulator.faults import Fault

ALL = "*"
LOG_LIMIT = 5_000
SECRET_HEADERS = ("authorization", "x-goog-api-key")

Ending = Literal["running", "complete", "cut", "client_left"]


class Limit(BaseModel):
    """At most `calls` of the operations that match `operation` in a window of `seconds`, then 429."""

    model_config = ConfigDict(extra="forbid")

    calls: int = Field(ge=0)
    operation: str = ALL
    seconds: float = 60
    quota: Quota = "minute"


class Settings(BaseModel):
    """How the models of a key behave. Times are seconds."""

    model_config = ConfigDict(extra="forbid")

    latency: dict[str, float] = {}  # before the headers, by pattern of operation
    first_token: float = 0
    between_tokens: float = 0
    limits: list[Limit] = []
    answers: list[str] = []  # what chat models say, one call after the other; the last one again and again
    tokens: int | None = None  # answers of that many words, for load
    gullible: bool = False

    def latency_of(self, operation: str) -> float:
        return next((seconds for pattern, seconds in self.latency.items() if fnmatchcase(operation, pattern)), 0)


@dataclass
class Record:
    """One request in the log. `at` and `duration` are seconds; `ended` is how the answer went."""

    operation: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    at: float
    status: int = 0
    fault: str | None = None
    tokens: int = 0
    ended: Ending = "running"
    duration: float = 0


@dataclass
class Key:
    """The state of one key. `shared` is the state of "*", which is asked where this key has nothing of its own."""

    shared: Key | None = None
    own_settings: Settings | None = None
    faults: list[Fault] = field(default_factory=list)
    log: deque[Record] = field(default_factory=lambda: deque(maxlen=LOG_LIMIT))
    counts: Counter[str] = field(default_factory=Counter)
    running: int = 0
    peak: int = 0
    answered: int = 0
    windows: dict[tuple[str, float], list[float]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.own_settings or (self.shared.settings if self.shared else Settings())

    def configure(self, changes: dict[str, Any]) -> Settings:
        """Raises ValidationError; nothing is changed then."""
        self.own_settings = Settings.model_validate(self.settings.model_dump() | changes)
        return self.own_settings

    def next_fault(self, operation: str) -> Fault | None:
        self.faults = [fault for fault in self.faults if not fault.over]
        own = next((fault for fault in self.faults if fault.strikes(operation)), None)
        return own or (self.shared.next_fault(operation) if self.shared else None)

    def next_answer(self) -> str | None:
        """The scripted answer whose turn it is."""
        answers = self.settings.answers
        if not answers:
            return None
        self.answered += 1
        return answers[min(self.answered, len(answers)) - 1]

    def exceeded(self, operation: str) -> tuple[Limit, float] | None:
        """The limit that this call breaks, and the seconds until it may come again. Calls that are refused are free."""
        now = time.monotonic()
        matching = [limit for limit in self.settings.limits if fnmatchcase(operation, limit.operation)]
        for limit in matching:
            window = [at for at in self._window(limit) if at > now - limit.seconds]
            self.windows[limit.operation, limit.seconds] = window
            if len(window) >= limit.calls:
                return limit, (window[0] + limit.seconds - now) if window else limit.seconds
        for limit in matching:
            self._window(limit).append(now)
        return None

    def _window(self, limit: Limit) -> list[float]:
        return self.windows.setdefault((limit.operation, limit.seconds), [])

    @contextmanager
    def recorded(self, call: Call) -> Iterator[Record]:
        headers = {name: "***" if name in SECRET_HEADERS else value for name, value in call.headers.items()}
        record = Record(call.operation, call.method, call.path, dict(call.query), headers, call.body, time.time())
        started = time.monotonic()
        self.log.append(record)
        self.counts[call.operation] += 1
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            yield record
        finally:
            self.running -= 1
            record.duration = time.monotonic() - started

    def requests(self, pattern: str = ALL) -> list[dict[str, Any]]:
        return [asdict(record) for record in self.log if fnmatchcase(record.operation, pattern)]


class Keys:
    """All keys that were seen."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._shared = Key()
        self._keys: dict[str, Key] = {}

    def of(self, key: str) -> Key:
        if key == ALL:
            return self._shared
        return self._keys.setdefault(key, Key(shared=self._shared))

    def forget(self, key: str) -> None:
        if key == ALL:
            self.reset()
        else:
            self._keys.pop(key, None)

    def named(self, key: str) -> list[Key]:
        """The key's state; of "*", that of every key."""
        return list(self._keys.values()) if key == ALL else [self.of(key)]
