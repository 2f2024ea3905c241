"""Events out of packets, wherever those are cut."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chains.providers.sse import events_of
from chains.resilience import BadPayload

pytestmark = pytest.mark.anyio

TEXT = "ضمان المضخة 24 شهرا\u2028 \x85\x0b 😀"
EVENT = {"text": TEXT}
LINE = b"data: " + json.dumps(EVENT, ensure_ascii=False).encode()


async def read(*packets: bytes) -> list[Any]:
    async def coming() -> AsyncIterator[bytes]:
        for packet in packets:
            yield packet

    return [event async for event in events_of(coming())]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
async def test_events_are_whole_wherever_packets_are_cut(end: bytes) -> None:
    stream = 2 * (LINE + end)
    for cut in range(len(stream)):
        assert await read(stream[:cut], stream[cut:]) == [EVENT, EVENT]
    assert await read(*(bytes([byte]) for byte in stream)) == [EVENT, EVENT]


async def test_what_is_no_data_is_passed_over() -> None:
    assert await read(b": a comment\n\nevent: message\nid: 7\n" + LINE + b"\n\nretry: 5\n\n") == [EVENT]


async def test_space_after_the_colon_may_be_missing_and_data_may_have_lines() -> None:
    assert await read(b'data:{"text":\ndata:"a b"}\n\n') == [{"text": "a b"}]


async def test_event_before_the_end_of_the_connection_counts() -> None:
    assert await read(LINE + b"\n\n" + LINE) == [EVENT, EVENT]
    assert await read(LINE + b"\n\n" + LINE + b"\n") == [EVENT, EVENT]


async def test_nothing_follows_the_closing_word() -> None:
    assert await read(LINE + b"\n\ndata: [DONE]\n\ndata: {broken\n\n") == [EVENT]
    assert await read(LINE + b"\n\ndata: [DONE]") == [EVENT]


@pytest.mark.parametrize("broken", [LINE[:-5] + b"\n\n", LINE[:-5], b"data: {\n\ndata: }\n\n"])
async def test_event_that_is_not_json_is_an_error(broken: bytes) -> None:
    with pytest.raises(BadPayload, match="not JSON"):
        await read(broken)


async def test_nothing_is_no_event() -> None:
    assert await read() == await read(b"") == await read(b"<html>\n\n</html>") == []
