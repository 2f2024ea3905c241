"""The same turn again, another one at the same time, and many copies at once: one turn, one call of the model."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from doors import JSON, ask, client_of, remote, send, socket_of, stream
from live_service import LiveService

pytestmark = pytest.mark.anyio

DEPLOY = "How do I deploy a release?"
SLOW = "How do I deploy a release slowly?"  # the service model takes a second and a half


def calls_of(service: LiveService) -> int:
    calls = service.data_dir / "calls"
    return calls.read_text().count("\n") if calls.exists() else 0


def new_turn(question: str) -> dict[str, Any]:
    return {"question": question, "conversation_id": str(uuid4()), "turn_id": str(uuid4())}


async def visitor_of(client: httpx.AsyncClient) -> str:
    token: str = (await client.post("/api/session")).json()["visitor_token"]
    client.headers["X-Docent-Visitor"] = token
    return token


async def messages_of(client: httpx.AsyncClient, turn: dict[str, Any]) -> list[dict[str, Any]]:
    found = await client.get(f"/api/conversation/{turn['conversation_id']}")
    messages: list[dict[str, Any]] = found.json()["messages"]
    return messages


async def test_same_turn_replays_the_stored_reply_through_every_door(service: LiveService) -> None:
    turn = new_turn(DEPLOY)
    async with client_of(service) as client, socket_of(service) as socket:
        token = await visitor_of(client)
        first = await stream(client, **turn)
        calls = calls_of(service)
        again = await stream(client, **turn)
        by_socket = await send(socket, **turn, token=token)
        whole = await ask(client, **turn)
        invoked = await remote(service, token=token).ainvoke(turn)
        assert len(await messages_of(client, turn)) == 1
    assert calls_of(service) == calls
    assert again.types[0] == "accepted"
    assert again.types[-3:] == ["sources", "token", "done"]
    for heard in (again, by_socket):
        assert heard.seqs == list(range(1, len(heard.seqs) + 1))
        assert heard.last == first.last
        assert heard.reply() == first.reply()
    assert whole == invoked == first.reply() | {"partial": False}


@pytest.mark.parametrize("other", [{"question": "How are backups restored?"}, {"conversation_id": str(uuid4())}])
async def test_turn_id_with_other_content_is_refused(service: LiveService, other: dict[str, str]) -> None:
    turn = new_turn(DEPLOY)
    async with client_of(service) as client, socket_of(service) as socket:
        token = await visitor_of(client)
        await ask(client, **turn)
        refused = [
            await client.post("/api/chat", json=turn | other),
            await client.post("/rag/invoke", json={"input": turn | other}),
            await client.post("/rag/stream", json={"input": turn | other}),
        ]
        by_socket = await send(socket, **(turn | other), token=token)
        assert len(await messages_of(client, turn)) == 1
    assert {(response.status_code, response.json()["code"]) for response in refused} == {(409, "turn_id_reuse")}
    assert (by_socket.types, by_socket.last["code"]) == (["error"], "turn_id_reuse")


async def test_conversation_is_busy_while_a_turn_runs_in_it(service: LiveService) -> None:
    turn = new_turn(SLOW)
    other = {"question": DEPLOY, "conversation_id": turn["conversation_id"]}
    async with client_of(service) as client, socket_of(service) as socket:
        token = await visitor_of(client)
        running = asyncio.create_task(stream(client, **turn))
        await asyncio.sleep(0.5)
        refused = [
            await client.post("/api/chat", json=other),
            await client.post("/rag/invoke", json={"input": other}),
            await client.post("/rag/stream", json={"input": other}),
        ]
        by_socket = await send(socket, **other, token=token)
        elsewhere = await ask(client, DEPLOY)
        assert not running.done()
        assert (await running).types[-1] == "done"
        assert (await ask(client, **other))["outcome"] == "answered"
        assert [message["question"] for message in await messages_of(client, turn)] == [SLOW, DEPLOY]
    for response in refused:
        assert (response.status_code, response.json()["code"]) == (409, "conversation_busy")
        assert int(response.headers["Retry-After"]) == response.json()["retry_after"]
        assert response.json()["retryable"] is True
    assert by_socket.last["code"] == "conversation_busy"
    assert elsewhere["outcome"] == "answered"


async def test_turn_that_runs_is_joined(service: LiveService) -> None:
    turn = new_turn(SLOW)
    async with client_of(service) as client, socket_of(service) as socket:
        token = await visitor_of(client)
        before = calls_of(service)
        first = asyncio.create_task(stream(client, **turn))
        await asyncio.sleep(0.5)
        second = await send(socket, **turn, token=token)
        heard = await first
    assert calls_of(service) == before + 1
    assert second.reply() == heard.reply()
    assert len(second.of("token")) > 5


@pytest.mark.parametrize("path", ["/api/chat", "/rag/invoke"])
async def test_twenty_copies_at_once_make_one_turn(service: LiveService, path: str) -> None:
    turn = new_turn(DEPLOY)
    body = turn if path == "/api/chat" else {"input": turn}
    async with client_of(service) as client:
        await visitor_of(client)
        before = calls_of(service)
        copies = [client.post(path, json=body, headers=JSON) for _ in range(20)]
        responses = await asyncio.gather(*copies)
        messages = await messages_of(client, turn)
        listed = (await client.get("/api/conversations")).json()["conversations"]
    assert {response.status_code for response in responses} == {200}
    replies = [response.json() if path == "/api/chat" else response.json()["output"] for response in responses]
    assert len({json.dumps(reply, sort_keys=True) for reply in replies}) == 1
    assert calls_of(service) == before + 1
    assert (len(messages), len(listed)) == (1, 1)


async def test_reader_who_leaves_finds_the_whole_reply(service: LiveService) -> None:
    turn = new_turn(SLOW)
    async with client_of(service) as client:
        await visitor_of(client)
        before = calls_of(service)
        async with client.stream("POST", "/api/chat", json=turn) as response:
            await anext(response.aiter_bytes())
        heard = await stream(client, **turn)
    assert (heard.types[-1], calls_of(service)) == ("done", before + 1)
