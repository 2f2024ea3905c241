"""ChatCohere, and the SDK below it, at the simulator."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import cohere
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

from tests.provider_simulator.clients import ANSWER, DOCUMENTS, QUESTION, RULES, StockClients, asked, streamed
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

SENTENCE = "The warranty of a pump is 24 months from delivery"


async def test_answer_comes_from_a_passage_and_names_it(stock: StockClients) -> None:
    reply = await stock.cohere().ainvoke(asked())
    assert reply.content == ANSWER
    assert reply.response_metadata["finish_reason"] == "COMPLETE"
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["total_tokens"] > reply.usage_metadata["output_tokens"] > 10


async def test_request_is_the_one_that_cohere_documents(stock: StockClients, provider_key: ProviderKey) -> None:
    history = [SystemMessage(RULES), HumanMessage("Hello"), AIMessage("Hello!"), HumanMessage(QUESTION)]
    await stock.cohere(temperature=0.2).ainvoke(history, max_tokens=500, documents=DOCUMENTS)
    request = provider_key.last_request()
    assert (request["operation"], request["method"], request["path"]) == ("cohere.chat", "POST", "/v2/chat")
    assert [message["role"] for message in request["body"]["messages"]] == ["system", "user", "assistant", "user"]
    assert request["body"]["documents"][1] == {"id": "2", "data": DOCUMENTS[1]}
    assert request["body"] | {"messages": 0, "documents": 0} == {
        "model": "command-a-03-2025",
        "messages": 0,
        "documents": 0,
        "temperature": 0.2,
        "max_tokens": 500,
        "stream": False,
    }
    assert request["headers"]["authorization"] == "***"
    assert request["headers"]["x-client-name"] == "langchain:partner"


async def test_stream_adds_up_to_the_whole_answer(stock: StockClients, provider_key: ProviderKey) -> None:
    total = await streamed(stock.cohere())
    assert total.text == ANSWER
    assert total.response_metadata["finish_reason"] == "COMPLETE"
    assert provider_key.last_request("cohere.chat_stream")["tokens"] == len(ANSWER.split())


async def test_usage_of_a_stream_is_what_is_billed(stock: StockClients) -> None:
    model = stock.cohere()
    whole, total = await model.ainvoke(asked()), await streamed(model)
    assert whole.usage_metadata is not None
    assert total.usage_metadata is not None
    assert whole.usage_metadata["input_tokens"] == total.usage_metadata["input_tokens"] + 70
    assert whole.usage_metadata["output_tokens"] == total.usage_metadata["output_tokens"] + 2


async def test_synchronous_calls_give_the_same_text(stock: StockClients) -> None:
    model = stock.cohere()
    assert (await asyncio.to_thread(model.invoke, asked())).text == ANSWER
    chunks = await asyncio.to_thread(lambda: list(model.stream(asked())))
    assert "".join(chunk.text for chunk in chunks) == ANSWER
    assert not any(isinstance(chunk, AIMessage) and chunk.usage_metadata for chunk in chunks)


async def test_documents_are_cited(stock: StockClients) -> None:
    documents = [Document("Bring the receipt.", metadata={"id": "kb-1"}), Document(f"{SENTENCE}.")]
    reply = await stock.cohere().ainvoke([HumanMessage(QUESTION)], documents=documents)
    assert reply.text == f"{SENTENCE}."
    (citation,) = reply.additional_kwargs["citations"]
    assert reply.text[citation.start : citation.end] == citation.text == SENTENCE
    assert [source.id for source in citation.sources] == ["doc-1"]


async def test_citations_can_be_turned_off(stock: StockClients) -> None:
    question = [HumanMessage(QUESTION)]
    reply = await stock.cohere().ainvoke(question, documents=DOCUMENTS, citation_options={"mode": "OFF"})
    assert reply.text
    assert "citations" not in reply.additional_kwargs


async def test_stream_of_the_sdk_cites_and_the_one_of_langchain_does_not(stock: StockClients) -> None:
    model = stock.cohere()
    total = await streamed(model, [HumanMessage(QUESTION)], documents=DOCUMENTS)
    assert total.text == f"{SENTENCE}."
    assert "citations" not in total.additional_kwargs
    events = await sdk_events(model, [{"id": one["id"], "data": one} for one in DOCUMENTS])
    kinds = [event.type for event in events]
    assert kinds[:3] == ["message-start", "content-start", "content-delta"]
    assert kinds[-4:] == ["citation-start", "citation-end", "content-end", "message-end"]
    citation = next(event.delta.message.citations for event in events if event.type == "citation-start")
    assert (citation.text, citation.sources[0].id) == (SENTENCE, "2")
    assert citation.sources[0].document["title"] == "Warranty"


async def sdk_events(model: Any, documents: list[dict[str, Any]]) -> list[Any]:
    client: cohere.AsyncClient = model.async_client
    question = [{"role": "user", "content": QUESTION}]
    stream = client.v2.chat_stream(model="command-a-03-2025", messages=question, documents=documents)
    return [event async for event in stream]


async def test_limit_on_the_answer_is_kept(stock: StockClients) -> None:
    short = await streamed(stock.cohere(), max_tokens=8)
    assert ANSWER.startswith(short.text)
    assert short.text
    assert short.response_metadata["finish_reason"] == "MAX_TOKENS"


async def test_tokens_arrive_when_they_are_written(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.configure(tokens=4, between_tokens=0.1)
    arrivals = [time.monotonic() async for chunk in stock.cohere().astream("Go on") if chunk.text]
    assert len(arrivals) == 4
    assert arrivals[-1] - arrivals[0] > 0.25


async def test_schema_gets_an_instance(stock: StockClients) -> None:
    class Score(BaseModel):
        reason: str
        points: int

    structured = stock.cohere().with_structured_output(Score, method="json_schema")
    assert await structured.ainvoke("Rate it") == Score(reason="sample", points=1)


async def test_model_that_is_not_named_is_looked_up_in_the_constructor(
    stock: StockClients, provider_key: ProviderKey
) -> None:
    model = await asyncio.to_thread(lambda: stock.cohere(model=None))
    assert model.model == "command-a-03-2025"
    request = provider_key.last_request("cohere.models")
    assert request["query"] == {"default_only": "true", "endpoint": "chat"}


async def test_tokens_are_counted(stock: StockClients, provider_key: ProviderKey) -> None:
    assert await asyncio.to_thread(stock.cohere().get_num_tokens, "three words more") == 5
    assert provider_key.last_request("cohere.tokenize")["path"] == "/v1/tokenize"
