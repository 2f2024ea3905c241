"""What others count or know, read when `/metrics` is asked: nothing is probed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app import __version__
from chains.resilience.breaker import State

if TYPE_CHECKING:
    from app.docent import Docent
    from chains.resilience import Guard

# Of what a guard counts besides calls: the name of a metric, and what it is.
ATTEMPTS = {
    "retries": "Calls to providers that were made again.",
    "fallbacks": "Answers that another provider was asked for.",
    "restarts": "Answers that another provider began anew.",
    "skipped": "Steps that a turn did without, as reranking.",
}
RESULTS = {"answered": "answered", "abandoned": "abandoned", "refused": "breaker_open"}  # a failure's is its kind
BY_CALL = ("provider", "operation")


class Readings(Collector):
    """The state of a running service as metrics. `describe` would need none: the names do not depend on it."""

    def __init__(self, docent: Docent) -> None:
        self._docent = docent

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._of_turns()
        yield from self._of_refusals()
        yield from self._of_services()
        yield from self._of_waiting()
        yield from _of_providers(self._docent.resources.search.providers.guard)

    def _of_turns(self) -> Iterator[Metric]:
        docent = self._docent
        yield _gauge("docent_build_info", "The version that runs.", {(__version__,): 1}, "version")
        yield _gauge("docent_running_turns", "Turns that run in this process.", {(): docent.running_turns})
        yield _gauge("docent_open_sockets", "WebSockets that are open.", {(): docent.crowd.open})
        scarce = int(docent.memory.scarce)
        yield _gauge("docent_memory_scarce", "1 while new turns are refused for want of memory.", {(): scarce})
        counts = docent.resources.citations
        told = {("kept",): counts.kept, ("dropped",): counts.dropped}
        yield _counter("docent_citations", "Markers that models wrote, by what their check said.", told, "verdict")

    def _of_refusals(self) -> Iterator[Metric]:
        refusals = dict(self._docent.gate.refusals.by)
        yield _counter("docent_refusals", "Requests and turns that the gate refused.", refusals, "code", "door")

    def _of_services(self) -> Iterator[Metric]:
        health = self._docent.resources.health
        up = {(name,): int(not health.is_down(name)) for name in health.services}
        yield _gauge("docent_service_up", "1 while the last probe found it up.", up, "service")
        yield _gauge("docent_ready", "1 once the service has started.", {(): int(health.started)})
        vectors = health.finding("qdrant").get("vectors")
        known = {} if vectors is None else {(): vectors}
        yield _gauge("docent_index_vectors", "Chunks in the index, when last probed.", known)

    def _of_waiting(self) -> Iterator[Metric]:
        stats = self._docent.resources.storage.outage_stats
        yield _gauge("docent_outage_turns", "Turns that wait in memory for the database.", {(): stats.waiting})
        yield _gauge("docent_outage_bytes", "Bytes of the turns that wait.", {(): stats.bytes})
        ends = {("stored_late",): stats.stored_late, ("refused",): stats.refused, ("lost",): stats.lost}
        yield _counter("docent_outage_ended", "Turns that waited, by what became of them.", ends, "end")


def _of_providers(guard: Guard | None) -> Iterator[Metric]:
    counts = {} if guard is None else dict(guard.counts)
    results = {
        (count.provider, count.operation, RESULTS.get(count.what, count.kind)): number
        for count, number in counts.items()
        if count.what in RESULTS or count.what == "failures"
    }
    yield _counter("docent_provider_calls", "Calls to providers that have ended.", results, *BY_CALL, "result")
    for what, says in ATTEMPTS.items():
        own = {(each.provider, each.operation): number for each, number in counts.items() if each.what == what}
        yield _counter(f"docent_provider_{what}", says, own, *BY_CALL)
    breakers = {
        (each.provider, each.operation, state): int(each.state == state)
        for each in (guard.breaker_states() if guard is not None else [])
        for state in get_args(State)
    }
    yield _gauge("docent_breaker_state", "1 for the state that a breaker is in.", breakers, *BY_CALL, "state")


def _gauge(name: str, says: str, values: Mapping[Any, float], *labels: str) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for values_of_labels, number in values.items():
        family.add_metric(values_of_labels, number)
    return family


def _counter(name: str, says: str, values: Mapping[Any, float], *labels: str) -> Metric:
    family = CounterMetricFamily(name, says, labels=labels)
    for values_of_labels, number in values.items():
        family.add_metric(values_of_labels, number)
    return family
