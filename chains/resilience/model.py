"""A chat model that stands on one or two providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.runnables import Runnable, RunnableConfig

from chains.errors import ModelUnavailable
from chains.resilience.attempts import Attempts
from chains.resilience.endpoint import ChatEndpoint
from chains.resilience.failures import Operation, ProviderError
from chains.resilience.guard import Guard


class Restart(AIMessageChunk):
    """Says in a stream that the text so far is void, and in `response_metadata["restart"]` why; another answer follows.

    Where chunks are added up, it forgets what came before it.
    """

    def __add__(self, other: Any) -> Any:
        return other

    def __radd__(self, other: Any) -> Restart:
        return self


class ResilientModel(Runnable[LanguageModelInput, BaseMessage]):
    """Streams, or gives whole, what the first endpoint says; or the second one, should the first fail.

    Until the first text of an answer another attempt is invisible. An answer that fails later is voided by a `Restart`
    once another provider has begun to answer, and left as it is where none does.

    Raises (asynchronously; while it streams):
        DeadlineExceeded: the turn's time is up.
        ModelUnavailable: nobody is left to ask. What was said until then is not a whole answer.
    """

    def __init__(self, endpoints: list[ChatEndpoint], guard: Guard) -> None:
        self._endpoints = {endpoint.provider: endpoint for endpoint in endpoints}
        self._guard = guard
        if len(self._endpoints) < len(endpoints):
            raise ValueError("The fallback must be another provider's: breakers are kept by provider.")

    @property
    def model_name(self) -> str:
        return next(iter(self._endpoints.values())).model_name

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[BaseMessage]:
        attempts = Attempts(self._guard, Operation.CHAT, list(self._endpoints))
        told = 0
        while True:
            provider = await attempts.next(told=told)
            begun = False
            answer = self._endpoints[provider].stream(input, config, self._guard, attempts.deadline, **kwargs)
            try:
                async with aclosing(answer):
                    async for chunk in answer:
                        if told and not begun:
                            yield self._restart(provider, attempts.last_failure)
                        told, begun = told + (not begun), True
                        yield chunk
                attempts.answered()
                return
            except ProviderError as error:
                attempts.failed(provider, error)

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> BaseMessage:
        """The whole answer, under the same guards: it is streamed and added up."""
        pieces: list[Any] = []
        async for chunk in self.astream(input, config, **kwargs):
            if isinstance(chunk, Restart):
                pieces.clear()
            else:
                pieces.append(chunk)
        first, *rest = pieces
        return message_chunk_to_message(first + rest)

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> BaseMessage:
        """The whole answer, and `stream` gives the same in one piece. For scripts and notebooks: with breaker,
        completeness and fallback, but without retries and within the clients' own timeouts only.
        """
        failure: ProviderError | None = None
        for endpoint in self._endpoints.values():
            try:
                return endpoint.ask(input, config, self._guard, **kwargs)
            except ProviderError as error:
                failure = error
        raise ModelUnavailable from failure

    def _restart(self, provider: str, failure: ProviderError | None) -> Restart:
        self._guard.count("restarts", provider, Operation.CHAT)
        return Restart(content="", response_metadata={"restart": failure.kind if failure else ""})


def resilient(
    model: ChatEndpoint, *, fallback: ChatEndpoint | None = None, guard: Guard | None = None
) -> ResilientModel:
    """`model` with a deadline, retries, a breaker, and `fallback` for when it fails. `guard` is the process's."""
    return ResilientModel([model, fallback] if fallback else [model], guard or Guard())
