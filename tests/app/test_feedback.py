"""Thumbs and comments: the visitor's own, on replies alone, and the last one counts."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from doors import ask, client_of, socket_of
from live_service import LiveService

pytestmark = pytest.mark.anyio

QUESTION = "How do I deploy a release?"


async def asked(client: httpx.AsyncClient, question: str = QUESTION) -> dict[str, Any]:
    reply = await ask(client, question)
    client.headers["X-Docent-Visitor"] = reply["visitor_token"]
    return reply


async def rate(client: httpx.AsyncClient, **body: Any) -> tuple[int, dict[str, Any]]:
    response = await client.post("/api/feedback", json=body)
    return response.status_code, response.json()


async def kept(client: httpx.AsyncClient, reply: dict[str, Any]) -> Any:
    found = await client.get(f"/api/conversation/{reply['conversation_id']}")
    return [message.get("feedback") for message in found.json()["messages"]]


async def test_feedback_is_kept_and_shown_with_the_conversation(any_service: LiveService) -> None:
    async with client_of(any_service) as client:
        reply = await asked(client)
        assert await kept(client, reply) == [None]
        given = {"turn_id": reply["turn_id"], "rating": "down", "comment": "  Wrong folder, بھٹی 🔥 "}
        assert await rate(client, **given) == (200, given | {"comment": "Wrong folder, بھٹی 🔥"})
        assert await kept(client, reply) == [{"rating": "down", "comment": "Wrong folder, بھٹی 🔥"}]
        assert (await rate(client, turn_id=reply["turn_id"].upper(), rating="up"))[0] == 200
        assert await kept(client, reply) == [{"rating": "up", "comment": ""}]


async def test_simultaneous_feedback_leaves_one(client: httpx.AsyncClient) -> None:
    reply = await asked(client)
    comments = [str(number) for number in range(8)]
    given = [rate(client, turn_id=reply["turn_id"], rating=-1, comment=each) for each in comments]
    assert {status for status, _ in await asyncio.gather(*given)} == {200}
    (one,) = await kept(client, reply)
    assert one["rating"] == "down"
    assert one["comment"] in comments


async def test_reply_of_another_visitor_cannot_be_rated(any_service: LiveService) -> None:
    async with client_of(any_service) as ada, client_of(any_service) as eve:
        mine, _ = await asked(ada), await asked(eve)
        stolen = await rate(eve, turn_id=mine["turn_id"], rating="down", comment="mine now")
        nobodys = await rate(eve, turn_id=str(uuid4()), rating="down")
        for refused in (stolen, nobodys):
            assert (refused[0], refused[1].pop("code")) == (404, "not_found")
            refused[1].pop("request_id")
        assert stolen == nobodys
        assert await kept(ada, mine) == [None]


async def test_feedback_needs_a_token(client: httpx.AsyncClient) -> None:
    reply = await ask(client, QUESTION)
    status, body = await rate(client, turn_id=reply["turn_id"], rating="up")
    assert (status, body["code"]) == (401, "unauthorized")


async def test_answer_that_is_still_written_cannot_be_rated(service: LiveService, client: httpx.AsyncClient) -> None:
    async with socket_of(service) as socket:
        await socket.send(json.dumps({"type": "turn", "question": "How do I deploy a release slowly?"}))
        accepted = json.loads(await socket.recv())
        client.headers["X-Docent-Visitor"] = accepted["visitor_token"]
        status, body = await rate(client, turn_id=accepted["turn_id"], rating="up")
        assert (status, body["code"], body["retryable"]) == (409, "conversation_busy", True)
        await client.post(f"/api/chat/{accepted['turn_id']}/cancel")
    assert (await rate(client, turn_id=accepted["turn_id"], rating="up"))[0] == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"rating": "sideways"}, {"rating": None}, {"rating": 0}, {"rating": True}, {"rating": 2},
        {"turn_id": "nonsense"}, {"turn_id": None}, {"comment": "x" * 2_001}, {"comment": "a\0b"}, {"comment": 3},
    ],
    ids=str,
)  # fmt: skip
async def test_feedback_that_cannot_be_read_is_refused(client: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    status, body = await rate(client, **{"turn_id": str(uuid4()), "rating": "up"} | wrong)
    assert (status, body["code"]) == (422, "invalid_turn")
    assert body["message"].startswith(next(iter(wrong)))


async def test_feedback_has_the_limits_of_every_body(client: httpx.AsyncClient) -> None:
    reply = await asked(client)
    longest = {"turn_id": reply["turn_id"], "rating": "up", "comment": "🔥" * 2_000}
    assert (await rate(client, **longest))[0] == 200
    assert (await rate(client, **longest | {"comment": "x" * 140_000}))[0] == 413
    nested = '{"turn_id": ' + "[" * 5_000 + "]" * 5_000 + "}"
    assert (await client.post("/api/feedback", content=nested)).status_code == 422
    surrogate = json.dumps({"turn_id": reply["turn_id"], "rating": "up", "comment": "\ud800"})
    assert (await client.post("/api/feedback", content=surrogate)).status_code == 422
