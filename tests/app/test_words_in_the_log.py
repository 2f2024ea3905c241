"""What a reader writes is in no line of the log, through whichever door it came and however it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from doors import JSON, client_of, remote, send, socket_of
from live_service import LiveService

pytestmark = pytest.mark.anyio

SENTINEL = "heliotropium7391"
ANSWERED = f"How do I deploy a release of {SENTINEL}?"
BROKEN = f"How do I deploy {SENTINEL}?!"
MIDWAY = f"How do I deploy {SENTINEL} ...?!"
DOORS = ("/api/chat", "/api/feedback", "/rag/invoke", "/rag/batch", "/chat/invoke", "/retriever/invoke")
UNREADABLE: list[Any] = [{"question": SENTINEL * 400}, {"question": f"{SENTINEL}\0"}, {SENTINEL: SENTINEL}, [SENTINEL]]


async def tell_all_doors(service: LiveService, question: str) -> None:
    turn = {"question": question, "selected_text": SENTINEL, "page_url": f"https://book.example/{SENTINEL}"}
    messages = {"messages": [{"type": "human", "content": question}]}
    async with client_of(service) as client, socket_of(service) as socket:
        client.headers["X-Docent-Visitor"] = (await client.post("/api/session")).json()["visitor_token"]
        reply = (await client.post("/api/chat", json=turn | {"turn_id": str(uuid4())}, headers=JSON)).json()
        await client.post("/api/chat", json=turn | {"conversation_id": reply["conversation_id"]})
        await send(socket, **turn)
        await client.post("/rag/invoke", json={"input": turn, "config": {"metadata": {"said": SENTINEL}}})
        await client.post("/rag/stream", json={"input": turn})
        await client.post("/rag/batch", json={"inputs": [turn, {"question": f"{SENTINEL}\0"}]})
        await client.post("/retriever/invoke", json={"input": question})
        await client.post("/retriever/batch", json={"inputs": [question]})
        await client.post("/chat/invoke", json={"input": messages})
        await client.post("/chat/stream", json={"input": messages})
        await client.post("/rag/stream_log", json={"input": turn})
        await client.post("/api/feedback", json={"turn_id": reply["turn_id"], "rating": "up", "comment": SENTINEL})
        await client.get(f"/api/conversation/{reply['conversation_id']}")
        await client.delete(f"/api/conversation/{reply['conversation_id']}")
    await remote(service).ainvoke({"question": question})


def said(service: LiveService) -> list[str]:
    written: list[Path] = [service.log, *service.data_dir.glob("*.log*")]
    return [line for path in written for line in path.read_text().splitlines() if SENTINEL in line]


@pytest.mark.parametrize("question", [ANSWERED, BROKEN, MIDWAY], ids=["answered", "broken", "broken midway"])
async def test_question_is_in_no_line_of_the_log(any_service: LiveService, question: str) -> None:
    await tell_all_doors(any_service, question)
    assert any_service.log_lines()
    assert said(any_service) == []


async def test_what_cannot_be_read_is_in_no_line_of_the_log(any_service: LiveService) -> None:
    async with client_of(any_service) as client, socket_of(any_service) as socket:
        for body in UNREADABLE:
            for path in DOORS:
                response = await client.post(path, json={"input": body, "inputs": body, "turn_id": body})
                assert response.status_code == 422 or path == "/rag/batch", response.text
            assert (await client.post("/api/chat", content=f"{{{SENTINEL}")).status_code == 422
            await socket.send(json.dumps({"type": SENTINEL, "turn": body}))
            assert json.loads(await socket.recv())["code"] == "invalid_turn"
    assert said(any_service) == []
