"""500 turns, eight at a time, while one call of five goes wrong by chance: on the jumping clock, for several seeds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from played_model import FOREVER, endpoint

from chains.errors import DocentError
from chains.resilience import ContentBlocked, Guard, RateLimited, ResilientModel, resilient

pytestmark = pytest.mark.anyio

TURNS, READERS = 500, 8
DEADLINE = 60.0
FAULTS = ("hang", "429", "cut", "blocked")  # a twentieth of the calls each
SEEDS = [int(seed) for seed in os.environ.get("DOCENT_FAULT_SEED", "1 2 3").split()]
WHOLE = "word " * 20


@dataclass
class Turn:
    faults: list[str | None] = field(default_factory=list)
    text: str | None = None
    seconds: float = 0.0

    @property
    def struck(self) -> bool:
        return self.faults[0] in ("hang", "429")

    @property
    def good(self) -> bool:
        """Answered whole, or told that the provider blocks the question."""
        return self.text == WHOLE or (self.text == "" and self.faults[-1] == "blocked")


asked: ContextVar[Turn] = ContextVar("asked")


class ChanceModel(BaseChatModel):
    chance: Any
    model_name: str = "chance"

    @property
    def _llm_type(self) -> str:
        return "chance"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        drawn = int(self.chance.random() * 20)
        fault = FAULTS[drawn] if drawn < len(FAULTS) else None
        asked.get().faults.append(fault)
        await asyncio.sleep(FOREVER if fault == "hang" else 0.1)
        if fault == "429":
            raise RateLimited(retry_after=1)
        if fault == "blocked":
            raise ContentBlocked
        for _ in range(5 if fault == "cut" else 20):
            yield ChatGenerationChunk(message=AIMessageChunk("word "))
            await asyncio.sleep(0.02)
        end = {} if fault == "cut" else {"finish_reason": "STOP"}
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata=end))


async def take_turns(model: ResilientModel) -> list[Turn]:
    turns = [Turn() for _ in range(TURNS)]
    queue = iter(turns)

    async def read() -> None:
        for turn in queue:
            asked.set(turn)
            started = asyncio.get_running_loop().time()
            try:
                turn.text = (await model.ainvoke("?")).text
            except DocentError:
                turn.text = None
            turn.seconds = asyncio.get_running_loop().time() - started

    await asyncio.gather(*(read() for _ in range(READERS)))
    return turns


@pytest.mark.parametrize("seed", SEEDS)
async def test_turns_struck_before_their_first_token_are_answered(seed: int) -> None:
    chance = Random(seed)
    guard = Guard(now=asyncio.get_running_loop().time, uniform=chance.uniform)
    first, second = ChanceModel(chance=chance), ChanceModel(chance=chance)
    turns = await take_turns(resilient(endpoint(first), fallback=endpoint(second, "second"), guard=guard))
    struck = [turn for turn in turns if turn.struck]
    assert len(struck) > 25
    assert sum(turn.good for turn in struck) >= 0.95 * len(struck)
    assert all(turn.good or turn.text is None for turn in turns), "no part of an answer passes for a whole one"
    assert sum(len(turn.faults) for turn in turns) <= 1.25 * TURNS
    assert max(turn.seconds for turn in turns) <= DEADLINE
