"""Clients that break the rules at the doors of one service: too slow, too fast, too large, silent, foreign, malformed.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psutil
import pytest
from fleet import SLOWLY, Told, ask, hear_frames, new_turn, visiting
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_service import LiveService, serving
from raw_socket import BINARY, PING, RawSocket, frame
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.app.doors import READER, SCRIPTED, SITE, socket_of

pytestmark = pytest.mark.anyio

QUESTION = "How do I deploy a release?"
IDLE = 300  # sockets
SLOW_READERS = 50


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    options = {"ALLOWED_ORIGINS": READER, "ENVIRONMENT": "production"}
    with serving(tmp_path_factory.mktemp("doors"), SITE, command=SCRIPTED, **options) as service:
        yield service


def memory_of(service: LiveService) -> int:
    return int(psutil.Process(service.process.pid).memory_info().rss)


async def assert_serves(service: LiveService) -> None:
    async with visiting(service) as client:
        assert (await ask(client, new_turn(QUESTION))).types[-1] == "done"


@pytest.mark.fault(32)
async def test_32_slow_readers_cost_little_and_hold_up_nobody(service: LiveService) -> None:
    """Fifty that take a small packet now and then, while another one is answered."""
    await assert_serves(service)
    before = memory_of(service)
    slow = [await RawSocket.open(service.host, receive_buffer=1024, origin=READER) for _ in range(SLOW_READERS)]
    for each in slow:
        await each.say(type="turn", question=SLOWLY)
    await assert_serves(service)
    assert memory_of(service) - before < SLOW_READERS * 1024 * 1024
    for each in slow:
        each.leave()


@pytest.mark.fault(33, 34)
async def test_33_34_reader_who_takes_nothing_and_answers_no_ping_is_let_go(service: LiveService) -> None:
    """Within twice the ping's interval, whichever finds it first; the turn itself came to its end."""
    dead = await RawSocket.open(service.host, receive_buffer=1024, origin=READER)
    await dead.say(type="turn", question=QUESTION)
    began = time.monotonic()
    while await dead.hear(answer_pings=False) is not None and time.monotonic() - began < 90:
        pass
    assert dead.code in (0, 1011)
    await assert_serves(service)


@pytest.mark.fault(35)
@pytest.mark.parametrize("size", [1_000_000, 10_000_000])
async def test_35_large_message_is_refused_before_it_is_read(service: LiveService, size: int) -> None:
    await assert_serves(service)
    before = memory_of(service)
    async with socket_of(service, origin=READER, compression="deflate") as socket:
        assert not socket.protocol.extensions, "nothing is inflated, so that nothing can burst"
        with suppress(ConnectionClosed):
            await socket.send(json.dumps({"type": "turn", "question": "x" * size}))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1009
    assert memory_of(service) - before < 20_000_000
    await assert_serves(service)


@pytest.mark.fault(36)
@pytest.mark.parametrize("opcode", ["turn", "ping"])
async def test_36_flood_of_messages_closes_the_socket(service: LiveService, opcode: str) -> None:
    flood = await RawSocket.open(service.host, origin=READER)
    message = frame(b'{"type":"ping"}') if opcode == "turn" else frame(b"", PING)
    sending = asyncio.create_task(flood.send(message * 10_000))
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        assert (await client.get("/health/live")).status_code == 200
    events = await flood.events()
    await sending
    assert flood.code in (0, 1008)
    assert len(events) < 200
    assert {event.get("code", "pong") for event in events} <= {"rate_limited", "pong"}
    await assert_serves(service)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(["turn", "resume", "cancel", "ping", "hello", "", "TURN"])
NAMES = st.sampled_from(["question", "turn_id", "after", "token", "scope", "selected_text", "conversation_id"])
FRAMES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(str.encode),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.builds(lambda kind, fields: json.dumps({**fields, "type": kind}).encode(), TYPES, st.dictionaries(NAMES, JSON)),
    st.just(b"[" * 50_000),
    st.just(b'{"a":' * 20_000),
)


@pytest.mark.fault(37)
def test_37_malformed_frames_are_answered_and_never_break_anything(service: LiveService) -> None:
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(frames=st.lists(st.tuples(FRAMES, st.booleans()), min_size=1, max_size=5))
    def send(frames: list[tuple[bytes, bool]]) -> None:
        asyncio.run(send_malformed(service, frames))

    send()
    assert "Traceback" not in service.log.read_text()
    assert not [line for line in service.log_lines() if line["event"] == "Exception in ASGI application"]


async def send_malformed(service: LiveService, frames: list[tuple[bytes, bool]]) -> None:
    socket = await RawSocket.open(service.host, origin=READER)
    for payload, binary in frames:
        await socket.send(frame(payload, BINARY) if binary else frame(payload))
    await socket.say(type="ping")
    while (event := await socket.event()) is not None and event != {"type": "pong"}:
        assert event["type"] in ("error", "accepted", "status", "sources", "token", "done", "pong", "cancel"), event
        if event["type"] == "error":
            assert event["code"] in ("invalid_turn", "unauthorized", "not_found", "rate_limited"), event
    # 0: our next frame met a line that was closed already, and what it said before was lost with it.
    assert event is not None or socket.code in (0, 1003, 1007, 1009), socket.code
    socket.leave()


@pytest.mark.fault(38)
async def test_38_foreign_pages_get_no_socket(service: LiveService) -> None:
    """No Origin is a program, which has no cookie to abuse; `null` and foreign ones are pages that we do not know."""
    for origin in ("https://evil.example", "null", f"{READER}.evil.example", READER.replace("https", "http")):
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(service, origin=origin):
                pass
        assert refused.value.response.status_code == 403
    for origin in (READER, None, service.url):
        async with socket_of(service, origin=origin) as socket:
            turn = new_turn(QUESTION)
            await socket.send(json.dumps({"type": "turn", **turn}))
            assert (await hear_frames(socket, turn, Told())).types[-1] == "done"


@pytest.mark.fault(39)
async def test_39_idle_sockets_cost_little_and_slow_nobody(service: LiveService) -> None:
    """benchmarks/idle_sockets.py does it with 5,000."""
    await assert_serves(service)
    before = memory_of(service)
    idle = [await RawSocket.open(service.host, origin=READER) for _ in range(IDLE)]
    await assert_serves(service)
    assert (memory_of(service) - before) / IDLE < 60 * 1024  # 35 KB, and what the turn took
    for each in idle:
        each.leave()


LATE = {
    "headers": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "body": b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{",
}


@pytest.mark.fault(40)
@pytest.mark.parametrize("part", LATE)
async def test_40_request_that_does_not_arrive_is_given_up(service: LiveService, part: str) -> None:
    name, _, port = service.host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    began = time.monotonic()
    writer.write(LATE[part])
    try:
        async with asyncio.timeout(60):
            while not await heard_within(reader, 0.5):
                writer.write(b"x" if part == "body" else b"X-More: x\r\n")
    except ConnectionError:
        pass
    assert 5 < time.monotonic() - began < 60
    writer.close()


async def heard_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await reader.read(4096)
    except TimeoutError:
        return False
    return True
