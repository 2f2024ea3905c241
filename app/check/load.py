"""A small load that ends: a few readers at once, each question timed, and whose time it was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median

import httpx

from app.check.asking import Answer, Reader
from app.check.finding import Finding, Group, Unexpected

PERCENTILES = (50, 90, 95, 99)
TURNS_OF_A_READER = 4  # a visitor may ask ten times a minute, as long as nobody sets another limit


@dataclass(frozen=True)
class Timing:
    """Of one answer, in seconds. `provider` is embedding, reranking and the model; `rest` network and service."""

    whole: float
    first_token: float
    provider: float
    search: float

    @property
    def rest(self) -> float:
        return max(self.whole - self.provider - self.search, 0.0)

    @classmethod
    def of(cls, answer: Answer) -> Timing:
        """From the service's own `timings`, which are milliseconds."""
        told = answer.last.get("timings", {})
        total, search = told.get("total", 0.0) / 1e3, told.get("retrieve", 0.0) / 1e3
        first = answer.first_token if answer.first_token is not None else answer.seconds
        return cls(answer.seconds, first, max(total - search, 0.0), search)


@dataclass
class Load:
    """What came back. `failures` are sentences."""

    timings: list[Timing] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    waited: float = 0.0

    def median_of(self, part: str) -> float:
        return median(getattr(timing, part) for timing in self.timings) if self.timings else 0.0

    def percentiles(self, part: str) -> dict[str, float]:
        """Seconds by the nearest rank, for a handful of answers has nothing between its members."""
        values = sorted(getattr(timing, part) for timing in self.timings)
        return {f"p{each}": values[max(-(-each * len(values) // 100) - 1, 0)] for each in PERCENTILES} if values else {}

    def findings(self, limit: float) -> list[Finding]:
        """Whether all answered, and fast enough by the median."""
        asked = len(self.timings) + len(self.failures)
        told = (
            f"{len(self.failures)} of {asked} failed: {'; '.join(dict.fromkeys(self.failures))}"
            if self.failures
            else ""
        )
        waited = f"the limits of the service made it wait {self.waited:.0f} s" if self.waited else ""
        found = [Finding(Group.LOAD, f"{asked} answers", bool(self.timings) and not self.failures, told or waited)]
        if self.timings:
            whole = self.median_of("whole")
            shares = ", ".join(f"{part} {self.median_of(part):.3f} s" for part in ("provider", "search", "rest"))
            says = f"{whole:.2f} s, at most {limit:g} s; {shares}"
            found.append(Finding(Group.LOAD, "median whole answer", whole <= limit, says))
        return found


async def put_load(url: str, token: str | None, questions: Sequence[str], turns: int, at_once: int) -> Load:
    """`turns` questions in conversations of their own, `at_once` at a time."""
    load, waiting = Load(), asyncio.Queue[str]()
    for number in range(turns):
        waiting.put_nowait(questions[number % len(questions)])
    await asyncio.gather(*(_read(url, token, waiting, load) for _ in range(min(at_once, turns))))
    return load


async def _read(url: str, token: str | None, waiting: asyncio.Queue[str], load: Load) -> None:
    """One place: readers come and go, each asks a few times."""
    while not waiting.empty():
        reader = Reader(url, token)
        try:
            for _ in range(TURNS_OF_A_READER):
                if waiting.empty():
                    break
                await _ask(reader, waiting.get_nowait(), load)
        finally:
            load.waited += reader.waited
            with suppress(httpx.HTTPError):  # nothing of the load is kept, where the service can erase
                await reader.request("DELETE", "/api/session")
            await reader.close()


async def _ask(reader: Reader, question: str, load: Load) -> None:
    try:
        answer = await reader.ask(question)
        answer.require_whole()
    except (Unexpected, httpx.HTTPError, ValueError, LookupError) as error:
        load.failures.append(str(error) or type(error).__name__)
        return
    load.timings.append(Timing.of(answer))
