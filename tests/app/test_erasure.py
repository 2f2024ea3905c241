"""A reader erases a conversation, or everything: stopped first, gone everywhere, and nobody else's."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from doors import JSON, ask, client_of, socket_of, stream
from live_service import LiveService

from chains.embedded_postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

DEPLOY = "How do I deploy a release?"
SLOW = "How do I deploy a release slowly?"


async def visit(client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.headers["X-Docent-Visitor"] = (await client.post("/api/session")).json()["visitor_token"]
    return client


async def listed(client: httpx.AsyncClient) -> list[str]:
    return [each["conversation_id"] for each in (await client.get("/api/conversations")).json()["conversations"]]


async def test_conversation_is_erased_and_the_others_stay(any_service: LiveService) -> None:
    async with client_of(any_service) as client:
        await visit(client)
        gone, stays = await ask(client, DEPLOY), await ask(client, DEPLOY)
        path = f"/api/conversation/{gone['conversation_id']}"
        erased = await client.delete(path)
        assert (erased.status_code, erased.content) == (204, b"")
        again = [await client.delete(path), await client.get(path)]
        again.append(await client.get(f"/api/chat/{gone['turn_id']}/events"))
        again.append(await client.post("/api/feedback", json={"turn_id": gone["turn_id"], "rating": "up"}))
        assert {(each.status_code, each.json()["code"]) for each in again} == {(404, "not_found")}
        assert await listed(client) == [stays["conversation_id"]]


async def test_conversation_of_another_visitor_is_not_erased(any_service: LiveService) -> None:
    async with client_of(any_service) as ada, client_of(any_service) as eve:
        await visit(ada), await visit(eve)
        mine = await ask(ada, DEPLOY)
        await ask(eve, DEPLOY)
        path = f"/api/conversation/{mine['conversation_id']}"
        stolen, nobodys = await eve.delete(path), await eve.delete(f"/api/conversation/{uuid4()}")
        assert (stolen.status_code, nobodys.status_code) == (404, 404)
        assert (await eve.delete("/api/session")).status_code == 204
        assert await listed(eve) == []
        assert (await ada.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/api/session", "/api/conversation/258596b7-6270-4968-a375-073180066b8e"])
async def test_erasure_needs_a_token(client: httpx.AsyncClient, path: str) -> None:
    for headers in ({}, {"X-Docent-Visitor": "forged"}):
        response = await client.delete(path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


async def test_everything_can_be_erased_again_and_the_token_goes_on(client: httpx.AsyncClient) -> None:
    await visit(client)
    for _ in range(3):
        await ask(client, DEPLOY)
    assert [(await client.delete("/api/session")).status_code for _ in range(2)] == [204, 204]
    assert await listed(client) == []
    assert len([await ask(client, DEPLOY)]) == len(await listed(client))


@pytest.mark.parametrize("everything", [False, True])
async def test_answer_that_is_written_is_stopped_and_erased(
    service: LiveService, client: httpx.AsyncClient, *, everything: bool
) -> None:
    await visit(client)
    async with socket_of(service) as socket:
        token = client.headers["X-Docent-Visitor"]
        await socket.send(json.dumps({"type": "turn", "question": SLOW, "token": token}))
        told: list[dict[str, Any]] = [json.loads(await socket.recv())]
        conversation = f"/api/conversation/{told[0]['conversation_id']}"
        assert (await client.delete("/api/session" if everything else conversation)).status_code == 204
        while told[-1]["type"] not in ("done", "error"):
            told.append(json.loads(await socket.recv()))
    assert (told[-1]["type"], told[-1]["outcome"]) == ("done", "cancelled")
    assert (await client.get(conversation)).status_code == 404
    assert (await client.get(f"/api/chat/{told[0]['turn_id']}/events")).status_code == 404
    assert await listed(client) == []


async def test_conversation_can_begin_anew_under_its_id(client: httpx.AsyncClient) -> None:
    await visit(client)
    first = await ask(client, DEPLOY)
    await client.delete(f"/api/conversation/{first['conversation_id']}")
    again = await stream(client, DEPLOY, conversation_id=first["conversation_id"], turn_id=first["turn_id"])
    assert again.types[-1] == "done"
    assert "restart" not in again.types
    found = (await client.get(f"/api/conversation/{first['conversation_id']}")).json()
    assert len(found["messages"]) == 1


async def test_nothing_of_a_visitor_is_left_in_the_database(deployed: LiveService, apart: EmbeddedPostgres) -> None:
    question = f"How do I deploy release {uuid4().hex}?"
    async with client_of(deployed) as client:
        await visit(client)
        reply = await ask(client, question)
        with psycopg.connect(apart.dsn, autocommit=True) as connection:
            asked = connection.execute("SELECT owner FROM turn WHERE id = %s", (reply["turn_id"],)).fetchone()
            connection.execute(
                "INSERT INTO chat_history (session_id, message) VALUES (%s, %s)",
                (reply["conversation_id"], json.dumps({"type": "human", "data": {"content": question}})),
            )
        await client.post("/api/feedback", json={"turn_id": reply["turn_id"], "rating": "up", "comment": question})
        await client.post("/rag/invoke", json={"input": {"question": question}})
        await client.post("/api/chat", json={"question": question}, headers=JSON)
        assert (await client.delete("/api/session")).status_code == 204
    with psycopg.connect(apart.dsn) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert len(tables) >= 7
        for (table,) in tables:
            search = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE ANY (%s)"
            words = [
                f"%{word}%"
                for word in (*(asked or [""]), question.split()[-1], reply["turn_id"], reply["conversation_id"])
            ]
            assert connection.execute(search, (words,)).fetchone() == (0,), table
