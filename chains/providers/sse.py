"""Server-sent events that carry JSON, as the providers stream their answers."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import orjson

from chains.resilience import BadPayload

END = b"[DONE]"


async def events_of(packets: AsyncIterable[bytes]) -> AsyncIterator[Any]:
    """The events' data. Lines are cut as bytes: a character may come in two packets, and text may hold characters that
    end a line for `str.splitlines` and not in JSON, as U+2028.

    Raises:
        BadPayload: an event is not JSON; to skip it would leave a hole in a "complete" answer.
    """
    rest = b""
    data: list[bytes] = []  # of the event that is not over
    async for packet in packets:
        *lines, rest = (rest + packet).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif data and not line.rstrip(b"\r"):
                if data == [END]:
                    return
                yield _read(data)
                data = []
    if rest.startswith(b"data:"):
        data.append(rest[5:].strip())
    if data not in ([], [END]):
        yield _read(data)


def _read(data: list[bytes]) -> Any:
    try:
        return orjson.loads(data[0] if len(data) == 1 else b"\n".join(data))
    except orjson.JSONDecodeError as error:
        raise BadPayload("an event that is not JSON") from error
