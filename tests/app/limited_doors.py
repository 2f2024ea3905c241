"""Every door through which a model or the index can be asked: one question, and what it was told in one word."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import httpx
from doors import socket_of
from live_service import LiveService

QUESTION = "How do I deploy a release?"
MESSAGES = {"messages": [{"type": "human", "content": QUESTION}]}
BODIES: dict[str, Any] = {
    "/api/chat": {"question": QUESTION},
    "/rag/invoke": {"input": {"question": QUESTION}},
    "/rag/stream": {"input": {"question": QUESTION}},
    "/rag/batch": {"inputs": [{"question": QUESTION}]},
    "/chat/invoke": {"input": MESSAGES},
    "/chat/stream": {"input": MESSAGES},
    "/retriever/invoke": {"input": QUESTION},
    "/retriever/batch": {"inputs": [QUESTION]},
}
SOCKET = "/ws/chat"
TURNS = [SOCKET, *(path for path in BODIES if "retriever" not in path)]
DOORS = [SOCKET, *BODIES]
OK = "ok"
WAITING = ("rate_limited", "budget_exhausted", "overloaded")

_addresses = count(1)


def fresh_address() -> str:
    """Of a reader who has not asked before."""
    number = next(_addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def ask_at(
    service: LiveService, path: str, token: str | None = None, address: str | None = None, **headers: str
) -> str:
    """`ok`, or the code of the refusal, whose way of saying when to come back is checked."""
    headers = {"X-Forwarded-For": address or fresh_address(), **headers}
    if path == SOCKET:
        return await _by_socket(service, token, headers)
    if token:
        headers.setdefault("X-Docent-Visitor", token)
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        response = await client.post(path, json=BODIES[path], headers=headers)
    if response.status_code != 200:
        return _checked(response.json(), response.headers.get("retry-after"))
    if path == "/rag/batch" and (error := response.json()["output"][0].get("error")) is not None:
        return _checked(error)
    assert "event: error" not in response.text
    return OK


async def new_token(service: LiveService) -> str:
    """Of a new visitor."""
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        response = await client.post("/api/session", headers={"X-Forwarded-For": fresh_address()})
    return str(response.json()["visitor_token"])


async def _by_socket(service: LiveService, token: str | None, headers: dict[str, str]) -> str:
    turn = {"type": "turn", "question": QUESTION} | ({"token": token} if token else {})
    async with socket_of(service, additional_headers=headers) as socket:
        await socket.send(json.dumps(turn))
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] == "error":
                return _checked(frame)
            if frame["type"] == "done":
                return OK


def _checked(error: dict[str, Any], header: str | None = None) -> str:
    if error["code"] in WAITING:
        assert error["retryable"]
        assert error["retry_after"] >= 1
        assert header in (None, str(error["retry_after"]))
    return str(error["code"])
