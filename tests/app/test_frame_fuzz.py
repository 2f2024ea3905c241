"""Any frames at all: each is answered, or its socket is closed with the right code, and nobody else notices.

DOCENT_FUZZ_SEED takes other frames.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from live_service import LiveService
from raw_socket import BINARY, CONTINUATION, PING, PONG, TEXT, RawSocket, frame

from app.refusals import STATUS
from app.settings import FRAME_LIMIT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = int(os.environ.get("DOCENT_FUZZ_SEED", "20261121"))
EXAMPLES = 60
QUESTION = "How do I deploy a release?"
EVENTS = ("accepted", "status", "sources", "token", "restart", "done", "error", "pong", "cancel")
RIGHT_CODES = (1002, 1003, 1007, 1008, 1009)  # protocol, kind of data, UTF-8, flood, size
CUT = 0  # what its own system makes of the code for a client that was still sending

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
NAMES = st.sampled_from(
    [
        "question",
        "message",
        "conversation_id",
        "turn_id",
        "token",
        "after",
        "scope",
        "selected_text",
        "language",
        "type",
    ]
)
TYPES = st.sampled_from(["turn", "resume", "cancel", "ping", "pong", "done", "", "TURN", "__class__"]) | VALUES
IDS = st.builds(lambda: str(uuid4())) | VALUES
OBJECTS = st.builds(
    lambda kind, fields, turn: {**fields, "type": kind, **turn},
    TYPES,
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.just({}) | st.fixed_dictionaries({"turn_id": IDS, "after": st.integers() | VALUES}),
)
DEEP = st.builds(
    lambda piece, times: piece * times, st.sampled_from(["[", '{"a":', '["', "]", '"']), st.integers(1, 9_000)
)
WORDS = (OBJECTS | VALUES).map(json.dumps) | DEEP | st.text(max_size=200)
FRAMES = st.one_of(
    WORDS.map(lambda text: frame(text.encode("utf-8", "surrogatepass"))),
    WORDS.map(lambda text: frame(text.encode("utf-8", "surrogatepass"), BINARY)),
    st.binary(max_size=300).map(frame),
    st.integers(FRAME_LIMIT - 2, FRAME_LIMIT + 3).map(lambda size: frame(b'"' + b"x" * (size - 2) + b'"')),
    st.integers(1, 14).map(lambda times: frame(b"", PING) * times),
    st.builds(frame, st.binary(max_size=140), st.sampled_from([PING, PONG, CONTINUATION, 3, 11])),
    st.builds(frame, st.just(b"{}"), reserved=st.integers(1, 7)),
    st.just(frame(b"{}", mask=None)),
    st.lists(st.binary(max_size=5), max_size=5).map(
        lambda parts: b"".join(
            frame(part, TEXT if at == 0 else CONTINUATION, fin=at == len(parts) - 1) for at, part in enumerate(parts)
        )
    ),
    st.integers(1, 100).map(lambda times: frame(b'{"type":"ping"}') * times),
)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def check_event(event: dict[str, Any]) -> None:
    assert event["type"] in EVENTS
    if event["type"] == "error":
        assert event["code"] in STATUS
        assert event["code"] != "internal", event


async def throw(service: LiveService, frames: list[bytes]) -> None:
    """Then ask whether the socket still lives: it answers, or was closed for a reason."""
    socket = await RawSocket.open(service.host)
    try:
        nonce = str(uuid4())
        for each in frames:
            await socket.send(each)
        await socket.say(type="cancel", turn_id=nonce)
        while (event := await socket.event()) is not None:
            check_event(event)
            if event.get("turn_id") == nonce or event.get("code") == "rate_limited":
                return
        assert socket.code in (*RIGHT_CODES, CUT), (socket.code, frames)
    finally:
        socket.leave()


async def answered_turn(socket: RawSocket) -> str:
    return str((await socket.turn(question=QUESTION))[-1]["type"])


async def answered_ping(socket: RawSocket) -> bool:
    await socket.say(type="ping")
    return await socket.event() == {"type": "pong"}


def test_frames_of_any_kind_break_nothing(service: LiveService, runner: asyncio.Runner) -> None:
    bystander = runner.run(RawSocket.open(service.host))
    assert runner.run(answered_turn(bystander)) == "done"
    begin = service.log.stat().st_size

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(FRAMES, min_size=1, max_size=8))
    def fuzz(frames: list[bytes]) -> None:
        runner.run(throw(service, frames))
        assert runner.run(answered_ping(bystander)), "another reader's socket goes on"

    fuzz()
    assert runner.run(answered_turn(bystander)) == "done"
    bystander.leave()
    with service.log.open("rb") as log:
        log.seek(begin)
        written = log.read().decode()
    alarms = [line for line in written.splitlines() if "Traceback" in line or '"level": "error"' in line]
    assert alarms == []
