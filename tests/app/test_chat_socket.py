"""`/ws/chat`: many turns over one socket; a bad frame costs an `error` event and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from doors import ask, client_of, send, socket_of
from live_service import LiveService
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.anyio

QUESTION = "How do I deploy a release?"
SECRET = "wherewithal"
BAD_FRAMES: dict[str, str | bytes] = {
    "broken": '{"type": "turn", "question": "wherewithal',
    "nothing": "",
    "list": '["wherewithal"]',
    "number": "7",
    "no type": '{"question": "wherewithal"}',
    "unknown type": '{"type": "wherewithal"}',
    "empty question": '{"type": "turn", "question": ""}',
    "nul": '{"type": "turn", "question": "wherewithal\\u0000"}',
    "surrogate": '{"type": "turn", "question": "wherewithal\\ud800"}',
    "bad id": '{"type": "turn", "question": "wherewithal", "turn_id": "x"}',
    "deep": "[" * 50_000,
    "binary": b"\xff\xfe wherewithal",
}


async def exchange(socket: ClientConnection, frame: str | bytes) -> dict[str, Any]:
    await socket.send(frame)
    answer: dict[str, Any] = json.loads(await socket.recv())
    return answer


async def test_bad_frames_leave_the_socket_open(any_service: LiveService) -> None:
    async with socket_of(any_service) as socket:
        answers = {name: await exchange(socket, frame) for name, frame in BAD_FRAMES.items()}
        assert await exchange(socket, '{"type": "ping"}') == {"type": "pong"}
        assert (await send(socket, QUESTION)).types[-1] == "done"
    for name, answer in answers.items():
        assert (answer["type"], answer["code"], answer["retryable"]) == ("error", "invalid_turn", False), name
        assert SECRET not in answer["message"]
    (request_id,) = {answer["request_id"] for answer in answers.values()}
    lines = [line for line in any_service.log_lines(request_id) if line["logger"].startswith("app.")]
    assert [(line["event"], line["path"]) for line in lines] == [("refused", "/ws/chat")] * len(BAD_FRAMES)
    assert SECRET not in any_service.log.read_text()


async def test_bad_token_is_refused_and_the_socket_stays(any_service: LiveService) -> None:
    async with socket_of(any_service) as socket:
        for token in ("forged", 7, "x" * 600):
            refused = await send(socket, QUESTION, token=token)
            assert (refused.types, refused.last["code"]) == (["error"], "unauthorized")
        assert (await send(socket, QUESTION)).types[-1] == "done"


@pytest.mark.parametrize("size", [128 * 1024 + 1, 5_000_000])
async def test_oversized_frame_closes_the_socket(any_service: LiveService, size: int) -> None:
    async with socket_of(any_service) as socket:
        with suppress(ConnectionClosed):
            await socket.send(json.dumps({"type": "turn", "question": "x" * size}))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1009


async def test_one_socket_carries_many_turns_at_once(service: LiveService) -> None:
    questions = {str(uuid4()): question for question in (QUESTION, "How do I restore a backup?", QUESTION)}
    seen: dict[str, list[dict[str, Any]]] = {turn: [] for turn in questions}
    async with socket_of(service) as socket:
        for turn, question in questions.items():
            await socket.send(json.dumps({"type": "turn", "question": question, "turn_id": turn}))
        while not all(frames and frames[-1]["type"] == "done" for frames in seen.values()):
            frame = json.loads(await socket.recv())
            seen[frame["turn_id"]].append(frame)
    for turn, frames in seen.items():
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        assert [frame["type"] for frame in frames].count("done") == 1
        assert ("backups" in str(frames)) == ("backup" in questions[turn]) or "sources" in str(frames)


async def test_socket_without_a_token_keeps_the_visitor_that_was_made(service: LiveService) -> None:
    async with socket_of(service) as socket, client_of(service) as client:
        first = await send(socket, QUESTION)
        second = await send(socket, QUESTION, conversation_id=first.last["conversation_id"])
        assert second.types[-1] == "done"
        client.headers["X-Docent-Visitor"] = first.data[0]["visitor_token"]
        third = await ask(client, QUESTION, conversation_id=first.last["conversation_id"])
        assert third["conversation_id"] == first.last["conversation_id"]
        fourth = await send(socket, QUESTION, token=client.headers["X-Docent-Visitor"])
        assert "visitor_token" not in fourth.data[0]


async def test_reader_who_closes_the_socket_leaves_a_stored_reply(service: LiveService) -> None:
    turn = {"question": QUESTION, "turn_id": str(uuid4())}
    async with socket_of(service) as socket:
        await socket.send(json.dumps({"type": "turn", **turn}))
        accepted = json.loads(await socket.recv())
    async with client_of(service, accepted["visitor_token"]) as client:
        reply = await ask(client, **turn)
    assert reply["outcome"] == "answered"
