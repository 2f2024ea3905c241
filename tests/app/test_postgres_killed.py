"""Postgres killed while serving: said in health, turns taken and kept meanwhile, and stored when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import SCRIPTED, SITE, Heard, ask, client_of, send, socket_of, stream
from live_service import LiveService, serving

from chains.embedded_postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

DEPLOY = "How do I deploy a release?"


async def health_of(client: httpx.AsyncClient, *, postgres: str) -> dict[str, Any]:
    """The report that says this of Postgres; the contract gives it a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        response = await client.get("/api/health")
        report: dict[str, Any] = response.json()
        assert response.status_code == (200 if report["status"] == "healthy" else 503)
        if report["services"]["postgres"]["status"] == postgres:
            return report
        await asyncio.sleep(0.1)
    raise AssertionError(report)


async def ask_by_socket(service: LiveService) -> Heard:
    async with socket_of(service) as socket:
        return await send(socket, DEPLOY)


async def doors_while_away(service: LiveService, client: httpx.AsyncClient) -> tuple[list[dict[str, Any]], list[str]]:
    """A new conversation through each door, all at once: the replies, and the durability that streams were told."""
    by_sse, whole, invoked, by_socket = await asyncio.gather(
        stream(client, DEPLOY),
        ask(client, DEPLOY),
        client.post("/rag/invoke", json={"input": {"question": DEPLOY}}),
        ask_by_socket(service),
    )
    assert invoked.status_code == 200, invoked.text
    replies = [by_sse.reply(), whole, invoked.json()["output"], by_socket.reply()]
    return replies, [heard.data[0]["durability"] for heard in (by_sse, by_socket)]


async def stored_reply(client: httpx.AsyncClient, reply: dict[str, Any]) -> dict[str, Any]:
    """The first one of the reply's conversation, once it is there: what waits is stored soon after the return."""
    headers = {"X-Docent-Visitor": reply["visitor_token"]} if reply.get("visitor_token") else {}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        response = await client.get(f"/api/conversation/{reply['conversation_id']}", headers=headers)
        if response.status_code == 200 and "answer" in (message := response.json()["messages"][0]):
            return dict(message)
        await asyncio.sleep(0.1)
    raise AssertionError(response.text)


async def assert_kept(client: httpx.AsyncClient, replies: list[dict[str, Any]]) -> None:
    for reply in replies:
        assert reply["outcome"] == "answered"
        stored = await stored_reply(client, reply)
        assert (stored["turn_id"], stored["answer"]) == (reply["turn_id"], reply["answer"])


async def test_embedded_postgres_killed_while_serving_comes_back(service: LiveService) -> None:
    async with client_of(service) as client:
        before = await ask(client, DEPLOY)
        killed = service.postgres_pid()
        os.kill(killed, signal.SIGKILL)
        # Both at once: a probe that was due anyway brings the server back while the doors still wait for it.
        (replies, _), report = await asyncio.gather(
            doors_while_away(service, client), health_of(client, postgres="disconnected")
        )
        assert report["status"] == "degraded"
        assert (await client.get("/health/ready")).status_code == 200
        await health_of(client, postgres="connected")
        await assert_kept(client, replies)
        client.headers["X-Docent-Visitor"] = before["visitor_token"]
        after = await ask(client, DEPLOY, conversation_id=before["conversation_id"])
        stored = (await client.get(f"/api/conversation/{before['conversation_id']}")).json()["messages"]
    assert after["outcome"] == "answered"
    assert [message["turn_id"] for message in stored] == [before["turn_id"], after["turn_id"]]
    assert service.postgres_pid() != killed


async def test_database_elsewhere_that_is_killed_and_comes_back(deployed: LiveService, apart: EmbeddedPostgres) -> None:
    async with client_of(deployed) as client:
        before = await stream(client, DEPLOY)
        assert apart.pid
        os.kill(apart.pid, signal.SIGKILL)
        replies, told = await doors_while_away(deployed, client)
        assert told == ["buffered", "buffered"]
        report = await health_of(client, postgres="disconnected")
        assert "cause" not in report["services"]["postgres"]
        await asyncio.to_thread(apart.ensure_running)
        await assert_kept(client, replies)
        client.headers["X-Docent-Visitor"] = before.data[0]["visitor_token"]
        after = await ask(client, DEPLOY, conversation_id=before.last["conversation_id"])
        assert after["outcome"] == "answered"
        await health_of(client, postgres="connected")


@pytest.mark.slow
async def test_turn_that_runs_while_postgres_dies_tells_its_reader(apart: EmbeddedPostgres, tmp_path: Path) -> None:
    """The words are told, and that they wait; later the reply is there."""
    with serving(tmp_path, SITE, command=SCRIPTED, DATABASE_URL=apart.dsn) as service:
        async with client_of(service) as client:
            client.headers["X-Docent-Visitor"] = (await client.post("/api/session")).json()["visitor_token"]
            running = asyncio.create_task(stream(client, "How do I deploy a release slowly?"))
            await asyncio.sleep(0.6)
            assert apart.pid
            os.kill(apart.pid, signal.SIGKILL)
            heard = await running
            assert (heard.types[-1], heard.last["durability"]) == ("done", "buffered")
            await asyncio.to_thread(apart.ensure_running)
            stored = await stored_reply(client, heard.last)
            assert (await ask(client, DEPLOY))["outcome"] == "answered"
    assert stored["answer"].strip() == heard.text.strip()
