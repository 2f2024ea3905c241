"""The parts of one turn, numbered, for any number of readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import reduce
from typing import Any

from chains.turn import ReplyPart

PARTS_LIMIT = 10_000
CHARACTERS_LIMIT = 200_000  # about 50,000 tokens, several times what any of our models writes in one answer
STATUS = ("stage", "question")
SOURCES = ("sources", "grounded")


class TurnLog:
    """Each logged part is one event with its `seq`, from 1 without gaps; a reader is a cursor and has no buffer.

    Text is told at once after a pause, and then at most once in `coalesce` seconds. What only the end of a reply can
    say (citations, outcome, usage and so on) waits for `end`.
    """

    def __init__(self, coalesce: float) -> None:
        self._coalesce = coalesce
        self._parts: list[ReplyPart] = []
        self._characters = 0
        self._held = ""
        self._pause: asyncio.TimerHandle | None = None
        self._ending = ReplyPart()
        self._ended = False
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        return self._characters >= CHARACTERS_LIMIT or len(self._parts) >= PARTS_LIMIT

    def write(self, part: ReplyPart) -> None:
        """Take a part of the chain's: it may say several things at once."""
        rest = dict(part)
        if "restart" in rest:
            self._held, self._characters, self._ending = "", 0, ReplyPart()
            self.tell(ReplyPart(restart=rest.pop("restart")))
        if status := {name: rest.pop(name) for name in STATUS if name in rest}:
            self.tell(ReplyPart({"stage": "condensing", **status}))  # only that stage rewrites the question
        if "sources" in rest:
            self.tell(ReplyPart({name: rest.pop(name) for name in SOURCES if name in rest}))
        self._say(rest.pop("answer", ""))
        self._ending |= rest

    def tell(self, part: ReplyPart) -> None:
        """Log one event, after the text that was held back."""
        self._tell_held()
        self._append(part)

    def end(self, ending: ReplyPart) -> None:
        """The last event, unless there was one. Nothing may be written after it."""
        if self._ended:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._ended = True
        self.tell(self._ending + ending)

    def fold(self) -> ReplyPart:
        """The reply so far, with what waits for the end."""
        self._tell_held()
        return reduce(ReplyPart.__add__, self._parts, ReplyPart()) + self._ending

    async def read(self, after: int = 0) -> AsyncGenerator[ReplyPart, None]:
        """The parts with a `seq` above `after`, as they come, to the end."""
        while True:
            news = self._news
            for part in self._parts[after:]:
                after += 1
                yield part
            if news is self._news:
                if self._ended:
                    return
                await news.wait()

    def _say(self, text: str) -> None:
        if not text:
            return
        self._held += text
        self._characters += len(text)
        if self._pause is None:
            self._tell_after_pause()

    def _tell_after_pause(self) -> None:
        """Tell what came during the pause and begin another; without any, the next text is told at once."""
        self._pause = None
        if self._held and not self._ended:
            self._tell_held()
            self._pause = asyncio.get_running_loop().call_later(self._coalesce, self._tell_after_pause)

    def _tell_held(self) -> None:
        if self._held:
            text, self._held = self._held, ""
            self._append(ReplyPart(answer=text))

    def _append(self, part: dict[str, Any]) -> None:
        self._parts.append(ReplyPart(part, seq=len(self._parts) + 1))
        news, self._news = self._news, asyncio.Event()
        news.set()
