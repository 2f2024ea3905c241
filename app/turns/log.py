"""The parts of one turn, numbered, for any number of readers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import Any

from chains.turn import ReplyPart

PARTS_LIMIT = 10_000
CHARACTERS_LIMIT = 200_000  # about 50,000 tokens, several times what any of our models writes in one answer
STATUS = ("stage", "question")
SOURCES = ("sources", "grounded")
TOLD_BEFORE = ("answer", "sources", "stage", "question", "seq", "durability", "restart")  # the last part leaves it out


class TurnLog:
    """Each logged part is one event with its `seq`, from `start` + 1 without gaps; a reader is a cursor, no buffer.

    Text is told at once after a pause, and then at most once in `coalesce` seconds. What only the end of a reply can
    say (citations, outcome, usage and so on) waits for `end`.
    """

    def __init__(self, coalesce: float, start: int = 0) -> None:
        self._coalesce = coalesce
        self.start = start
        self._parts: list[ReplyPart] = []
        self._characters = 0
        self._held = ""
        self._pause: asyncio.TimerHandle | None = None
        self._whole: dict[str, Any] = {}  # the fold of all parts, without the texts since the last restart,
        self._texts: list[str] = []  # which are here
        self._digest = hashlib.sha256()
        self._ending = ReplyPart()
        self.ended = False
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        return self._characters >= CHARACTERS_LIMIT or len(self._parts) >= PARTS_LIMIT

    @property
    def last(self) -> int:
        """The `seq` of the newest part."""
        return self.start + len(self._parts)

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
        """The last event, unless there was one: the reply without its text and sources, and the text's SHA-256.

        Nothing may be written after it.
        """
        if self.ended:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._tell_held()
        self.ended = True
        whole = {name: value for name, value in self._whole.items() if name not in TOLD_BEFORE}
        self._append(ReplyPart({**whole, **self._ending, **ending, "answer_sha256": self._digest.hexdigest()}))

    def fold(self) -> ReplyPart:
        """The reply so far, with what waits for the end."""
        self._tell_held()
        answer = {"answer": "".join(self._texts)} if "answer" in self._whole else {}
        return ReplyPart({**self._whole, **answer, **self._ending})

    def since(self, after: int) -> list[ReplyPart]:
        """The parts with a `seq` above `after` that are there already."""
        return self._parts[max(after - self.start, 0) :]

    async def read(self, after: int = 0) -> AsyncGenerator[ReplyPart, None]:
        """The parts with a `seq` above `after`, as they come, to the end."""
        while True:
            news = self._news
            for part in self.since(after):
                after = part["seq"]
                yield part
            if news is self._news:
                if self.ended:
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
        if self._held and not self.ended:
            self._tell_held()
            self._pause = asyncio.get_running_loop().call_later(self._coalesce, self._tell_after_pause)

    def _tell_held(self) -> None:
        if self._held:
            text, self._held = self._held, ""
            self._append(ReplyPart(answer=text))

    def _append(self, part: dict[str, Any]) -> None:
        told = ReplyPart(part, seq=self.last + 1)
        self._parts.append(told)
        if "restart" in told:
            self._texts, self._digest = [], hashlib.sha256()
        if "answer" in told:
            self._texts.append(told["answer"])
            self._digest.update(told["answer"].encode())
        self._whole |= told
        news, self._news = self._news, asyncio.Event()
        news.set()
