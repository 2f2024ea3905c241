"""What one socket may send, and when it is closed: floods, pings, fragments, silence. Others notice nothing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from live_service import LiveService
from raw_socket import CONTINUATION, PING, TEXT, RawSocket, frame

from app.routes.socket_frames import BURST, WARNINGS
from app.server import WEBSOCKET_PING
from app.socket_protocol import FRAGMENTS, PINGS_PER_SECOND

pytestmark = pytest.mark.anyio

QUESTION = "How do I deploy a release?"


async def told(socket: RawSocket) -> list[dict[str, Any]]:
    return await socket.events()


async def test_flood_of_frames_is_warned_and_then_closed(service: LiveService) -> None:
    flooding, other = await RawSocket.open(service.host), await RawSocket.open(service.host)
    await flooding.send(frame(b'{"type":"ping"}') * 2_000)
    heard = await told(flooding)
    refused = [event for event in heard if event["type"] == "error"]
    assert flooding.code == 1008
    assert sum(event["type"] == "pong" for event in heard) >= BURST
    assert len(refused) >= WARNINGS
    assert {(event["code"], event["retry_after"]) for event in refused} == {("rate_limited", 1)}
    assert (await other.turn(question=QUESTION))[-1]["type"] == "done"
    other.leave()


async def test_flood_of_bad_frames_is_closed_too(service: LiveService) -> None:
    socket = await RawSocket.open(service.host)
    await socket.send(frame(b"[") * 2_000)
    heard = await told(socket)
    assert socket.code == 1008
    assert {event["code"] for event in heard} == {"invalid_turn", "rate_limited"}


async def test_pace_of_a_person_is_never_warned(service: LiveService) -> None:
    socket = await RawSocket.open(service.host)
    await socket.send(frame(b'{"type":"ping"}') * int(BURST / 2))
    for _ in range(int(BURST / 2)):
        assert await socket.event() == {"type": "pong"}
    socket.leave()


async def test_flood_of_pings_is_closed(service: LiveService) -> None:
    socket = await RawSocket.open(service.host)
    await socket.send(frame(b"", PING) * (PINGS_PER_SECOND * 3))
    assert await told(socket) == []
    assert socket.code == 1008


async def test_message_of_too_many_fragments_is_closed(service: LiveService) -> None:
    socket = await RawSocket.open(service.host)
    await socket.send(frame(b"[", TEXT, fin=False) + frame(b"", CONTINUATION, fin=False) * (FRAGMENTS + 1))
    assert await told(socket) == []
    assert socket.code == 1009


async def test_text_that_is_none_is_closed_without_alarm(service: LiveService) -> None:
    socket = await RawSocket.open(service.host)
    await socket.send(frame(b'{"type": "ping", "x": "\xff"}'))
    assert await told(socket) == []
    assert socket.code == 1007
    assert "Invalid UTF-8" not in service.log.read_text()


async def test_fragments_of_one_turn_are_put_together(service: LiveService) -> None:
    turn = json.dumps({"type": "turn", "question": QUESTION}).encode()
    socket = await RawSocket.open(service.host)
    first, *rest = (turn[at : at + 5] for at in range(0, len(turn), 5))
    pieces = [frame(piece, CONTINUATION, fin=piece is rest[-1]) for piece in rest]
    await socket.send(frame(first, TEXT, fin=False) + b"".join(pieces))
    while (event := await socket.event()) is not None and event["type"] not in ("done", "error"):
        pass
    assert event is not None
    assert event["type"] == "done"
    socket.leave()


@pytest.mark.slow
async def test_silent_socket_is_closed_and_an_idle_live_one_is_not(service: LiveService) -> None:
    silent, idle = await RawSocket.open(service.host), await RawSocket.open(service.host)
    living = asyncio.create_task(idle.event())
    began = time.monotonic()
    while await silent.hear(answer_pings=False) is not None:
        pass
    assert time.monotonic() - began >= WEBSOCKET_PING
    assert not living.done(), "it has answered the pings, and that is enough"
    await idle.say(type="ping")
    assert await living == {"type": "pong"}
    idle.leave()
