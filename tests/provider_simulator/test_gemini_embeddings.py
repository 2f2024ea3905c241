"""GoogleGenerativeAIEmbeddings at the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from tests.provider_simulator.clients import StockClients, bare
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

TEXTS = ["The warranty of a pump is 24 months.", "Cats sleep all day long.", "Open the port in the firewall."]


def length(vector: list[float]) -> float:
    return float(np.linalg.norm(vector))


async def test_nearest_text_is_the_one_about_the_question(stock: StockClients) -> None:
    embeddings = stock.gemini_embeddings()
    stored = np.array(await embeddings.aembed_documents(TEXTS))
    for question, nearest in [
        ("How long is the pump's warranty?", 0),
        ("When do cats sleep?", 1),
        ("firewall ports", 2),
    ]:
        similarities = stored @ np.array(await embeddings.aembed_query(question))
        assert similarities.argmax() == nearest
        assert np.sort(similarities)[-1] > np.sort(similarities)[-2] + 0.1


async def test_documents_go_in_batches_with_their_task(stock: StockClients, provider_key: ProviderKey) -> None:
    texts = [f"Text number {number}" for number in range(205)]
    embeddings = stock.gemini_embeddings(output_dimensionality=256)
    vectors = await embeddings.aembed_documents(texts)
    assert [len(vector) for vector in vectors] == [256] * 205
    requests = provider_key.requests("gemini.embed")
    assert [len(request["body"]["requests"]) for request in requests] == [100, 100, 5]
    assert {one["taskType"] for request in requests for one in request["body"]["requests"]} == {"RETRIEVAL_DOCUMENT"}
    assert vectors[150] == (await embeddings.aembed_documents([texts[150]]))[0]
    await embeddings.aembed_query("Text")
    assert provider_key.last_request()["body"]["requests"][0]["taskType"] == "RETRIEVAL_QUERY"


async def test_first_model_leaves_short_vectors_unnormalised(stock: StockClients) -> None:
    whole = await stock.gemini_embeddings().aembed_query("pump")
    short = await stock.gemini_embeddings(output_dimensionality=768).aembed_query("pump")
    assert (len(whole), len(short)) == (3072, 768)
    assert length(whole) == pytest.approx(1, abs=1e-5)
    assert length(short) < 0.95
    assert short == whole[:768]


async def test_second_model_normalises_and_reads_prefixes(stock: StockClients) -> None:
    embeddings = stock.gemini_embeddings("gemini-embedding-2", output_dimensionality=768)
    plain, query = await embeddings.aembed_documents(["pump", "task: search result | query: pump"])
    (document,) = await embeddings.aembed_documents(["title: none | text: pump"])
    assert length(plain) == pytest.approx(1, abs=1e-5)
    assert plain == await embeddings.aembed_query("pump")  # the task type is not read
    assert 0.9 < np.dot(query, document) < 0.999


async def test_models_have_nothing_in_common(stock: StockClients) -> None:
    one = await stock.gemini_embeddings().aembed_query(TEXTS[0])
    other = await stock.gemini_embeddings("gemini-embedding-2").aembed_query(TEXTS[0])
    assert abs(np.dot(one, other)) < 0.2


async def test_question_and_document_of_the_same_words_are_close_but_not_equal(stock: StockClients) -> None:
    embeddings = stock.gemini_embeddings()
    query, (document,) = await embeddings.aembed_query("pump"), await embeddings.aembed_documents(["pump"])
    assert 0.95 < np.dot(query, document) < 0.999


async def test_one_text_can_be_embedded_by_itself(stock: StockClients, provider_key: ProviderKey) -> None:
    async with bare(provider_key, provider_key.gemini_url) as client:
        body = {"content": {"parts": [{"text": "pump"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 768}
        response = await client.post("/v1beta/models/gemini-embedding-001:embedContent", json=body)
    expected = await stock.gemini_embeddings(output_dimensionality=768).aembed_query("pump")
    assert response.json()["embedding"]["values"] == expected


async def test_client_takes_too_few_vectors(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("short_batch", "gemini.embed")
    assert len(await stock.gemini_embeddings().aembed_documents(TEXTS)) == 2


async def test_client_takes_vectors_of_a_wrong_length(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("wrong_dimensions", "*.embed", dimensions=12)
    embeddings = stock.gemini_embeddings(output_dimensionality=768)
    assert [len(vector) for vector in await embeddings.aembed_documents(TEXTS)] == [12, 12, 12]
    assert len(await embeddings.aembed_query("pump")) == 768
