"""Small honest stand-ins: each does what its original promises, in fewer lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.errors import StorageUnavailable
from chains.history import Beginning, InMemoryMessageStore
from chains.turn import ChatTurn, ReplyPart


class FakeChain:
    """A chain that plays `script`: parts are told, numbers are seconds of silence, exceptions are raised.

    `inputs` holds what it was asked, `silent` is set during a silence, `closed` counts the runs that ended, by
    whichever end.
    """

    def __init__(self, *script: ReplyPart | float | Exception) -> None:
        self.script: Iterable[ReplyPart | float | Exception] = script
        self.inputs: list[dict[str, Any]] = []
        self.silent = asyncio.Event()
        self.closed = 0

    def as_runnable(self) -> Runnable[dict[str, Any], ReplyPart]:
        return RunnableGenerator(self._play, name="fake_chain")

    async def _play(self, inputs: AsyncIterator[dict[str, Any]]) -> AsyncIterator[ReplyPart]:
        self.inputs += [given async for given in inputs]
        try:
            for step in self.script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, ReplyPart):
                    yield step
                else:
                    self.silent.set()
                    await asyncio.sleep(step)
                    self.silent.clear()
        finally:
            self.closed += 1


class SlowStore(InMemoryMessageStore):
    """The store at a distance: every call takes its time, `away` makes it fail, `unstorable` is text it cannot hold."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.unstorable = "\x00"
        self.finished: list[ReplyPart] = []

    async def begin(self, turn: ChatTurn, owner: str) -> Beginning:
        await asyncio.sleep(0.005)
        if self.away:
            raise StorageUnavailable(retry_after=2)
        beginning = await super().begin(turn, owner)
        await asyncio.sleep(0.005)
        return beginning

    async def finish(self, turn_id: UUID, reply: ReplyPart) -> None:
        await asyncio.sleep(0.005)
        if self.away:
            raise StorageUnavailable(retry_after=2)
        if self.unstorable in reply.get("answer", ""):
            raise ValueError("unstorable")
        self.finished.append(reply)
        await super().finish(turn_id, reply)


SOURCE = {
    "n": 1,
    "title": "Deploy",
    "url": "/deploy#rollback",
    "heading": "Deploy > Rollback",
    "snippet": "Run `docent rollback`.",
    "score": 0.9,
    "chunk_id": "5e1c",
}
CITATION = {"n": 1, "start": 24, "end": 27, "quote": "Run `docent rollback`."}


def a_turn(question: str = "How do I roll back?", **fields: Any) -> ChatTurn:
    return ChatTurn(question=question, **fields).identified()


def answered(*texts: str) -> list[ReplyPart]:
    """A whole reply: stage, sources, the given texts, and the end."""
    return [
        ReplyPart(stage="retrieving"),
        ReplyPart(sources=[SOURCE], grounded=True),
        *(ReplyPart(answer=text) for text in texts),
        ReplyPart(citations=[CITATION], outcome="answered", grounded=True, model="fake", timings={"total": 1.5}),
        ReplyPart(usage={"input_tokens": 7, "output_tokens": 3}),
    ]


async def eventually(condition: Callable[[], Awaitable[Any]]) -> Any:
    """What `condition` gives once it is true. The test's timeout ends the wait."""
    while not (result := await condition()):  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0.005)
    return result
