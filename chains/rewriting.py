"""Pure: text in, changed text out, and where each part of it went."""

from __future__ import annotations

import re
from bisect import bisect_right

TAIL = 40  # characters of the told text, and of its last line, that are remembered

BEGINS_ADDRESS = re.compile(r"(?i)(?:https?|ftp|www)[:/\\]*$")
_UNFINISHED_MARKER = re.compile(r"\[[\d,\s]*$")
_MAY_STAND_BEFORE = " \t\n(*_\"'“‘|"
_MAY_FOLLOW = " \t\r\n,;)]*_\"'”’"


class Rewriting:
    """Takes from the front of a buffer: keeps, replaces or leaves out. Every step returns True.

    `place` finds a part of the given text in the told one.
    """

    def __init__(self) -> None:
        self._buffer = ""
        self._seam = False  # something was left out right here: what follows must not join with what came before
        self._read = 0
        self._told: list[str] = []
        self._told_length = 0
        self._drained = 0
        self._tail = ""
        self._line = ""
        self._same: list[tuple[int, int, int]] = []  # runs that were kept: place in, place out, length

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the given text's characters `start` to `end` are in the text that left; None if they did not leave."""
        run = bisect_right(self._same, start, key=lambda each: each[0]) - 1
        if run < 0:
            return None
        given, told, length = self._same[run]
        return (told + start - given, told + end - given) if end <= given + length else None

    def _keep(self, length: int) -> bool:
        text = self._buffer[:length]
        self._join(text)
        if self._same and self._is_next(*self._same[-1]):
            given, told, so_far = self._same[-1]
            self._same[-1] = (given, told, so_far + length)
        else:
            self._same.append((self._read, self._told_length, length))
        self._tell(text)
        return self._consume(length)

    def _is_next(self, given: int, told: int, length: int) -> bool:
        return (given + length, told + length) == (self._read, self._told_length)

    def _replace(self, length: int, text: str) -> bool:
        self._join(text)
        self._tell(text)
        self._seam = text.isspace()
        return self._consume(length)

    def _leave_out(self, length: int) -> bool:
        """Two pieces that were apart must not make a tag, an address or a marker together."""
        self._seam = True
        return self._consume(length)

    def _join(self, following: str) -> None:
        if not self._seam:
            return
        self._seam = False
        if _UNFINISHED_MARKER.search(self._tail) and following[0] in " ,]0123456789":
            self._tell("?")
        elif self._tail and not _may_join(self._tail, following[0]):
            self._tell(" ")

    def _consume(self, length: int) -> bool:
        self._buffer = self._buffer[length:]
        self._read += length
        return True

    def _tell(self, text: str) -> None:
        self._told.append(text)
        self._told_length += len(text)
        self._tail = (self._tail + text)[-TAIL:]
        _, newline, last = text.rpartition("\n")
        if newline:
            self._line = last
            self._begin_line()
        elif len(self._line) <= TAIL:
            self._line += last

    def _begin_line(self) -> None:
        """A line break was told."""

    def _drain(self) -> str:
        told = "".join(self._told[self._drained :])
        self._drained = len(self._told)
        return told


def _may_join(tail: str, following: str) -> bool:
    before = tail[-1]
    if before in _MAY_STAND_BEFORE or following in _MAY_FOLLOW or (before == "[" and following.isalpha()):
        return True
    ends_sentence = following in ".:!?" and (before.isalnum() or (before in ")]" and following != ":"))
    return ends_sentence and not BEGINS_ADDRESS.search(tail)
