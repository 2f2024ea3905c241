"""A model that says what the test wrote, and the chain's turns and replies in short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field

from chains.turn import ReplyPart

QUESTION = "What is the torque limit of a joint?"
ANSWER = "Every joint has a limit of 12 Nm [1]. Set it by `--max-torque` [1][9]. That is all."
SHOWN = "Every joint has a limit of 12 Nm [1]. Set it by `--max-torque` [1]. That is all."


class ScriptedModel(BaseChatModel):
    """Says its chunks one by one, and keeps what it was asked."""

    chunks: list[AIMessageChunk]
    pause: float = 0
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    stopped: list[bool] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.asked.append(messages)
        whole = self.chunks[0]
        for chunk in self.chunks[1:]:
            whole += chunk
        return ChatResult(generations=[ChatGeneration(message=whole)])

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(messages)
        try:
            for chunk in self.chunks:
                await asyncio.sleep(self.pause)
                yield ChatGenerationChunk(message=chunk)
        finally:
            self.stopped.append(True)


def scripted(text: str, **last: Any) -> ScriptedModel:
    words = [AIMessageChunk(content=piece) for piece in text.split("|")]
    return ScriptedModel(chunks=[*words, AIMessageChunk(content="", **last)])


def turn(question: str = QUESTION, *history: BaseMessage, **fields: Any) -> dict[str, Any]:
    return {"turn": {"question": question, **fields}, "history": list(history)}


async def parts_of(chain: Runnable[dict[str, Any], ReplyPart], inputs: dict[str, Any]) -> list[ReplyPart]:
    return [part async for part in chain.astream(inputs)]


def fold(parts: Sequence[ReplyPart]) -> ReplyPart:
    whole = ReplyPart()
    for part in parts:
        whole += part
    return whole
