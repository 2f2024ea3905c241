"""Reading a model's stream: in time, and closed at the provider however reading ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from chains.resilience.completeness import Ending
from chains.resilience.deadline import Deadline, Timeouts
from chains.resilience.failures import ProviderTimeout

_STEPS = 100  # chunks that lay ready and are thrown away when a stream is stopped


async def paced(
    stream: AsyncGenerator[Any, None], ending: Ending, timeouts: Timeouts, deadline: Deadline
) -> AsyncGenerator[Any, None]:
    """The chunks. Those before the first text have one timeout together, each later one has its own.

    Raises:
        ProviderTimeout: the next chunk was late. The stream is closed by then, for it was cancelled.
    """
    first = Deadline(deadline.share(timeouts.first_token), deadline.now)
    while True:
        seconds = deadline.share(timeouts.between_tokens) if ending.has_text else first.remaining
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if limit.expired():
                awaited = "next token" if ending.has_text else "first token"
                raise ProviderTimeout(f"no {awaited} within {seconds:.1f} s") from error
            raise
        ending.see(chunk)
        yield chunk


@asynccontextmanager
async def stopped(stream: AsyncGenerator[Any, None]) -> AsyncIterator[None]:
    """Leaves no upstream call behind when the block is left before the stream's end."""
    try:
        yield
    finally:
        await _stop(stream)


async def _stop(stream: AsyncGenerator[Any, None]) -> None:
    """Cancel the stream inside its next wait.

    A stream that is merely closed between two chunks goes on at Gemini until it is collected as garbage: its SDK's
    generators do not close one another. A cancellation reaches the innermost wait, which closes the connection.
    """
    for _ in range(_STEPS):
        step = asyncio.create_task(_swallow_next(stream))
        try:
            await asyncio.sleep(0)  # up to its wait, or to a chunk that lay ready
        finally:
            step.cancel()
        await asyncio.wait([step])
        if step.cancelled() or not step.result():
            break
    await stream.aclose()


async def _swallow_next(stream: AsyncGenerator[Any, None]) -> bool:
    """Whether there was one more chunk. What fails in a stream that nobody reads any more concerns nobody."""
    with suppress(Exception):
        async for _ in stream:
            return True
    return False
