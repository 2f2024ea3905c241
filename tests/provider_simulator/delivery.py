"""An answer on its way to the client, and what the wire does to it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.provider_simulator.call import Answer, Frame, JsonAnswer, StreamAnswer
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.keys import Record, Settings
from tests.provider_simulator.wire import Connection, as_json

BETWEEN_WRITES = 0.002  # seconds; the client's side reads the first part by itself
GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


async def fail_before_headers(connection: Connection, fault: Fault | None, record: Record) -> bool:
    """True when the fault leaves nothing more to say."""
    if is_a(fault, "delay"):
        await connection.pause(fault.seconds)
    elif is_a(fault, "hang"):
        await connection.pause(None)
    elif is_a(fault, "disconnect", "reset"):
        record.ended = "cut"
        await (connection.reset() if is_a(fault, "reset") else connection.disconnect())
    elif is_a(fault, "html"):
        page = JsonAnswer(GATEWAY_PAGE, fault.status or 200, content_type="text/html")
        await send_json(connection, page, None, record)
    elif is_a(fault, "empty_body"):
        await send_json(connection, JsonAnswer(b""), None, record)
    else:
        return False
    return not is_a(fault, "delay")


async def deliver(
    connection: Connection, answer: Answer, fault: Fault | None, settings: Settings, record: Record
) -> None:
    if isinstance(answer, JsonAnswer):
        await send_json(connection, answer, fault, record)
    else:
        await Stream(connection, answer, fault, settings, record).send()


async def send_json(connection: Connection, answer: JsonAnswer, fault: Fault | None, record: Record) -> None:
    body = answer.body if isinstance(answer.body, bytes) else as_json(answer.body)
    record.status = answer.status
    if is_a(fault, "cut"):
        await connection.start(answer.status, answer.content_type, {"content-length": str(len(body))})
        await connection.write(body[: len(body) // 2])
        record.ended = "cut"
        await connection.disconnect()
        return
    if is_a(fault, "malformed"):
        body = body[: -len(body) // 5]
    await connection.send_whole(answer.status, answer.content_type, answer.headers, body)
    record.ended = "complete"


class Stream:
    """Server-sent events, one write each."""

    def __init__(
        self, connection: Connection, answer: StreamAnswer, fault: Fault | None, settings: Settings, record: Record
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._fault = fault
        self._settings = settings
        self._record = record
        self._place = place_of(fault, answer.frames) if fault else -1

    async def send(self) -> None:
        declared = "application/json" if is_a(self._fault, "wrong_content_type") else "text/event-stream"
        self._record.status = 200
        await self._connection.start(200, declared, {})
        for number, frame in enumerate(self._answer.frames):
            if number == self._place and await self._stops_here(frame):
                return
            await self._wait_for(frame)
            await self._write(self._spoilt(frame) if number == self._place else frame)
        await self._connection.end()
        self._record.ended = "complete"

    async def _stops_here(self, frame: Frame) -> bool:
        """Does the fault end the stream before this frame?"""
        if is_a(self._fault, "stall"):
            await self._connection.pause(self._fault.seconds)
        if is_a(self._fault, "half_event"):
            await self._connection.write(frame.data[: len(frame.data) // 2])
        if is_a(self._fault, "cut", "half_event"):
            self._record.ended = "cut"
            await self._connection.disconnect()
        elif is_a(self._fault, "error_event"):
            await self._connection.write(self._answer.error.data)
        if is_a(self._fault, "clean_end", "error_event"):
            await self._connection.end()
            self._record.ended = "complete"
        return is_a(self._fault, "cut", "half_event", "clean_end", "error_event")

    async def _wait_for(self, frame: Frame) -> None:
        if not frame.text:
            return
        first = self._record.tokens == 0
        if first and is_a(self._fault, "slow_first_token"):
            await self._connection.pause(self._fault.seconds)
        await self._connection.pause(self._settings.first_token if first else self._settings.between_tokens)

    async def _write(self, frame: Frame) -> None:
        self._record.tokens += frame.text
        middle = next((at + 1 for at, byte in enumerate(frame.data) if byte >= 0x80), 0)
        if middle and is_a(self._fault, "split_utf8"):
            await self._connection.write(frame.data[:middle])
            await self._connection.pause(BETWEEN_WRITES)
            await self._connection.write(frame.data[middle:])
        else:
            await self._connection.write(frame.data)

    def _spoilt(self, frame: Frame) -> Frame:
        if not is_a(self._fault, "malformed"):
            return frame
        event = frame.data.rstrip()
        return Frame(event[: -len(event) // 5] + b"\n\n", text=frame.text, closing=frame.closing)


def place_of(fault: Fault, frames: Sequence[Frame]) -> int:
    """The frame that the fault strikes: after so many tokens, and at the latest the one with the finish reason."""
    closing = next((number for number, frame in enumerate(frames) if frame.closing), len(frames) - 1)
    if fault.at_end:
        return closing
    texts = [number for number, frame in enumerate(frames[:closing]) if frame.text]
    return texts[fault.after] if fault.after < len(texts) else closing
