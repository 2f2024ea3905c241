"""What is one visitor's does not exist for another: every route, every frame, and every way to say who one is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from doors import JSON, ask, client_of, socket_of
from live_service import LiveService
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.anyio

SECRET_WORDS = "heliotrope"
QUESTION = f"How do I deploy a release of {SECRET_WORDS}?"
OTHER = "How do I restore a backup?"
SPELLINGS = ["{{{}}}", "urn:uuid:{}", "%7B{}%7D"]


@dataclass
class Two:
    """Ada's conversation, one whose answer is still being written, and what names them; Eve has a token of her own."""

    service: LiveService
    ada: httpx.AsyncClient
    eve: httpx.AsyncClient
    conversation: str
    turn: str
    running_conversation: str
    running: str


@pytest.fixture
async def two(any_service: LiveService) -> AsyncIterator[Two]:
    async with client_of(any_service) as ada, client_of(any_service) as eve:
        for client in (ada, eve):
            client.headers["X-Docent-Visitor"] = (await client.post("/api/session")).json()["visitor_token"]
        mine = await ask(ada, QUESTION)
        await ada.post("/api/feedback", json={"turn_id": mine["turn_id"], "rating": "up", "comment": SECRET_WORDS})
        running = {"conversation_id": str(uuid4()), "turn_id": str(uuid4())}
        async with ada.stream("POST", "/api/chat", json={"question": f"{QUESTION} slowly", **running}) as events:
            await anext(events.aiter_lines())
            yield Two(
                any_service, ada, eve, mine["conversation_id"], mine["turn_id"],
                running["conversation_id"], running["turn_id"],
            )  # fmt: skip


def requests(two: Two) -> Iterator[tuple[str, str, Any]]:
    """Each way in, with each of Ada's ids."""
    pairs = ((two.conversation, two.turn), (two.running_conversation, two.running))
    for conversation, turn in pairs:
        yield "GET", f"/api/conversation/{conversation}", None
        for name in SPELLINGS:
            yield "GET", f"/api/conversation/{name.format(conversation)}", None
            yield "DELETE", f"/api/conversation/{name.format(conversation)}", None
            yield "GET", f"/api/chat/{name.format(turn)}/events", None
            yield "POST", f"/api/chat/{name.format(turn)}/cancel", None
        yield "GET", f"/api/conversation/{conversation.upper()}", None
        yield "DELETE", f"/api/conversation/{conversation}", None
        yield "GET", f"/api/chat/{turn}/events", None
        yield "GET", f"/api/chat/{turn}/events?after=1", None
        yield "POST", f"/api/chat/{turn}/cancel", None
        yield "POST", "/api/feedback", {"turn_id": turn, "rating": "down"}
        for given in (
            {"question": OTHER, "conversation_id": conversation},
            {"question": QUESTION, "conversation_id": conversation, "turn_id": turn},
            {"question": QUESTION, "turn_id": turn},
            {"question": OTHER, "conversation_id": f"{{{conversation}}}"},
            {"question": OTHER, "conversation_id": f"urn:uuid:{conversation}"},
        ):
            yield "POST", "/api/chat", given
            for verb in ("invoke", "stream"):
                config = {"configurable": {"conversation_id": conversation, "session_id": conversation}}
                yield "POST", f"/rag/{verb}", {"input": given, "config": config, "kwargs": {"owner": "ada"}}


async def test_no_request_of_another_visitor_finds_it(two: Two) -> None:
    told = []
    for method, path, body in requests(two):
        for accept in ({}, JSON):
            response = await two.eve.request(method, path, json=body, headers=accept)
            told.append(response.text)
            assert (response.status_code, response.json()["code"]) == (404, "not_found"), (method, path, body)
    assert SECRET_WORDS not in "".join(told)
    await assert_untouched(two)


async def test_refusal_is_that_of_what_does_not_exist(two: Two) -> None:
    """Else an id could be tried out."""
    for method, path, body in requests(two):
        nobodys = [str(uuid4()), str(uuid4())]
        other_path, other_body = path, json.dumps(body)
        for known in (two.conversation, two.running_conversation, two.conversation.upper()):
            other_path, other_body = other_path.replace(known, nobodys[0]), other_body.replace(known, nobodys[0])
        for known in (two.turn, two.running):
            other_path, other_body = other_path.replace(known, nobodys[1]), other_body.replace(known, nobodys[1])
        if "question" in other_body:
            continue  # would begin a turn of her own
        mine = await two.eve.request(method, path, json=body)
        none = await two.eve.request(method, other_path, json=json.loads(other_body))
        assert comparable(mine) == comparable(none), path


