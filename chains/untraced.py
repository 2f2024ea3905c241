"""Runnables through which a stream passes as it is where nobody traces it.

LangChain's own give every piece a task and add all pieces up for the trace's end, at each step anew, whether there is a
trace or not: with four steps around a model that was 40 % of an answer's CPU.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeVar, cast

from langchain_core.runnables import Runnable, RunnableAssign, RunnableConfig, RunnableGenerator, RunnableSequence
from langchain_core.runnables.config import ensure_config, get_async_callback_manager_for_config, patch_config
from langchain_core.runnables.utils import AddableDict

Input = TypeVar("Input")
Output = TypeVar("Output")


class StreamingStep(RunnableGenerator[Input, Output]):
    """A step that is a generator of pieces. The asynchronous one is given its config, for what it calls."""

    def __init__(
        self,
        transform: Callable[[Any], Any],
        atransform: Callable[[AsyncIterator[Any], RunnableConfig], AsyncGenerator[Output, None]],
    ) -> None:
        super().__init__(transform, cast("Any", atransform))
        self._pieces = atransform

    async def atransform(
        self, input: AsyncIterator[Input], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncGenerator[Output, None]:
        own = untraced(config)
        stream = self._pieces(input, own) if own else super().atransform(input, config, **kwargs)
        async with aclosing(cast("AsyncGenerator[Output, None]", stream)) as pieces:
            async for piece in pieces:
                yield piece


class StreamingSequence(RunnableSequence[Input, Output]):
    """Steps one after the other, as `|` makes them."""

    async def atransform(
        self, input: AsyncIterator[Input], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncGenerator[Output, None]:
        own = untraced(config)
        stream: Any = input if own else super().atransform(input, config, **kwargs)
        for step in self.steps if own else ():
            stream = assigned(step, stream, own) if isinstance(step, RunnableAssign) else step.atransform(stream, own)
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                yield piece


async def assigned(
    step: RunnableAssign, pieces: AsyncGenerator[dict[str, Any], None], config: RunnableConfig | None
) -> AsyncGenerator[dict[str, Any], None]:
    """What `RunnablePassthrough.assign` gives, with each new value whole."""
    inputs, new = AddableDict(), step.mapper.steps__
    async for piece in pieces:
        inputs += AddableDict(piece)
        if passed := AddableDict({name: value for name, value in piece.items() if name not in new}):
            yield passed
    for name, value in new.items():
        yield AddableDict({name: await value.ainvoke(inputs, config)})


def streaming(steps: Runnable[Input, Output]) -> StreamingSequence[Input, Output]:
    """What `|` has made of several steps, as a StreamingSequence."""
    first, *middle, last = cast("RunnableSequence[Input, Output]", steps).steps
    return StreamingSequence(first=first, middle=middle, last=last)


def untraced(config: RunnableConfig | None) -> RunnableConfig | None:
    """The config for what a step calls, if nobody listens to it: no callbacks of the caller's, none of LangSmith's."""
    config = ensure_config(config)
    manager = get_async_callback_manager_for_config(config)
    return None if manager.handlers else patch_config(config, callbacks=manager)
