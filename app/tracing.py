"""Spans of OpenTelemetry for a turn and its stages. No word of a reader's is in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import structlog
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import Input

from chains.errors import DocentError
from chains.turn import ReplyPart

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

    from app.settings import Settings

STAGES = {"condensing": "condense", "retrieving": "find", "reranking": "rerank", "writing": "answer"}
REMEDY = "install them with: .venv/bin/pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"

log = structlog.get_logger(__name__)


class Tracing:
    """Where spans go: to OTEL_EXPORTER_OTLP_ENDPOINT, by the collectors' HTTP protocol; nowhere when it is not set.

    The packages are the extra `traces`. Without them the service runs, and a warning says what to install.
    """

    def __init__(self, settings: Settings) -> None:
        self._endpoint, self._service = settings.otel_exporter_otlp_endpoint, settings.otel_service_name
        self._provider: TracerProvider | None = None

    def around(self, chain: Runnable[Input, ReplyPart]) -> Runnable[Input, ReplyPart]:
        """The same chain, traced where that is asked for."""
        if self._endpoint is None:
            return chain
        try:
            self._provider = _provider_to(self._endpoint, self._service)
        except ImportError:
            log.warning("traces_off", missing="opentelemetry", remedy=REMEDY)
            return chain
        return TracedChain(chain, self._provider.get_tracer("docent"))

    async def close(self) -> None:
        """Send what waits; five seconds at most, by the exporter's own limit."""
        if self._provider is not None:
            await asyncio.to_thread(self._provider.force_flush, 5_000)
            await asyncio.to_thread(self._provider.shutdown)


class TracedChain(Runnable[Input, ReplyPart]):
    """A chain whose turns are told to `tracer` from the parts that go by."""

    def __init__(self, chain: Runnable[Input, ReplyPart], tracer: Tracer) -> None:
        self._chain, self._tracer = chain, tracer

    def invoke(self, input: Input, config: RunnableConfig | None = None, **kwargs: Any) -> ReplyPart:
        """Untraced: the service streams."""
        return self._chain.invoke(input, config, **kwargs)

    async def astream(
        self, input: Input, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[ReplyPart]:
        spans = TurnSpans(self._tracer)
        parts = cast("AsyncGenerator[ReplyPart, None]", self._chain.astream(input, config, **kwargs))
        try:
            async with aclosing(parts):
                async for part in parts:
                    spans.see(part)
                    yield part
        except Exception as error:
            spans.fail(error)
            raise
        finally:
            spans.end()


class TurnSpans:
    """One span for a turn, with one child for each stage that it came to."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._turn = tracer.start_span("turn")
        self._stage: Span | None = None
        self._told = False

    def see(self, part: ReplyPart) -> None:
        if "stage" in part:
            self._begin(STAGES.get(part["stage"], "other"))
        if "sources" in part:
            self._turn.set_attributes({"docent.sources": len(part["sources"]), "docent.evidence": part["grounded"]})
        if part.get("answer") and self._stage is not None and not self._told:
            self._told = True
            self._stage.add_event("first_text")
        if "restart" in part:
            self._turn.add_event("restart")
        if "outcome" in part:
            self._turn.set_attributes(_facts_of(part))

    def fail(self, error: Exception) -> None:
        """The code alone: an exception's words may quote the question."""
        from opentelemetry.trace import StatusCode

        code = error.code if isinstance(error, DocentError) else "internal"
        for span in (self._stage, self._turn):
            if span is not None:
                span.set_attribute("error.type", code)
                span.set_status(StatusCode.ERROR)

    def end(self) -> None:
        if self._stage is not None:
            self._stage.end()
        self._turn.end()

    def _begin(self, name: str) -> None:
        from opentelemetry.trace import set_span_in_context

        if self._stage is not None:
            self._stage.end()
        self._stage = self._tracer.start_span(name, context=set_span_in_context(self._turn))


def _facts_of(part: ReplyPart) -> dict[str, str | int | float | bool]:
    """Of the last part: numbers, and words of which there are few."""
    usage, timings = part.get("usage") or {}, part.get("timings") or {}
    return {
        "docent.outcome": str(part["outcome"]),
        "docent.grounded": bool(part.get("grounded")),
        "docent.citations": len(part.get("citations") or []),
        "gen_ai.response.model": str(part.get("model") or ""),
        **{f"gen_ai.usage.{name}": int(number) for name, number in usage.items()},
        **{f"docent.{stage}_ms": float(number) for stage, number in timings.items()},
    }


def _provider_to(endpoint: str, service: str) -> TracerProvider:
    """Raises ImportError. The exporter reads OTEL_EXPORTER_OTLP_HEADERS and the like by itself."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[import-not-found, unused-ignore]
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    return provider
