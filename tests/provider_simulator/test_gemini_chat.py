"""ChatGoogleGenerativeAI at the simulator."""

from __future__ import annotations

import asyncio
import time

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

from tests.provider_simulator.clients import ANSWER, PASSAGES, QUESTION, RULES, StockClients, asked, streamed
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio


async def test_answer_comes_from_a_passage_and_names_it(stock: StockClients) -> None:
    reply = await stock.gemini().ainvoke(asked())
    assert reply.content == ANSWER
    assert reply.response_metadata["finish_reason"] == "STOP"
    assert reply.response_metadata["model_name"] == "gemini-2.5-flash-lite"
    usage = reply.usage_metadata
    assert usage is not None
    assert 60 < usage["input_tokens"] < 120
    assert 10 < usage["output_tokens"] < 25
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


async def test_request_is_the_one_that_google_documents(stock: StockClients, provider_key: ProviderKey) -> None:
    history = [SystemMessage(RULES), HumanMessage("Hello"), AIMessage("Hello!"), HumanMessage(QUESTION)]
    await stock.gemini(temperature=0.2, max_output_tokens=500).ainvoke(history)
    request = provider_key.last_request()
    assert (request["method"], request["path"]) == ("POST", "/v1beta/models/gemini-2.5-flash-lite:generateContent")
    assert [content["role"] for content in request["body"]["contents"]] == ["user", "model", "user"]
    assert request["body"]["systemInstruction"] == {"parts": [{"text": RULES}]}
    assert request["body"]["generationConfig"] == {"candidateCount": 1, "temperature": 0.2, "maxOutputTokens": 500}
    assert request["headers"]["x-goog-api-key"] == "***"
    assert request["headers"]["x-server-timeout"] == "5"
    assert (request["status"], request["ended"], request["fault"]) == (200, "complete", None)


async def test_stream_adds_up_to_the_whole_answer(stock: StockClients, provider_key: ProviderKey) -> None:
    model = stock.gemini()
    whole, total = await model.ainvoke(asked()), await streamed(model)
    assert total.text == ANSWER
    assert total.response_metadata["finish_reason"] == "STOP"
    assert total.usage_metadata is not None
    assert whole.usage_metadata is not None
    assert total.usage_metadata["input_tokens"] == whole.usage_metadata["input_tokens"]
    assert total.usage_metadata["output_tokens"] == whole.usage_metadata["output_tokens"]
    request = provider_key.last_request("gemini.chat_stream")
    assert request["query"] == {"alt": "sse"}
    assert request["tokens"] == len(ANSWER.split())


async def test_synchronous_calls_give_the_same(stock: StockClients) -> None:
    model = stock.gemini()
    assert (await asyncio.to_thread(model.invoke, asked())).text == ANSWER
    chunks = await asyncio.to_thread(lambda: list(model.stream(asked())))
    assert "".join(chunk.text for chunk in chunks) == ANSWER


async def test_third_generation_answers_in_blocks_and_signs(stock: StockClients) -> None:
    reply = await stock.gemini("gemini-3.5-flash").ainvoke(asked())
    assert isinstance(reply.content, list)
    assert reply.text == ANSWER
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_token_details"]["reasoning"] == 24
    assert (await streamed(stock.gemini("gemini-flash-latest"))).text == ANSWER


async def test_limit_on_the_answer_is_kept(stock: StockClients) -> None:
    short = await streamed(stock.gemini(max_output_tokens=8))
    assert ANSWER.startswith(short.text)
    assert short.text
    assert short.response_metadata["finish_reason"] == "MAX_TOKENS"


async def test_thoughts_can_use_up_the_limit(stock: StockClients) -> None:
    reply = await stock.gemini("gemini-2.5-flash", max_output_tokens=8).ainvoke(asked())
    assert (reply.text, reply.response_metadata["finish_reason"]) == ("", "MAX_TOKENS")
    thoughtless = stock.gemini("gemini-2.5-flash", max_output_tokens=8, thinking_budget=0)
    assert (await thoughtless.ainvoke(asked())).text


async def test_tokens_arrive_when_they_are_written(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.configure(tokens=4, between_tokens=0.1)
    arrivals = [time.monotonic() async for chunk in stock.gemini().astream("Go on") if chunk.text]
    assert len(arrivals) == 4
    assert arrivals[-1] - arrivals[0] > 0.25


async def test_schema_gets_an_instance(stock: StockClients, provider_key: ProviderKey) -> None:
    class Score(BaseModel):
        reason: str
        points: int

    assert await stock.gemini().with_structured_output(Score).ainvoke("Rate it") == Score(reason="sample", points=1)
    assert provider_key.last_request()["body"]["generationConfig"]["responseMimeType"] == "application/json"


async def test_tokens_are_counted(stock: StockClients, provider_key: ProviderKey) -> None:
    assert await asyncio.to_thread(stock.gemini().get_num_tokens, "four words of text") == 5
    assert provider_key.last_request()["operation"] == "gemini.count"


async def test_scripted_answers_come_in_turn(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.configure(answers=["One.", "Two."])
    model = stock.gemini()
    assert [(await model.ainvoke("?")).text for _ in range(3)] == ["One.", "Two.", "Two."]


async def test_without_evidence_the_model_says_so(stock: StockClients) -> None:
    model = stock.gemini()
    assert (await model.ainvoke(asked("Who painted the Mona Lisa?"))).text == "The passages do not say."
    assert (await model.ainvoke("Who painted the Mona Lisa?")).text == "I was given no passages to answer from."
    assert PASSAGES.count("<passage ") == 2
