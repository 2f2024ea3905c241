"""Small honest stand-ins: each does what its original promises, in fewer lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.turn import ReplyPart


class FakeChain:
    """A chain that plays `script`: parts are told, numbers are seconds of silence, exceptions are raised.

    `inputs` holds what it was asked; `closed` counts the runs that ended, by whichever end.
    """

    def __init__(self, *script: ReplyPart | float | Exception) -> None:
        self.script: Iterable[ReplyPart | float | Exception] = script
        self.inputs: list[dict[str, Any]] = []
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
                    await asyncio.sleep(step)
        finally:
            self.closed += 1


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


def answered(*texts: str) -> list[ReplyPart]:
    """A whole reply: stage, sources, the given texts, and the end."""
    return [
        ReplyPart(stage="retrieving"),
        ReplyPart(sources=[SOURCE], grounded=True),
        *(ReplyPart(answer=text) for text in texts),
        ReplyPart(citations=[CITATION], outcome="answered", grounded=True, model="fake", timings={"total": 1.5}),
        ReplyPart(usage={"input_tokens": 7, "output_tokens": 3}),
    ]
