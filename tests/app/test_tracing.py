"""Spans of turns: one for each stage, with numbers and no words; and none at all unless they are asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda
from live_service import ROOT, clean_environment
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.settings import Settings
from app.tracing import TracedChain, Tracing
from chains.errors import ModelUnavailable
from chains.rag import build_rag_chain
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

QUESTION = "How many times is the kiln fired?"
PASSAGE = Document("The kiln is fired twice.", metadata={"title": "Kiln", "url": "/kiln", "cosine": 1, "coverage": 1})


def chain_over(*passages: Document, model: Any) -> Runnable[dict[str, Any], ReplyPart]:
    return build_rag_chain(RunnableLambda(lambda query: list(passages)), RunnableLambda(model))


async def spans_of(chain: Runnable[dict[str, Any], ReplyPart]) -> dict[str, ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traced = TracedChain(chain, provider.get_tracer("test"))
    try:
        async for _ in traced.astream({"turn": {"question": QUESTION}, "history": []}):
            pass
    except ModelUnavailable:
        pass
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_turn_has_a_span_for_each_stage_below_its_own() -> None:
    spans = await spans_of(chain_over(PASSAGE, model=lambda messages: "The kiln is fired twice. [1]"))
    assert set(spans) == {"turn", "find", "answer"}
    turn = spans["turn"]
    assert turn.context is not None
    assert {span.parent.span_id for span in spans.values() if span.parent} == {turn.context.span_id}
    assert turn.attributes is not None
    assert turn.attributes["docent.outcome"] == "answered"
    assert turn.attributes["docent.citations"] == turn.attributes["docent.sources"] == 1
    assert turn.attributes["docent.total_ms"] > 0
    assert [event.name for event in spans["answer"].events] == ["first_text"]


async def test_turn_without_evidence_has_no_answer_span() -> None:
    spans = await spans_of(chain_over(model=lambda messages: "never asked"))
    assert set(spans) == {"turn", "find"}
    assert (spans["turn"].attributes or {})["docent.outcome"] == "no_evidence"


async def test_failure_is_told_by_its_code_and_no_span_has_a_readers_words() -> None:
    def fail(messages: Any) -> str:
        raise ModelUnavailable from RuntimeError(f"said no to {QUESTION}")

    spans = await spans_of(chain_over(PASSAGE, model=fail))
    assert spans["turn"].status.status_code.name == "ERROR"
    assert (spans["turn"].attributes or {})["error.type"] == "model_unavailable"
    told = "".join(span.to_json() for span in spans.values())
    assert QUESTION not in told
    assert "kiln" not in told.lower()


def test_without_an_endpoint_the_chain_stays_as_it_is() -> None:
    chain = chain_over(PASSAGE, model=str)
    assert Tracing(Settings()).around(chain) is chain


async def test_collector_is_sent_the_spans_of_a_turn(sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the exporter of the extra `traces`, in OpenTelemetry's own protocol."""
    wire = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=book")
    tracing = Tracing(Settings(otel_exporter_otlp_endpoint=f"{sink.url}/", otel_service_name="book"))
    chain = tracing.around(chain_over(PASSAGE, model=lambda messages: "The kiln is fired twice. [1]"))
    async for _ in chain.astream({"turn": {"question": QUESTION}, "history": []}):
        pass
    await tracing.close()
    ((path, headers, body),) = sink.posts
    assert (path, headers["x-tenant"]) == ("/v1/traces", "book")
    (sent,) = wire.ExportTraceServiceRequest.FromString(body).resource_spans
    assert {each.key: each.value.string_value for each in sent.resource.attributes}["service.name"] == "book"
    (scope,) = sent.scope_spans
    assert {span.name for span in scope.spans} == {"turn", "find", "answer"}
    assert len({span.trace_id for span in scope.spans}) == 1
    assert QUESTION.encode() not in body


async def test_missing_packages_are_a_warning_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    chain = chain_over(PASSAGE, model=str)
    tracing = Tracing(Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:1"))
    assert tracing.around(chain) is chain
    await tracing.close()
    assert "pip install" in capsys.readouterr().out


# LangSmith is LangChain's own tracing: it reads LANGSMITH_TRACING, LANGSMITH_API_KEY and LANGSMITH_ENDPOINT by itself.
ASK = """
import asyncio
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import wait_for_all_tracers
from chains.rag import build_rag_chain

chain = build_rag_chain(RunnableLambda(lambda query: []), RunnableLambda(str))
asyncio.run(chain.ainvoke({"turn": {"question": "Is anybody told of this?"}, "history": []}))
wait_for_all_tracers()
"""


class Sink(BaseHTTPRequestHandler):
    """Takes whatever is sent, and keeps its path, headers and body."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.posts.append((self.path, self.headers, body))  # type: ignore[attr-defined]
        self._say(b"{}")

    def do_GET(self) -> None:
        self._say(b'{"version": "1"}')

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def sink() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.posts = []  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("switched_on", [False, True])
def test_langsmith_is_told_of_turns_only_where_its_variables_ask_for_it(
    tmp_path: Path, switched_on: bool, sink: Any
) -> None:
    names = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")
    environment = {name: value for name, value in clean_environment().items() if name not in names}
    environment |= {"LANGSMITH_API_KEY": "lsv2_key", "LANGSMITH_ENDPOINT": sink.url, "PYTHONPATH": str(ROOT)}
    environment |= {"LANGSMITH_TRACING": "true"} if switched_on else {}
    done = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env=environment, capture_output=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert bool(sink.posts) == switched_on
