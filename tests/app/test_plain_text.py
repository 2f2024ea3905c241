"""/chat sends text alone: an answer that broke off is told apart from the one that takes its place."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from langchain_core.runnables import RunnableGenerator

from app.runnables import plain_text
from chains import prompts
from chains.turn import ReplyPart
from tests.model_service import QUESTION, service_settings, serving
from tests.provider_simulator.handle import ProviderKey, RunningSimulator

pytestmark = pytest.mark.anyio

MESSAGES = {"input": {"messages": [{"type": "human", "content": QUESTION}]}}


@pytest.fixture
def cohere(provider_simulator: RunningSimulator) -> ProviderKey:
    return provider_simulator.new_key()


async def streamed(client: httpx.AsyncClient) -> str:
    response = await client.post("/chat/stream", json=MESSAGES)
    events = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in response.text.split("\r\n\r\n") if block
    ]
    return "".join(json.loads(event["data"]) for event in events if event["event"] == "data")


async def test_stream_tells_where_another_answer_begins(
    tmp_path: Path, database: str, provider_key: ProviderKey, cohere: ProviderKey
) -> None:
    async with serving(service_settings(tmp_path, database, provider_key, cohere)) as client:
        provider_key.fail("cut", "gemini.chat_stream", after=12)
        void, separator, answer = (await streamed(client)).partition(f"\n\n{prompts.ANEW}\n\n")
        assert void
        assert separator
        assert "run `loom deploy`" in answer

        provider_key.fail("cut", "gemini.chat_stream", after=12)
        whole = (await client.post("/chat/invoke", json=MESSAGES)).json()["output"]
    assert whole == answer


async def test_stream_that_nobody_finishes_says_so(tmp_path: Path, database: str, provider_key: ProviderKey) -> None:
    async with serving(service_settings(tmp_path, database, provider_key)) as client:
        provider_key.fail("cut", "gemini.chat_stream", times=None, after=12)
        *said, last = (await streamed(client)).split("\n\n")
    assert last == "The answer broke off before its end. Please ask again."
    assert "".join(said)


async def told(*parts: ReplyPart) -> AsyncIterator[str]:
    async def answer() -> AsyncIterator[ReplyPart]:
        for part in parts:
            yield part

    async for text in plain_text(answer()):
        yield text


HALF, ANEW = ReplyPart(answer="A half"), ReplyPart(restart="cut")
WHOLE = [ReplyPart(answer="A "), ReplyPart(answer="whole.")]


async def test_texts_that_are_added_up_lose_what_was_voided() -> None:
    async def chat(_: AsyncIterator[int]) -> AsyncIterator[str]:
        async for text in told(HALF, ANEW, *WHOLE):
            yield text

    assert await RunnableGenerator(chat).ainvoke(0) == "A whole."
    chunks = [chunk async for chunk in RunnableGenerator(chat).astream(0)]
    assert chunks == ["A half", f"\n\n{prompts.ANEW}\n\n", "A ", "whole."]


async def test_restart_before_any_text_is_not_told() -> None:
    assert [text async for text in told(ReplyPart(restart="retry"), *WHOLE)] == ["A ", "whole."]
