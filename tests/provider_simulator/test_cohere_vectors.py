"""CohereEmbeddings and CohereRerank at the simulator, and what they cannot ask for."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from langchain_core.documents import Document

from tests.provider_simulator.clients import StockClients, bare
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

TEXTS = ["The warranty of a pump is 24 months.", "Cats sleep all day long.", "Open the port in the firewall."]


async def test_nearest_text_is_the_one_about_the_question(stock: StockClients) -> None:
    embeddings = stock.cohere_embeddings()
    stored = np.array(await embeddings.aembed_documents(TEXTS))
    assert stored.shape == (3, 1536)
    assert np.linalg.norm(stored, axis=1) == pytest.approx(1, abs=1e-5)
    for question, nearest in [("How long is a pump's warranty?", 0), ("When do cats sleep?", 1)]:
        assert (stored @ np.array(await embeddings.aembed_query(question))).argmax() == nearest


async def test_documents_go_in_batches_with_their_input_type(stock: StockClients, provider_key: ProviderKey) -> None:
    texts = [f"Text number {number}" for number in range(100)]
    embeddings = stock.cohere_embeddings("embed-multilingual-light-v3.0")
    vectors = await embeddings.aembed_documents(texts)
    assert [len(vector) for vector in vectors] == [384] * 100
    requests = provider_key.requests("cohere.embed")
    assert sorted(len(request["body"]["texts"]) for request in requests) == [4, 96]
    assert {(request["path"], request["body"]["input_type"]) for request in requests} == {
        ("/v1/embed", "search_document")
    }
    assert vectors[97] == (await embeddings.aembed_documents([texts[97]]))[0]
    await embeddings.aembed_query("Text")
    assert provider_key.last_request()["body"]["input_type"] == "search_query"


async def test_second_version_gives_the_dimensions_that_are_asked_for(provider_key: ProviderKey) -> None:
    body = {"model": "embed-v4.0", "texts": TEXTS, "input_type": "search_document", "output_dimension": 512}
    async with bare(provider_key, provider_key.cohere_url) as client:
        answer = (await client.post("/v2/embed", json=body | {"embedding_types": ["float", "int8", "ubinary"]})).json()
    vectors = np.array(answer["embeddings"]["float"])
    assert vectors.shape == (3, 512)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert [len(answer["embeddings"][kind][0]) for kind in ("int8", "ubinary")] == [512, 64]
    assert answer["meta"]["billed_units"]["input_tokens"] > 10
    assert answer["meta"]["api_version"]["version"] == "2"


async def test_client_takes_too_few_vectors(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("short_batch", "cohere.embed")
    assert len(await stock.cohere_embeddings().aembed_documents(TEXTS)) == 2


async def test_client_takes_vectors_of_a_wrong_length(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.fail("wrong_dimensions", "cohere.embed", dimensions=12)
    assert [len(vector) for vector in await stock.cohere_embeddings().aembed_documents(TEXTS)] == [12, 12, 12]


async def test_documents_are_ranked_by_what_they_share_with_the_question(
    stock: StockClients, provider_key: ProviderKey
) -> None:
    rerank = stock.cohere_rerank(top_n=2)
    documents = [Document(text) for text in TEXTS[::-1]]
    ranked = await rerank.acompress_documents(documents, "How long is the warranty of a pump?")
    assert [document.page_content for document in ranked] == [TEXTS[0], TEXTS[1]]
    scores = [document.metadata["relevance_score"] for document in ranked]
    assert 1 >= scores[0] > 0.9 > 0.5 > scores[1] >= 0
    request = provider_key.last_request()
    assert (request["operation"], request["path"]) == ("cohere.rerank", "/v2/rerank")
    assert request["body"] == {
        "model": "rerank-v4.0-fast",
        "query": "How long is the warranty of a pump?",
        "documents": TEXTS[::-1],
        "top_n": 2,
        "max_tokens_per_doc": None,
    }


async def test_rank_of_a_document_that_was_not_sent_is_used_unchecked(
    stock: StockClients, provider_key: ProviderKey
) -> None:
    provider_key.fail("bad_index", "cohere.rerank")
    with pytest.raises(IndexError):
        await stock.cohere_rerank().acompress_documents([Document(text) for text in TEXTS], "cats")


async def test_calls_are_served_at_the_same_time(stock: StockClients, provider_key: ProviderKey) -> None:
    provider_key.configure(latency={"cohere.rerank": 0.2})
    rerank = stock.cohere_rerank()
    documents = [Document(text) for text in TEXTS]
    await asyncio.gather(*(rerank.acompress_documents(documents, "cats") for _ in range(4)))
    assert provider_key.stats()["peak"] == 4
