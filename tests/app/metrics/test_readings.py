"""Metrics of parts that a quiet service has nothing to say of: providers, breakers, the outage buffer, the loop."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.docent import Docent
from app.metrics.meter import Meter
from app.settings import Settings
from chains.citations import CitationCounts
from chains.reply import write_reply
from chains.resilience import Guard, Operation, ProviderDown
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.fixture
def docent(tmp_path: Path) -> Docent:
    """Closed: nothing runs, everything can be read."""
    return Docent(Settings(data_dir=tmp_path))


def fail(guard: Guard, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ProviderDown), guard.passage("gemini", Operation.CHAT):
            raise ProviderDown


def test_closed_service_has_metrics_without_providers(docent: Docent) -> None:
    registry = docent.meter.registry
    assert value(registry, "docent_ready") == 0
    assert value(registry, "docent_running_turns") == 0
    assert b"# TYPE docent_provider_calls_total counter" in generate_latest(registry)


def test_provider_calls_are_counted_by_result(docent: Docent) -> None:
    guard = docent.resources.search.providers.guard = Guard()
    with guard.passage("gemini", Operation.CHAT):
        pass
    with pytest.raises(asyncio.CancelledError), guard.passage("gemini", Operation.CHAT):
        raise asyncio.CancelledError
    fail(guard, 2)
    guard.count("retries", "gemini", Operation.CHAT)
    registry, own = docent.meter.registry, {"provider": "gemini", "operation": "chat"}
    results = {name: value(registry, "docent_provider_calls_total", result=name, **own) for name in
               ("answered", "abandoned", "upstream", "breaker_open")}  # fmt: skip
    assert results == {"answered": 1, "abandoned": 1, "upstream": 2, "breaker_open": None}
    assert value(registry, "docent_provider_retries_total", **own) == 1


def test_breaker_shows_the_one_state_that_it_is_in(docent: Docent) -> None:
    guard = docent.resources.search.providers.guard = Guard()
    fail(guard, 5)
    states = {
        state: value(docent.meter.registry, "docent_breaker_state", provider="gemini", operation="chat", state=state)
        for state in ("closed", "cooling", "open", "half_open")
    }
    assert states == {"closed": 0, "cooling": 0, "open": 1, "half_open": 0}


def test_usage_and_unforeseen_words_are_counted_under_known_labels() -> None:
    meter = Meter()
    usage = {"input_tokens": 900, "output_tokens": 30}
    meter.count(ReplyPart(outcome="answered", usage=usage, timings={"total": 2_500.0, "embed": 0.0, "odd": 1.0}))
    meter.count(ReplyPart(outcome="a reader's words", error={"code": "more of them"}))
    meter.count(None)
    assert value(meter.registry, "docent_tokens_total", direction="input") == 900
    assert value(meter.registry, "docent_turns_total", outcome="other") == 1
    assert value(meter.registry, "docent_turn_failures_total", code="other") == 1
    assert value(meter.registry, "docent_stage_seconds_bucket", stage="total", le="3.0") == 1
    assert value(meter.registry, "docent_stage_seconds_count", stage="embed") is None
    assert b"reader" not in generate_latest(meter.registry)


async def test_lag_of_a_loop_that_was_held_up_is_seen() -> None:
    meter = Meter()
    watching = asyncio.create_task(meter.watch_loop(pause=0.01))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - what must not happen, and what the metric is for
    while not value(meter.registry, "docent_event_loop_lag_seconds_count"):  # noqa: ASYNC110 - a counter, no event
        await asyncio.sleep(0.01)
    watching.cancel()
    assert (value(meter.registry, "docent_event_loop_lag_seconds_sum") or 0) > 0.2


def test_dropped_markers_are_counted() -> None:
    from langchain_core.documents import Document

    from chains.evidence import Evidence

    counts = CitationCounts()
    passage = Document("The kiln is fired twice.", metadata={"title": "Kiln", "url": "/kiln"})
    evidence = Evidence(found=True, passages=[passage])
    pieces = [{"evidence": evidence}, {"message": "The kiln is fired twice. [1] Cats can fly to Mars. [1] [7]"}]
    list(write_reply(counts=counts).transform(iter(pieces)))
    assert counts == CitationCounts(kept=1, dropped=2)
