"""Bad input gets the contract's error through every door, and one line in the log that does not quote it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from doors import client_of
from itsdangerous import URLSafeTimedSerializer
from live_service import LiveService

pytestmark = pytest.mark.anyio

SECRET = "wherewithal"  # in every question of this file, and nowhere in the log
FIELDS = {"code", "message", "retryable", "request_id", "partial"}
FOREIGN = URLSafeTimedSerializer("another service's key", salt="docent-visitor").dumps("somebody")

DOORS = ["/api/chat", "/rag/invoke", "/rag/stream"]
BAD_TURNS: dict[str, Any] = {
    "absent": {},
    "empty": {"question": ""},
    "blank": {"question": " \n\t "},
    "null": {"question": None},
    "number": {"question": 7},
    "long": {"question": SECRET * 400},
    "conversation": {"question": SECRET, "conversation_id": "12"},
    "turn": {"question": SECRET, "turn_id": "zz"},
    "nul": {"question": f"{SECRET}\0"},
    "surrogate": {"question": f"{SECRET}\ud800"},
    "selection": {"question": SECRET, "selected_text": "x" * 8_001},
    "selection nul": {"question": SECRET, "selected_text": "\0"},
    "scope": {"question": SECRET, "scope": "world"},
    "language": {"question": SECRET, "language": "not a language"},
    "page": {"question": SECRET, "page_url": "x" * 2_001},
}
BAD_BODIES: dict[str, bytes] = {
    "broken": b'{"question": "wherewithal',
    "nothing": b"",
    "list": b'["wherewithal"]',
    "text": b'"wherewithal"',
    "not utf-8": b'{"question": "wherewithal \xff"}',
    "deep": b"[" * 50_000,
}


def as_json(door: str, turn: Any) -> bytes:
    return json.dumps(turn if door == "/api/chat" else {"input": turn}).encode()


async def post(
    client: httpx.AsyncClient, path: str, body: bytes | AsyncIterator[bytes], **headers: str
) -> httpx.Response:
    return await client.post(path, content=body, headers={"Content-Type": "application/json", **headers})


def assert_refused(service: LiveService, response: httpx.Response, status: int, code: str) -> None:
    """The contract's JSON, and one line of the log that names code and request and quotes nothing."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert set(body) - {"retry_after"} == FIELDS
    assert (body["partial"], body["request_id"]) == (False, response.headers["X-Request-Id"])
    (line,) = service.log_lines(body["request_id"])
    assert (line["event"], line["code"], line["path"]) == ("refused", code, response.request.url.path)
    assert SECRET not in response.text
    assert SECRET not in service.log.read_text()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", BAD_TURNS)
async def test_bad_turn_is_refused(service: LiveService, client: httpx.AsyncClient, door: str, name: str) -> None:
    response = await post(client, door, as_json(door, BAD_TURNS[name]))
    assert_refused(service, response, 422, "invalid_turn")


@pytest.mark.parametrize("door", [*DOORS, "/rag/batch", "/chat/invoke", "/chat/stream", "/retriever/invoke"])
@pytest.mark.parametrize("name", BAD_BODIES)
async def test_bad_body_is_refused(service: LiveService, client: httpx.AsyncClient, door: str, name: str) -> None:
    assert_refused(service, await post(client, door, BAD_BODIES[name]), 422, "invalid_turn")


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize("door", [*DOORS, "/rag/batch", "/chat/invoke", "/retriever/invoke", "/api/session"])
async def test_five_megabytes_are_refused(
    service: LiveService, client: httpx.AsyncClient, door: str, chunked: bool
) -> None:
    body = as_json(door, {"question": SECRET * 480_000})

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    if door == "/api/session" and chunked:
        return  # reads no body
    response = await post(client, door, pieces() if chunked else body)
    assert_refused(service, response, 413, "too_large")
    assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("token", ["forged", FOREIGN, "x" * 5_000, "é"], ids=["forged", "foreign", "long", "accent"])
@pytest.mark.parametrize("door", DOORS)
async def test_bad_token_is_refused(service: LiveService, client: httpx.AsyncClient, door: str, token: str) -> None:
    headers = {b"X-Docent-Visitor": token.encode()}
    response = await client.post(door, content=as_json(door, {"question": SECRET}), headers=headers)
    assert_refused(service, response, 401, "unauthorized")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://book.example", "https://book.example.evil.com"]
)
@pytest.mark.parametrize("path", [*DOORS, "/retriever/invoke", "/api/session"])
async def test_foreign_origin_is_refused(
    service: LiveService, client: httpx.AsyncClient, path: str, origin: str
) -> None:
    response = await post(client, path, as_json(path, {"question": SECRET}), Origin=origin)
    assert_refused(service, response, 403, "forbidden_origin")
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "path", ["/nowhere", "/rag", "/api/chat/x/events", "/static/none.js", "/chat/batch", "/api/feedbacks"]
)
async def test_unknown_route_is_not_found(service: LiveService, client: httpx.AsyncClient, path: str) -> None:
    assert_refused(service, await client.get(path), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/chat"), ("DELETE", "/rag/invoke"), ("POST", "/api/health")])
async def test_wrong_method_is_refused(service: LiveService, client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path)
    assert_refused(service, response, 405, "invalid_turn")
    assert response.headers["Allow"]


async def test_page_of_conversations_has_limits(service: LiveService, client: httpx.AsyncClient) -> None:
    token = (await client.post("/api/session")).json()["visitor_token"]
    response = await client.get("/api/conversations?limit=0", headers={"X-Docent-Visitor": token})
    assert_refused(service, response, 422, "invalid_turn")


async def test_plain_uvicorn_refuses_alike(deployed: LiveService) -> None:
    async with client_of(deployed) as client:
        for door in DOORS:
            for name in ("empty", "conversation", "surrogate"):
                assert_refused(deployed, await post(client, door, as_json(door, BAD_TURNS[name])), 422, "invalid_turn")
            assert_refused(deployed, await post(client, door, BAD_BODIES["broken"]), 422, "invalid_turn")
            assert_refused(deployed, await post(client, door, b"x" * 5_000_000), 413, "too_large")
            assert_refused(deployed, await post(client, door, b"{}", Origin="null"), 403, "forbidden_origin")
        assert_refused(deployed, await client.get("/nowhere"), 404, "not_found")


async def test_longest_legal_turn_is_answered(client: httpx.AsyncClient) -> None:
    turn = {"question": "ا" * 4_000, "selected_text": "🚀" * 8_000, "page_url": "x" * 2_000}
    response = await post(client, "/api/chat", json.dumps(turn, ensure_ascii=True).encode(), Accept="application/json")
    assert response.status_code == 200
    assert response.json()["outcome"] in ("answered", "no_evidence")


async def test_reader_who_leaves_in_the_middle_of_a_body_is_no_failure(service: LiveService) -> None:
    before = [line for line in service.log_lines() if line["level"] == "error"]
    host, _, port = service.host.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b'POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"question":')
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.3)
    assert [line for line in service.log_lines() if line["level"] == "error"] == before
