"""A chat model at a provider that behaves as the test wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr

from chains.resilience import ChatEndpoint

FOREVER = 10_000.0
Step = str | float | dict[str, Any] | Exception

STOP: dict[str, Any] = {"finish_reason": "STOP", "model_name": "played-1"}
GOOD = ("Every ", "joint.", STOP)
OTHER = ("Another ", "answer.", {"finish_reason": "COMPLETE"})


class PlayedModel(BaseChatModel):
    """Plays one script a call, the last one again and again: texts are said, numbers are seconds of silence,
    dicts are a chunk's `response_metadata`, exceptions are raised.

    `running` are the calls that go on at the provider. As with Gemini's SDK, whoever stops reading between two chunks
    does not end them: only a cancellation, a failure or the end does.
    """

    scripts: list[Sequence[Step]]
    calls: int = 0
    running: int = 0
    model_name: str = "played"
    messages: list[list[BaseMessage]] = Field(default_factory=list)
    _upstreams: list[AsyncGenerator[AIMessageChunk, None]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "played"

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        self.messages.append(messages)
        upstream = self._play(self._next_script())
        self._upstreams.append(upstream)  # so that it is not closed for being forgotten
        async for chunk in upstream:
            yield ChatGenerationChunk(message=chunk)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        whole = AIMessageChunk(content="")
        for step in self._next_script():
            if isinstance(step, Exception):
                raise step
            if not isinstance(step, float | int):
                whole += _chunk(step)
        return ChatResult(generations=[ChatGeneration(message=whole)])

    def _next_script(self) -> Sequence[Step]:
        script = self.scripts[min(self.calls, len(self.scripts) - 1)]
        self.calls += 1
        return script

    async def _play(self, script: Sequence[Step]) -> AsyncGenerator[AIMessageChunk, None]:
        self.running += 1
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float | int):
                    await asyncio.sleep(step)
                else:
                    yield _chunk(step)
        finally:
            self.running -= 1


def _chunk(step: str | dict[str, Any]) -> AIMessageChunk:
    if isinstance(step, str):
        return AIMessageChunk(content=step)
    return AIMessageChunk(content="", response_metadata=step)


def played(*scripts: Sequence[Step]) -> PlayedModel:
    return PlayedModel(scripts=list(scripts))


def endpoint(model: PlayedModel, provider: str = "first", **fields: Any) -> ChatEndpoint:
    return ChatEndpoint(provider, model, **fields)
