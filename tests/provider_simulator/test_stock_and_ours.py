"""One suite for LangChain's own classes and for those that Docent makes of them: both stand the same wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from chains.providers import chat_endpoints, embeddings
from chains.providers.cohere_rerank import CohereRanker
from chains.resilience import BLOCKED, COMPLETE, TRUNCATED, finish_of
from chains.settings import ChainSettings
from tests.provider_simulator.clients import QUESTION, StockClients, asked, streamed
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

WARRANTY = "The warranty of a pump is 24 months from delivery."
TEXTS = ["Goods may be returned within 14 days of purchase.", WARRANTY, "Bring the receipt."]


def settings_of(key: ProviderKey, provider: str) -> ChainSettings:
    given: dict[str, Any] = {f"{provider}_api_key": key.key, f"{provider}_base_url": getattr(key, f"{provider}_url")}
    return ChainSettings(_env_file=None, **given)  # type: ignore[call-arg]


@dataclass
class Made:
    provider: str
    chat: BaseChatModel
    vectors: Embeddings
    key: ProviderKey


@pytest.fixture(params=["stock gemini", "our gemini", "stock cohere", "our cohere"])
async def made(request: pytest.FixtureRequest, stock: StockClients, provider_key: ProviderKey) -> AsyncIterator[Made]:
    whose, _, provider = request.param.partition(" ")
    if whose == "stock":
        chat, vectors = getattr(stock, provider)(), getattr(stock, f"{provider}_embeddings")()
        yield Made(provider, chat, vectors, provider_key)
        return
    settings = settings_of(provider_key, provider)
    own = embeddings(settings)
    model: Any = chat_endpoints(settings, own)[0].model
    yield Made(provider, model, own, provider_key)
    await model.aclose()
    await own.aclose()


async def test_answer_is_the_same_whole_and_streamed(made: Made) -> None:
    whole, stream = await made.chat.ainvoke(asked()), await streamed(made.chat)
    for message in (whole, stream):
        assert message.text.startswith("The warranty of a pump is 24 months from delivery")
        assert "[2]" in message.text
        assert finish_of(message) in COMPLETE
        assert message.usage_metadata is not None
        assert min(message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]) > 0
    assert whole.text == stream.text


@pytest.mark.parametrize(("fault", "endings"), [("safety", BLOCKED), ("max_tokens", TRUNCATED)])
async def test_ending_is_told(made: Made, fault: str, endings: frozenset[str]) -> None:
    made.key.fail(fault, f"{made.provider}.chat_stream", after=3)
    cut = await streamed(made.chat)
    assert finish_of(cut) in endings | {"error_toxic", "error"}
    assert len(cut.text) < len(WARRANTY)


@pytest.mark.parametrize("details", [{"status": 429, "retry_after": 1}, {"status": 500}, {"status": 401}], ids=str)
async def test_refusal_is_raised_and_not_tried_again(made: Made, details: dict[str, Any]) -> None:
    operation = f"{made.provider}.chat_stream"
    made.key.fail("status", operation, **details)
    options: dict[str, Any] = {"request_options": {"max_retries": 0}} if made.provider == "cohere" else {}
    with pytest.raises(Exception, match=r"."):
        await streamed(made.chat, **options)
    assert len(made.key.requests(operation)) == 1


async def test_vectors_are_as_many_as_texts_and_find_the_right_one(made: Made) -> None:
    count = 2 * len(TEXTS) + 97  # more than either provider takes at once
    vectors = await made.vectors.aembed_documents([*TEXTS, *(f"Page {number}." for number in range(count))])
    question = await made.vectors.aembed_query(QUESTION)
    assert len(vectors) == count + len(TEXTS)
    assert {len(vector) for vector in vectors} == {len(question)}
    likeness = [sum(a * b for a, b in zip(vector, question, strict=True)) for vector in vectors]
    assert likeness.index(max(likeness)) == TEXTS.index(WARRANTY)


async def test_ranks_are_the_same(stock: StockClients, provider_key: ProviderKey) -> None:
    ranked = stock.cohere_rerank().rerank(TEXTS, QUESTION, top_n=len(TEXTS))
    own = CohereRanker(settings_of(provider_key, "cohere"))
    scores = await own.rank(QUESTION, TEXTS)
    await own.aclose()
    assert scores.index(max(scores)) == TEXTS.index(WARRANTY)
    assert {each["index"]: each["relevance_score"] for each in ranked} == pytest.approx(dict(enumerate(scores)))
