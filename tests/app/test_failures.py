"""What nobody expected inside the chain: said calmly through every door, logged without its words, and over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from doors import JSON, READER, ask, client_of, folded, remote, send, socket_of, stream
from live_service import LiveService
from scripted_service import SECRET
from structlog.testing import capture_logs

from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio

BREAK = "How do I deploy a release?!"
MIDWAY = "How do I deploy a release ...?!"
DEPLOY = "How do I deploy a release?"
INTERNAL = {"code": "internal", "message": "Something went wrong on our side. Please try again.", "retryable": True}


@pytest.fixture
async def client(service: LiveService) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        client.headers["X-Docent-Visitor"] = (await client.post("/api/session")).json()["visitor_token"]
        yield client


def assert_says_nothing(service: LiveService, told: object) -> None:
    assert "internal:5432" not in str(told)
    assert "Traceback" not in str(told)
    log = service.log.read_text()
    assert SECRET not in log
    assert BREAK.removesuffix("?") not in log


@pytest.mark.parametrize(("question", "partial"), [(BREAK, False), (MIDWAY, True)])
async def test_stream_ends_with_one_error(
    service: LiveService, client: httpx.AsyncClient, question: str, partial: bool
) -> None:
    async with socket_of(service) as socket:
        by_sse = await stream(client, question)
        by_socket = await send(socket, question)
        after = await send(socket, DEPLOY)
    assert after.types[-1] == "done"
    for heard in (by_sse, by_socket):
        assert [kind for kind in heard.types if kind in ("done", "error")] == ["error"]
        assert heard.seqs == list(range(1, len(heard.seqs) + 1))
        request_id, told = heard.last.pop("request_id"), dict(heard.last)
        told.pop("turn_id", None)
        assert told == INTERNAL | {"partial": partial}
        assert len(request_id) == 16
        assert bool(heard.text) == partial
        assert_says_nothing(service, heard)
    assert by_sse.headers["X-Request-Id"]


async def test_reply_at_once_is_the_contracts_error(service: LiveService, client: httpx.AsyncClient) -> None:
    response = await client.post("/api/chat", json={"question": BREAK}, headers=JSON)
    body = response.json()
    assert response.status_code == 500
    assert {name: body[name] for name in INTERNAL} == INTERNAL
    assert (body["partial"], body["request_id"]) == (False, response.headers["X-Request-Id"])
    assert body["outcome"] == "failed"
    assert_says_nothing(service, body)
    assert (await ask(client, DEPLOY))["outcome"] == "answered"


async def test_langserve_doors_give_a_failed_reply(service: LiveService, client: httpx.AsyncClient) -> None:
    runnable = remote(service)
    invoked = await runnable.ainvoke({"question": MIDWAY})
    streamed = folded([part async for part in runnable.astream({"question": MIDWAY})])
    batched = await runnable.abatch([{"question": BREAK}, {"question": DEPLOY}])
    for reply in (invoked, streamed, batched[0]):
        assert (reply["outcome"], reply["error"]) == ("failed", INTERNAL)
        assert_says_nothing(service, reply)
    assert (invoked["partial"], streamed["partial"]) == (True, True)
    assert invoked["answer"] == streamed["answer"] != ""
    assert batched[1]["outcome"] == "answered"


async def test_chat_door_says_the_calm_sentence(service: LiveService) -> None:
    message = {"type": "human", "content": BREAK}
    told = [piece async for piece in remote(service, "chat").astream({"messages": [message]})]
    assert "".join(told) == INTERNAL["message"]
    assert_says_nothing(service, told)


async def test_interrupted_reply_is_kept_as_what_it_is(service: LiveService, client: httpx.AsyncClient) -> None:
    turn: dict[str, Any] = {"question": MIDWAY, "conversation_id": str(uuid4()), "turn_id": str(uuid4())}
    heard = await stream(client, **turn)
    (kept,) = (await client.get(f"/api/conversation/{turn['conversation_id']}")).json()["messages"]
    assert (kept["state"], kept["outcome"], kept["partial"]) == ("partial", "failed", True)
    assert (kept["answer"], kept["grounded"]) == (heard.text, False)
    assert_says_nothing(service, kept)


async def test_failed_turn_runs_again_under_its_id(service: LiveService, client: httpx.AsyncClient) -> None:
    turn: dict[str, Any] = {"question": MIDWAY, "conversation_id": str(uuid4()), "turn_id": str(uuid4())}
    calls = (service.data_dir / "calls").read_text().count("\n") if (service.data_dir / "calls").exists() else 0
    await stream(client, **turn)
    again = await stream(client, **turn)
    assert again.types[:2] == ["restart", "accepted"]
    assert (service.data_dir / "calls").read_text().count("\n") == calls + 2
    assert len((await client.get(f"/api/conversation/{turn['conversation_id']}")).json()["messages"]) == 1


async def test_failure_is_one_line_with_its_request(service: LiveService, client: httpx.AsyncClient) -> None:
    heard = await stream(client, BREAK)
    (line,) = [line for line in service.log_lines(heard.headers["X-Request-Id"]) if line["level"] == "error"]
    assert (line["event"], line["error"]) == ("turn_failed", "RuntimeError")
    assert "scripted_service.py" in line["where"]


async def test_failure_outside_of_a_turn_is_answered_alike(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, allowed_origins=READER))

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError(SECRET)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://docent") as client:
        with capture_logs() as logs:
            response = await client.get("/broken", headers={"Origin": READER})
    body = response.json()
    assert (response.status_code, body.pop("request_id")) == (500, response.headers["X-Request-Id"])
    assert body == INTERNAL | {"partial": False}
    assert response.headers["access-control-allow-origin"] == READER
    (line,) = logs
    assert (line["event"], line["error"], line["path"]) == ("failed", "ValueError", "/broken")
    assert "test_failures.py" in line["where"]
    assert SECRET not in str(logs)