def comparable(response: httpx.Response) -> tuple[int, Any, set[str]]:
    body = response.json()
    body.pop("request_id")
    return response.status_code, body, set(response.headers)


async def test_no_member_of_a_batch_finds_it(two: Two) -> None:
    members = [
        {"question": OTHER, "conversation_id": two.conversation},
        {"question": QUESTION, "conversation_id": two.conversation, "turn_id": two.turn},
        {"question": OTHER, "conversation_id": two.running_conversation},
        {"question": QUESTION, "turn_id": two.running},
    ]
    output = (await two.eve.post("/rag/batch", json={"inputs": members})).json()["output"]
    assert [reply["error"]["code"] for reply in output] == ["not_found"] * len(members)
    assert SECRET_WORDS not in json.dumps(output)
    await assert_untouched(two)


async def test_no_frame_of_another_visitor_finds_it(two: Two) -> None:
    token = two.eve.headers["X-Docent-Visitor"]
    frames: list[dict[str, Any]] = []
    for conversation, turn in ((two.conversation, two.turn), (two.running_conversation, two.running)):
        frames += [
            {"type": "resume", "turn_id": turn, "after": 0},
            {"type": "resume", "turn_id": turn.upper(), "after": 3},
            {"type": "cancel", "turn_id": turn},
            {"type": "turn", "question": OTHER, "conversation_id": conversation},
            {"type": "turn", "question": QUESTION, "conversation_id": conversation, "turn_id": turn},
        ]
    for credentials in ({"token": token}, {}):
        async with socket_of(two.service) as socket:
            for frame in frames:
                await socket.send(json.dumps(frame | credentials))
                told = json.loads(await socket.recv())
                assert (told["type"], told["code"]) == ("error", "not_found"), frame
                assert SECRET_WORDS not in json.dumps(told)
    await assert_untouched(two)


async def test_socket_of_its_owner_does_not_serve_the_next_token(two: Two) -> None:
    async with socket_of(two.service) as socket:
        resume = {"type": "resume", "turn_id": two.turn, "after": 0}
        await socket.send(json.dumps(resume | {"token": two.ada.headers["X-Docent-Visitor"]}))
        while json.loads(await socket.recv())["type"] != "done":
            pass
        await socket.send(json.dumps(resume | {"token": two.eve.headers["X-Docent-Visitor"]}))
        assert json.loads(await socket.recv())["code"] == "not_found"
        await socket.send(json.dumps(resume | {"token": "forged"}))
        assert json.loads(await socket.recv())["code"] == "unauthorized"


@pytest.mark.parametrize("name", ["x-docent-visitor", "X-DOCENT-VISITOR", "x-Docent-vISITOR"])
async def test_spelling_of_a_header_changes_nobody(two: Two, name: str) -> None:
    path = f"/api/conversation/{two.conversation}"
    async with client_of(two.service) as client:
        for value, status in ((two.ada.headers["X-Docent-Visitor"], 200), (two.eve.headers["X-Docent-Visitor"], 404)):
            assert (await client.get(path, headers={name: value})).status_code == status
        twice = [(name, two.eve.headers["X-Docent-Visitor"]), (name, two.ada.headers["X-Docent-Visitor"])]
        assert (await client.get(path, headers=twice)).status_code == 404
        both = [(name, two.eve.headers["X-Docent-Visitor"]), ("Authorization", f"Bearer {uuid4().hex}")]
        assert (await client.get(path, headers=both)).status_code == 404


@pytest.mark.parametrize("parameter", ["token", "visitor_token", "X-Docent-Visitor", "authorization", "access_token"])
async def test_token_in_an_address_opens_nothing(two: Two, parameter: str) -> None:
    token = two.ada.headers["X-Docent-Visitor"]
    async with client_of(two.service) as client:
        for path in (f"/api/conversation/{two.conversation}", f"/api/chat/{two.turn}/events", "/api/conversations"):
            response = await client.get(path, params={parameter: token})
            assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    with pytest.raises(InvalidStatus) as refused:
        async with socket_of(two.service, query=f"?{parameter}={token}"):
            pass
    assert refused.value.response.status_code in (401, 403)
    assert token not in two.service.log.read_text()


async def assert_untouched(two: Two) -> None:
    """It is as Ada left it, and what is being written goes on."""
    kept = (await two.ada.get(f"/api/conversation/{two.conversation}")).json()["messages"]
    assert [(each["question"], each["feedback"]["rating"]) for each in kept] == [(QUESTION, "up")]
    (running,) = (await two.ada.get(f"/api/conversation/{two.running_conversation}")).json()["messages"]
    assert running["state"] in ("running", "complete")
    assert (await two.eve.get("/api/conversations")).json() == {"conversations": []}
