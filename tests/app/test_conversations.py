"""Visitors and their conversations: kept through every door, and nobody else's business."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from doors import JSON, ask, client_of, remote, send, socket_of
from live_service import LiveService

pytestmark = pytest.mark.anyio

DEPLOY = "How do I deploy a release?"
BACKUP = "How do I restore a backup of the diary?"


async def test_conversation_goes_through_remote_runnable_and_http(any_service: LiveService) -> None:
    first = await remote(any_service).ainvoke({"question": DEPLOY})
    token, conversation = first["visitor_token"], first["conversation_id"]
    second = await remote(any_service, token=token).ainvoke({"question": BACKUP, "conversation_id": conversation})
    assert "visitor_token" not in second
    async with client_of(any_service, token) as client:
        third = await ask(client, DEPLOY, conversation_id=conversation)
        await ask(client, BACKUP, conversation_id=conversation)
        found = await client.get(f"/api/conversation/{conversation}")
        listed = (await client.get("/api/conversations")).json()["conversations"]
    assert found.status_code == 200
    messages = found.json()["messages"]
    assert [message["question"] for message in messages] == [DEPLOY, BACKUP, DEPLOY, BACKUP]
    assert [message["state"] for message in messages] == ["complete"] * 4
    assert messages[2]["turn_id"] == third["turn_id"]
    assert [each["conversation_id"] for each in listed] == [conversation]
    assert listed[0]["title"] == DEPLOY


async def test_conversation_of_another_visitor_does_not_exist(any_service: LiveService) -> None:
    async with client_of(any_service) as ada, client_of(any_service) as eve, socket_of(any_service) as socket:
        mine = await ask(ada, DEPLOY)
        ada.headers["X-Docent-Visitor"] = mine["visitor_token"]
        eve.headers["X-Docent-Visitor"] = (await eve.post("/api/session")).json()["visitor_token"]
        conversation, turn = mine["conversation_id"], mine["turn_id"]
        into = {"question": BACKUP, "conversation_id": conversation}
        again = {"question": DEPLOY, "conversation_id": conversation, "turn_id": turn}
        refused = [
            await eve.get(f"/api/conversation/{conversation}"),
            await eve.post("/api/chat", json=into),
            await eve.post("/api/chat", json=again, headers=JSON),
            await eve.post("/rag/invoke", json={"input": into}),
            await eve.post("/rag/stream", json={"input": again}),
        ]
        in_batch = (await eve.post("/rag/batch", json={"inputs": [into, again]})).json()["output"]
        by_socket = await send(socket, BACKUP, conversation_id=conversation, token=eve.headers["X-Docent-Visitor"])
        assert [response.status_code for response in refused] == [404] * len(refused)
        assert {response.json()["code"] for response in refused} == {"not_found"}
        assert [reply["error"]["code"] for reply in in_batch] == ["not_found"] * 2
        assert (by_socket.types, by_socket.last["code"]) == (["error"], "not_found")
        assert DEPLOY not in "".join(response.text for response in refused)
        assert (await eve.get("/api/conversations")).json() == {"conversations": []}
        kept = (await ada.get(f"/api/conversation/{conversation}")).json()["messages"]
        assert len(kept) == 1


async def test_turn_id_of_another_visitor_tells_nothing(client: httpx.AsyncClient) -> None:
    mine = await ask(client, DEPLOY)
    response = await client.post("/api/chat", json={"question": DEPLOY, "turn_id": mine["turn_id"]}, headers=JSON)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("forged", 401), ("x" * 600, 401)])
async def test_conversation_needs_a_token(client: httpx.AsyncClient, token: str | None, status: int) -> None:
    headers = {"X-Docent-Visitor": token} if token else {}
    for path in (f"/api/conversation/{uuid4()}", "/api/conversations"):
        response = await client.get(path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, "unauthorized")


@pytest.mark.parametrize("name", ["258596b7-6270-4968-a375-073180066b8e", "nonsense", "%00"])
async def test_unknown_conversation_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    token = (await client.post("/api/session")).json()["visitor_token"]
    response = await client.get(f"/api/conversation/{name}", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("header", ["X-Docent-Visitor", "Authorization"])
async def test_token_is_taken_from_either_header(client: httpx.AsyncClient, header: str) -> None:
    reply = await ask(client, DEPLOY)
    value = reply["visitor_token"] if header.startswith("X") else f"Bearer {reply['visitor_token']}"
    conversation = f"/api/conversation/{reply['conversation_id']}"
    found = await client.get(conversation, headers={header: value})
    assert found.status_code == 200
    assert "x-docent-visitor" not in found.headers


async def test_every_http_door_hands_out_the_token_that_it_made(client: httpx.AsyncClient) -> None:
    messages = {"messages": [{"type": "human", "content": DEPLOY}]}
    for path, body in {
        "/api/chat": {"question": DEPLOY},
        "/rag/invoke": {"input": {"question": DEPLOY}},
        "/rag/stream": {"input": {"question": DEPLOY}},
        "/rag/batch": {"inputs": [{"question": DEPLOY}]},
        "/chat/invoke": {"input": messages},
    }.items():
        response = await client.post(path, json=body)
        token = response.headers["X-Docent-Visitor"]
        listed = await client.get("/api/conversations", headers={"X-Docent-Visitor": token})
        assert listed.status_code == 200
        assert len(listed.json()["conversations"]) == (path != "/chat/invoke"), path
