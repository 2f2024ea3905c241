"""Postgres killed while serving: said in health, refused by the contract's code, and good again without a restart."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import JSON, SCRIPTED, SITE, Heard, ask, client_of, send, socket_of, stream
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


async def doors_while_away(service: LiveService, client: httpx.AsyncClient) -> tuple[list[httpx.Response], Heard]:
    """A new conversation through each door, all at once: each waits for the same dead server."""
    turn = {"question": DEPLOY}
    *responses, heard = await asyncio.gather(
        client.post("/api/chat", json=turn),
        client.post("/api/chat", json=turn, headers=JSON),
        client.post("/rag/invoke", json={"input": turn}),
        ask_by_socket(service),
    )
    return responses, heard


def assert_unavailable(responses: list[httpx.Response], heard: Heard) -> None:
    for response in responses:
        body = response.json()
        assert (response.status_code, body["code"], body["retryable"]) == (503, "storage_unavailable", True)
        assert int(response.headers["Retry-After"]) == body["retry_after"] > 0
        assert "postgres" not in response.text.lower()
    assert (heard.types, heard.last["code"]) == (["error"], "storage_unavailable")
    assert heard.last["retry_after"] > 0


async def test_embedded_postgres_killed_while_serving_comes_back(service: LiveService) -> None:
    async with client_of(service) as client:
        before = await ask(client, DEPLOY)
        killed = service.postgres_pid()
        os.kill(killed, signal.SIGKILL)
        # Both at once: a probe that was due anyway brings the server back while the doors still wait for it.
        refused, report = await asyncio.gather(
            doors_while_away(service, client), health_of(client, postgres="disconnected")
        )
        assert report["status"] == "degraded"
        assert (await client.get("/health/ready")).status_code == 200
        await health_of(client, postgres="connected")
        client.headers["X-Docent-Visitor"] = before["visitor_token"]
        after = await ask(client, DEPLOY, conversation_id=before["conversation_id"])
        stored = (await client.get(f"/api/conversation/{before['conversation_id']}")).json()["messages"]
    responses, heard = refused  # whoever still waited when the server came back has its answer
    if heard.types[-1] != "done":
        assert_unavailable([response for response in responses if response.status_code != 200], heard)
    assert after["outcome"] == "answered"
    assert [message["turn_id"] for message in stored] == [before["turn_id"], after["turn_id"]]
    assert service.postgres_pid() != killed


async def test_database_elsewhere_that_is_killed_and_comes_back(deployed: LiveService, apart: EmbeddedPostgres) -> None:
    async with client_of(deployed) as client:
        before = await stream(client, DEPLOY)
        assert apart.pid
        os.kill(apart.pid, signal.SIGKILL)
        refused = await doors_while_away(deployed, client)
        report = await health_of(client, postgres="disconnected")
        assert "cause" not in report["services"]["postgres"]
        assert_unavailable(*refused)
        await asyncio.to_thread(apart.ensure_running)
        client.headers["X-Docent-Visitor"] = before.data[0]["visitor_token"]
        after = await ask(client, DEPLOY, conversation_id=before.last["conversation_id"])
        assert after["outcome"] == "answered"
        await health_of(client, postgres="connected")


async def stored_reply(client: httpx.AsyncClient, conversation: str) -> dict[str, Any]:
    """The first reply of the conversation, once it is there: the store is tried once a second."""
    for _ in range(100):
        response = await client.get(f"/api/conversation/{conversation}")
        if response.status_code == 200 and "answer" in (message := response.json()["messages"][0]):
            return dict(message)
        await asyncio.sleep(0.1)
    raise AssertionError(response.text)


@pytest.mark.slow
async def test_turn_that_runs_while_postgres_dies_tells_its_reader(apart: EmbeddedPostgres, tmp_path: Path) -> None:
    """The words are told, but as nothing could be stored the end says so; later the reply is there all the same."""
    with serving(tmp_path, SITE, command=SCRIPTED, DATABASE_URL=apart.dsn) as service:
        async with client_of(service) as client:
            client.headers["X-Docent-Visitor"] = (await client.post("/api/session")).json()["visitor_token"]
            running = asyncio.create_task(stream(client, "How do I deploy a release slowly?"))
            await asyncio.sleep(0.6)
            assert apart.pid
            os.kill(apart.pid, signal.SIGKILL)
            heard = await running
            assert (heard.types[-1], heard.last["code"]) == ("error", "storage_unavailable")
            await asyncio.to_thread(apart.ensure_running)
            stored = await stored_reply(client, heard.data[0]["conversation_id"])
            assert (await ask(client, DEPLOY))["outcome"] == "answered"
    assert stored["answer"].strip() == heard.text.strip()
