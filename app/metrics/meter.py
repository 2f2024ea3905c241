"""What is counted as it happens: turns and how they ended, the time of their stages, tokens, the event loop's lag."""

from __future__ import annotations

import asyncio
import time

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from app.refusals import STATUS
from chains.turn import Outcome, ReplyPart

STAGES = ("embed", "retrieve", "rerank", "first_token", "total")  # the keys of a reply's `timings`
OUTCOMES = frozenset(outcome.value for outcome in Outcome)
OTHER = "other"  # for a label's value that nobody has foreseen: the number of series has an end

# Seconds. Embedded stages take milliseconds, a provider's answer many seconds, and TURN_DEADLINE is 60.
STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 60.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LAG_PAUSE = 0.5  # seconds between two looks


class Meter:
    """One per service, with a registry of its own: two services in one process do not add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._turns = Counter("docent_turns", "Turns that have ended.", ["outcome"], registry=self.registry)
        self._failures = Counter(
            "docent_turn_failures", "Turns that failed, by error code.", ["code"], registry=self.registry
        )
        self._tokens = Counter(
            "docent_tokens", "Tokens that language models reported.", ["direction"], registry=self.registry
        )
        self._stages = Histogram(
            "docent_stage_seconds",
            "Time of a turn's stages; `first_token` and `total` count from the beginning.",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=self.registry,
        )
        self._lag = Histogram(
            "docent_event_loop_lag_seconds",
            "How much later than asked the event loop came back.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        for outcome in sorted(OUTCOMES):
            self._turns.labels(outcome)  # a rate needs the zero before the first one

    def count(self, reply: ReplyPart | None) -> None:
        """A turn has ended with this reply; None, where nothing ran, does not count."""
        if reply is None:
            return
        outcome = reply.get("outcome")
        self._turns.labels(outcome if outcome in OUTCOMES else OTHER).inc()
        if error := reply.get("error"):
            code = error.get("code")
            self._failures.labels(code if code in STATUS else OTHER).inc()
        for direction, number in (reply.get("usage") or {}).items():
            self._tokens.labels(direction.removesuffix("_tokens")).inc(number)
        for stage, milliseconds in (reply.get("timings") or {}).items():
            if stage in STAGES and milliseconds:  # 0 is a stage that was not asked for
                self._stages.labels(stage).observe(milliseconds / 1_000)

    async def watch_loop(self, pause: float = LAG_PAUSE) -> None:
        """Measure the lag for ever."""
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(pause)
            self._lag.observe(max(0.0, time.perf_counter() - asked - pause))
