"""The same question through every door: the same sources and answer, in the contract's order, and again on reload."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from doors import Heard, ask, ask_by_command, client_of, folded, remote, send, socket_of, stream
from live_service import LiveService

from chains.turn import Reply

pytestmark = pytest.mark.anyio

QUESTION = "How do I deploy a release?"
OFF_TOPIC = "Which wine goes well with oysters?"
FOLLOW_UP = "and how do I undo that?"
OWN = {"conversation_id", "turn_id", "visitor_token", "timings"}  # differ from turn to turn
EVENTS = ["accepted", "status", "sources", "status", "token", "done"]


def said(reply: dict[str, Any]) -> dict[str, Any]:
    """What must be the same through every door."""
    return {name: value for name, value in reply.items() if name not in OWN}


def without_repeats(types: list[str]) -> list[str]:
    return [kind for place, kind in enumerate(types) if place == 0 or types[place - 1] != kind]


def assert_contract(heard: Heard) -> None:
    assert heard.seqs == list(range(1, len(heard.seqs) + 1))
    assert [kind for kind in heard.types if kind in ("done", "error")] == [heard.types[-1]]
    assert heard.last["answer_sha256"] == hashlib.sha256(heard.text.encode()).hexdigest()
    assert heard.data[0]["durability"] == "stored"


def assert_citations_hold(reply: dict[str, Any], passages: dict[str, str]) -> None:
    assert reply["citations"]
    for citation in reply["citations"]:
        assert reply["answer"][citation["start"] : citation["end"]] == f"[{citation['n']}]"
        (source,) = (source for source in reply["sources"] if source["n"] == citation["n"])
        assert citation["quote"] in passages[source["chunk_id"]]


async def passages_of(client: httpx.AsyncClient, question: str) -> dict[str, str]:
    documents = (await client.post("/retriever/invoke", json={"input": question})).json()["output"]
    return {document["metadata"]["chunk_id"]: document["page_content"] for document in documents}


async def test_every_door_gives_the_same_reply(any_service: LiveService) -> None:
    async with client_of(any_service) as client, socket_of(any_service) as socket:
        by_sse, by_socket = await stream(client, QUESTION), await send(socket, QUESTION)
        whole = await ask(client, QUESTION)
        invoked = (await client.post("/rag/invoke", json={"input": {"message": QUESTION}})).json()["output"]
        passages = await passages_of(client, QUESTION)
    parts = [part async for part in remote(any_service).astream({"question": QUESTION})]
    streamed = Reply.model_validate(folded(parts)).model_dump(mode="json")
    for heard in (by_sse, by_socket):
        assert_contract(heard)
        assert without_repeats(heard.types) == EVENTS
        assert said(heard.reply()) == said(whole)
    assert said(invoked) == said(streamed) == said(whole)
    assert [part["seq"] for part in parts] == list(range(1, len(parts) + 1))
    assert (whole["outcome"], whole["grounded"], whole["partial"]) == ("answered", True, False)
    assert whole["sources"][0]["url"].startswith("/docs/deploy")
    assert "🚀" in passages[whole["sources"][0]["chunk_id"]]
    assert_citations_hold(whole, passages)


async def test_command_asks_the_service_that_holds_the_folder(service: LiveService, client: httpx.AsyncClient) -> None:
    first = await asyncio.to_thread(ask_by_command, service, QUESTION)
    assert said(first) == said(await ask(client, QUESTION))
    options = ["--conversation", first["conversation_id"], "--token", first["visitor_token"]]
    second = await asyncio.to_thread(ask_by_command, service, FOLLOW_UP, *options)
    assert second["conversation_id"] == first["conversation_id"]
    assert "`loom rollback`" in second["answer"]


async def test_citations_count_code_points(client: httpx.AsyncClient) -> None:
    question = "🚀 What does Loom copy to every machine, and when are the first visitors sent to it?"
    reply = await ask(client, question)
    assert_citations_hold(reply, await passages_of(client, question))
    assert "\N{ROCKET}" in reply["answer"]


async def test_stream_has_the_contracts_headers(client: httpx.AsyncClient) -> None:
    heard = await stream(client, QUESTION)
    assert heard.headers["content-type"].startswith("text/event-stream")
    assert heard.headers["cache-control"] == "no-cache, no-transform"
    assert heard.headers["x-accel-buffering"] == "no"
    assert heard.headers["x-docent-visitor"] == heard.data[0]["visitor_token"]
    assert len(heard.headers["x-request-id"]) == 16


async def test_done_is_the_reply_without_answer_and_sources(client: httpx.AsyncClient) -> None:
    heard, whole = await stream(client, QUESTION), await ask(client, QUESTION)
    assert set(heard.last) == (set(whole) - {"answer", "sources"}) | {"answer_sha256"}
    assert set(whole["timings"]) == {"embed", "retrieve", "rerank", "first_token", "total"}
    assert set(whole["sources"][0]) == {"n", "title", "url", "heading", "snippet", "score", "chunk_id"}
    health = (await client.get("/api/health")).json()
    assert whole["model"] == health["services"]["local"]["model"]


async def test_reload_gives_the_same_reply(any_service: LiveService) -> None:
    async with client_of(any_service) as client:
        heard = await stream(client, QUESTION)
        token = heard.headers["X-Docent-Visitor"]
        client.headers["X-Docent-Visitor"] = token
        nothing = await stream(client, OFF_TOPIC, conversation_id=heard.last["conversation_id"])
        stored = (await client.get(f"/api/conversation/{heard.last['conversation_id']}")).json()
    first, second = stored["messages"]
    for kept, told in ((first, heard), (second, nothing)):
        shown = {
            name: value for name, value in told.reply().items() if name not in ("conversation_id", "visitor_token")
        }
        assert {name: kept[name] for name in shown} == shown
        assert hashlib.sha256(kept["answer"].encode()).hexdigest() == told.last["answer_sha256"]
    assert (first["question"], first["state"], second["question"]) == (QUESTION, "complete", OFF_TOPIC)
    assert token not in str(stored)


async def test_follow_up_finds_its_page(any_service: LiveService) -> None:
    async with client_of(any_service) as client, socket_of(any_service) as socket:
        first = await send(socket, QUESTION)
        second = await send(socket, FOLLOW_UP, conversation_id=first.last["conversation_id"])
        client.headers["X-Docent-Visitor"] = first.data[0]["visitor_token"]
        third = await ask(client, FOLLOW_UP, conversation_id=first.last["conversation_id"])
    assert without_repeats(second.types)[:3] == ["accepted", "status", "sources"]
    stages = [status["stage"] for status in second.of("status")]
    assert stages == ["condensing", "retrieving", "writing"]
    assert any(QUESTION in status.get("question", "") for status in second.of("status"))
    for reply in (second.reply(), third):
        assert reply["sources"][0]["url"].startswith("/docs/rollback")
        assert "`loom rollback`" in reply["answer"]


async def test_no_evidence_is_said_honestly(any_service: LiveService) -> None:
    async with client_of(any_service) as client, socket_of(any_service) as socket:
        by_sse, by_socket = await stream(client, OFF_TOPIC), await send(socket, OFF_TOPIC)
        whole = await ask(client, OFF_TOPIC)
        invoked = (await client.post("/rag/invoke", json={"input": {"question": OFF_TOPIC}})).json()["output"]
    for heard in (by_sse, by_socket):
        assert_contract(heard)
        assert heard.types == ["accepted", "status", "sources", "token", "done"]
        assert heard.of("sources")[0]["grounded"] is False
    for reply in (by_sse.reply(), by_socket.reply(), whole, invoked):
        assert said(reply) == said(whole)
        assert (reply["outcome"], reply["grounded"], reply["citations"]) == ("no_evidence", False, [])
        assert reply["sources"]
        assert reply["usage"] == {"input_tokens": 0, "output_tokens": 0}
