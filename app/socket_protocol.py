"""uvicorn's WebSocket protocol with limits on what never reaches the application: pings, fragments, bad UTF-8."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

PINGS_PER_SECOND = 10  # of a reader's own; browsers send none
FRAGMENTS = 1_000  # of one message; 128 KiB in the smallest packets that any network has are 300
CLOSE_TIMEOUT = 2.0  # seconds that a reader may take to say goodbye; what he sends meanwhile costs time
NOT_TEXT, POLICY, TOO_BIG = 1007, 1008, 1009


class LimitedSocket(WebSocketsSansIOProtocol):
    """Pings come at most at a pace, a message has so many fragments. Whoever passes a limit is closed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.close_timeout = CLOSE_TIMEOUT
        self._pings, self._second = 0, 0.0

    def handle_ping(self) -> None:
        now = self.loop.time()
        if now - self._second >= 1:
            self._pings, self._second = 0, now
        self._pings += 1
        if self._pings > PINGS_PER_SECOND:
            self._show_out(POLICY, "too many pings")
        elif not self.close_sent:
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self._show_out(TOO_BIG, "too many fragments")
        elif not self.close_sent:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """uvicorn would close it as well, but with a stack trace in the log."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames):
            self._show_out(NOT_TEXT, "not UTF-8")
        else:
            super().send_receive_event_to_app()

    def _show_out(self, code: int, reason: str) -> None:
        if not self.close_sent:
            self.frames = []
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def _is_text(pieces: list[bytes]) -> bool:
    try:
        b"".join(pieces).decode()
    except UnicodeDecodeError:
        return False
    return True
