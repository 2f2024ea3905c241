"""A chat model at one provider, asked once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from chains.resilience.completeness import COMPLETE, PROMPT_BLOCKED, Ending
from chains.resilience.deadline import Deadline
from chains.resilience.failures import ContentBlocked, Operation
from chains.resilience.guard import Guard
from chains.resilience.streams import paced, stopped
from chains.resilience.translation import Translate, translate_error, translated


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """A chat model, and what its provider's errors and finish reasons mean.

    Args:
        model: without retries of its own.
        complete: finish reasons of a whole answer, in lower case; None: the model gives none, and any end is good.
    """

    provider: str
    model: Runnable[Any, Any]
    translate: Translate = translate_error
    complete: frozenset[str] | None = COMPLETE

    @property
    def model_name(self) -> str:
        return str(getattr(self.model, "model_name", "") or getattr(self.model, "model", ""))

    async def stream(
        self, input: LanguageModelInput, config: RunnableConfig | None, guard: Guard, deadline: Deadline, **options: Any
    ) -> AsyncGenerator[Any, None]:
        """One answer, from its first text on; an answer that was blocked may have none.

        Raises:
            ProviderError: it failed, or what came is not a whole answer.
        """
        chunks = cast("AsyncGenerator[Any, None]", self.model.astream(input, config, **options))
        with guard.passage(self.provider, Operation.CHAT) as passage:
            try:
                async with aclosing(self._read(chunks, guard, deadline)) as answer:
                    async for chunk in answer:
                        passage.answers()
                        yield chunk
            except ContentBlocked:
                yield AIMessageChunk(content="", response_metadata=self._blocked())

    def ask(
        self, input: LanguageModelInput, config: RunnableConfig | None, guard: Guard, **options: Any
    ) -> BaseMessage:
        """The whole answer, within the client's own timeouts. Raises as `stream` does."""
        with guard.passage(self.provider, Operation.CHAT):
            try:
                with translated(self.translate):
                    message = cast("BaseMessage", self.model.invoke(input, config, **options))
            except ContentBlocked:
                return AIMessage("", response_metadata=self._blocked())
            ending = Ending(self.complete)
            ending.see(message)
            ending.check()
            return message

    async def _read(
        self, chunks: AsyncGenerator[Any, None], guard: Guard, deadline: Deadline
    ) -> AsyncGenerator[Any, None]:
        ending = Ending(self.complete)
        held: list[Any] = []  # what comes before the first text: were this attempt to fail, nobody should see it
        with translated(self.translate):
            async with stopped(chunks), aclosing(paced(chunks, ending, guard.timeouts, deadline)) as in_time:
                async for chunk in in_time:
                    held.append(chunk)
                    while ending.has_text and held:
                        yield held.pop(0)
        ending.check()
        for chunk in held:
            yield chunk

    def _blocked(self) -> dict[str, str]:
        return {"finish_reason": PROMPT_BLOCKED, "model_name": self.model_name}
