"""Quick functions as runnables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from langchain_core.runnables import RunnableLambda

Input = TypeVar("Input")
Output = TypeVar("Output")


def inline(function: Callable[[Input], Output]) -> RunnableLambda[Input, Output]:
    """`function` as a runnable that calls it in place, in async chains too, where LangChain would hop to a thread."""

    async def in_place(value: Input) -> Output:
        return function(value)

    return RunnableLambda(function, in_place, name=function.__name__)
