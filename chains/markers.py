"""Pure: streamed Markdown -> lexemes, as far as citation markers need it.

A lexeme is given only when what follows can no longer change it. The lexemes depend on the text alone, therefore, and
not on how it was cut into tokens; only plain text may come in smaller or larger pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

SPAN_LIMIT = 400  # characters within which a code span closes; else its backticks are text
FENCE_LINE_LIMIT = 200
MARKER_LIMIT = 40

_SPACE = re.compile(r"\s+")
_PLAIN = re.compile(r"[^\s`~\[。！？]+|[。！？]+|\[")
_RUN = re.compile(r"`+|~+")
_MARKER = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]")
_MARKER_BEGUN = re.compile(r"\[[\d,\s]*")
_PARAGRAPH_END = re.compile(r"\n[ \t]*(?:\n|```|~~~)")
_LIST_OR_QUOTE = re.compile(r"[>*+\-\d.)]+")
_FENCE_END_BEGUN = re.compile(r"[ \t>]*[`~]*[ \t\r]*")
_WORD = re.compile(r"\w")


class Kind(Enum):
    TEXT = auto()  # prose, code spans included
    SPACE = auto()
    MARKER = auto()
    FENCED = auto()  # code between fences, and the fences


class Lexeme(NamedTuple):
    kind: Kind
    text: str
    following: str = ""  # the next character, known for SPACE; empty at the end of the text


class MarkerReader:
    """Markers are `[n]` and `[n, m]`, outside code, not after a word character, not followed by `(` or `:`."""

    def __init__(self) -> None:
        self._buffer = ""
        self._final = False
        self._previous = ""
        self._at_line_start = True  # nothing but list and quote marks on this line so far
        self._fence: re.Pattern[str] | None = None
        self._fence_line_is_whole = True

    def read(self, text: str, *, final: bool = False) -> Iterator[Lexeme]:
        self._buffer += text
        self._final = final
        while self._buffer and (lexeme := self._next()):
            self._buffer = self._buffer[len(lexeme.text) :]
            self._previous = lexeme.text[-1]
            self._at_line_start = self._is_line_start_after(lexeme)
            yield lexeme

    def _next(self) -> Lexeme | None:
        if self._fence:
            return self._fenced_line(self._fence)
        if run := _RUN.match(self._buffer):
            return self._fence_or_span(run)
        if space := _SPACE.match(self._buffer):
            return self._unless_open(space, Kind.SPACE)
        if self._buffer[0] == "[" and not _WORD.match(self._previous):
            return self._marker_or_bracket()
        plain = _PLAIN.match(self._buffer)
        return Lexeme(Kind.TEXT, plain.group() if plain else self._buffer[0])

    def _unless_open(self, found: re.Match[str], kind: Kind) -> Lexeme | None:
        if found.end() == len(self._buffer) and not self._final:
            return None
        return Lexeme(kind, found.group(), self._buffer[found.end() : found.end() + 1])

    def _marker_or_bracket(self) -> Lexeme | None:
        bracket = Lexeme(Kind.TEXT, "[")
        marker = _MARKER.match(self._buffer)
        if marker and marker.end() <= MARKER_LIMIT:
            lexeme = self._unless_open(marker, Kind.MARKER)
            return bracket if lexeme and lexeme.following in ("(", ":") else lexeme
        begun = _MARKER_BEGUN.match(self._buffer)
        waits = begun and begun.end() == len(self._buffer) <= MARKER_LIMIT and not self._final
        return None if waits else bracket

    def _fence_or_span(self, run: re.Match[str]) -> Lexeme | None:
        if run.end() == len(self._buffer) and not self._final:
            return None
        if self._at_line_start and run.end() >= 3 and self._may_open_fence(run):
            return self._fence_opening(run)
        return self._span(run) if run.group()[0] == "`" else Lexeme(Kind.TEXT, run.group())

    def _may_open_fence(self, run: re.Match[str]) -> bool:
        info = self._buffer[run.end() :].partition("\n")[0]
        return len(info) <= FENCE_LINE_LIMIT and not (run.group()[0] == "`" and "`" in info)

    def _fence_opening(self, run: re.Match[str]) -> Lexeme | None:
        line, newline, _ = self._buffer.partition("\n")
        if not newline and not self._final:
            return None
        self._fence = _fence_end(run.group()[0], run.end())
        self._fence_line_is_whole = True
        return Lexeme(Kind.FENCED, line + newline)

    def _fenced_line(self, end: re.Pattern[str]) -> Lexeme | None:
        line, newline, _ = self._buffer.partition("\n")
        may_be_end = self._fence_line_is_whole and _FENCE_END_BEGUN.fullmatch(line)
        if may_be_end and not newline and not self._final:
            return None
        if may_be_end and end.fullmatch(line):
            self._fence = None
        self._fence_line_is_whole = bool(newline)
        return Lexeme(Kind.FENCED, line + newline)

    def _span(self, run: re.Match[str]) -> Lexeme | None:
        start, stop, known = run.end(), run.end() + SPAN_LIMIT, len(self._buffer)
        closing = _span_end(run.end()).search(self._buffer, start, stop)
        if _PARAGRAPH_END.search(self._buffer, start, closing.start() if closing else stop):
            return Lexeme(Kind.TEXT, run.group())
        decided_by = min(closing.end() + 1, stop) if closing else stop
        if known < decided_by and not self._final:
            return None
        return Lexeme(Kind.TEXT, self._buffer[: closing.end()] if closing else run.group())

    def _is_line_start_after(self, lexeme: Lexeme) -> bool:
        if "\n" in lexeme.text:
            return lexeme.kind in (Kind.SPACE, Kind.FENCED)
        if lexeme.kind is Kind.SPACE:
            return self._at_line_start
        return self._at_line_start and bool(_LIST_OR_QUOTE.fullmatch(lexeme.text))


@lru_cache
def _span_end(ticks: int) -> re.Pattern[str]:
    return re.compile(rf"(?<!`)`{{{ticks}}}(?!`)")


@lru_cache
def _fence_end(mark: str, length: int) -> re.Pattern[str]:
    return re.compile(rf"[ \t>]*{mark}{{{length},}}[ \t\r]*")
