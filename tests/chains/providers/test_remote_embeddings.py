"""Gemini's and Cohere's embeddings over HTTP: requests, batches, checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from remote import TEXTS, settings_of

from chains.errors import SearchFault, SettingsError
from chains.providers import PinnedEmbeddings, embeddings
from chains.providers.guarded_embeddings import GuardedEmbeddings
from chains.resilience import BadPayload, Guard, QuotaExhausted, RateLimited, Timeouts
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["gemini", "cohere"])
async def remote(request: pytest.FixtureRequest, provider_key: ProviderKey) -> AsyncIterator[PinnedEmbeddings]:
    chosen = embeddings(settings_of(provider_key, request.param))
    yield chosen
    await chosen.aclose()


async def test_vectors_have_length_one_and_find_the_text_that_answers(remote: PinnedEmbeddings) -> None:
    documents = np.array(await remote.aembed_documents(TEXTS))
    question = np.array(await remote.aembed_query("How long is the warranty of a pump?"))
    assert documents.shape == (3, remote.dimensions)
    assert np.allclose(np.linalg.norm(documents, axis=1), 1)
    assert int(np.argmax(documents @ question)) == 0


async def test_synchronous_calls_give_the_same_also_from_another_thread(remote: PinnedEmbeddings) -> None:
    here = await remote.aembed_documents(TEXTS)
    assert np.allclose(await asyncio.to_thread(remote.embed_documents, TEXTS), here)
    assert np.allclose(await asyncio.to_thread(remote.embed_query, "pump"), await remote.aembed_query("pump"))


async def test_another_event_loop_has_clients_of_its_own(remote: PinnedEmbeddings) -> None:
    here = await remote.aembed_query("pump")
    assert np.allclose(await asyncio.to_thread(asyncio.run, remote.aembed_query("pump")), here)  # type: ignore[arg-type]
    assert np.allclose(await remote.aembed_query("pump"), here)


async def test_many_texts_go_in_batches_and_come_back_in_order(
    remote: PinnedEmbeddings, provider_key: ProviderKey
) -> None:
    texts = [f"Part number {number}" for number in range(230)]
    vectors = await remote.aembed_documents(texts)
    assert len(provider_key.requests("*.embed")) == 3
    for number in (0, 99, 100, 229):
        assert np.allclose(vectors[number], (await remote.aembed_documents([texts[number]]))[0], atol=1e-6)


async def test_few_batches_run_at_once(remote: PinnedEmbeddings, provider_key: ProviderKey) -> None:
    provider_key.configure(latency={"*.embed": 0.05})
    await remote.aembed_documents([f"Part {number}" for number in range(900)])
    assert provider_key.stats()["peak"] <= 4


@pytest.mark.parametrize("fault", ["short_batch", "wrong_dimensions", "malformed", "html"])
async def test_vectors_that_do_not_fit_their_texts_are_refused(
    remote: PinnedEmbeddings, provider_key: ProviderKey, fault: str
) -> None:
    provider_key.fail(fault)
    with pytest.raises(BadPayload):
        await remote.aembed_documents(TEXTS)


async def test_limits_of_a_minute_and_quotas_are_told_apart(
    remote: PinnedEmbeddings, provider_key: ProviderKey
) -> None:
    provider_key.fail("status", status=429, retry_after=1)
    with pytest.raises(RateLimited):
        await remote.aembed_query("pump")
    provider_key.fail("status", status=429, quota="day")
    with pytest.raises(QuotaExhausted):
        await remote.aembed_query("pump")


async def test_indexing_waits_for_a_limit_and_gives_up_on_a_quota(
    remote: PinnedEmbeddings, provider_key: ProviderKey
) -> None:
    provider_key.fail("status", status=429, retry_after=0.1)
    assert len(await asyncio.to_thread(remote.embed_documents, TEXTS)) == 3
    provider_key.fail("status", status=429, quota="day")
    started = time.monotonic()
    with pytest.raises(SearchFault, match=r"Embedding with .* failed .*quota"):
        await asyncio.to_thread(remote.embed_documents, TEXTS)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("fault", ["status", "hang"])
async def test_guard_tries_a_question_again(remote: PinnedEmbeddings, provider_key: ProviderKey, fault: str) -> None:
    guarded = GuardedEmbeddings(remote, Guard(Timeouts(embed=0.5)))
    provider_key.fail(fault, status=500)
    assert len(await guarded.aembed_query("pump")) == remote.dimensions
    assert (guarded.identity, guarded.dimensions) == (remote.identity, remote.dimensions)


@pytest.mark.parametrize(
    ("model", "texts", "task_type"),
    [
        ("gemini-embedding-001", ("pump", "pump"), ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT")),
        ("gemini-embedding-2", ("task: search result | query: pump", "title: none | text: pump"), (None, None)),
    ],
)
async def test_gemini_is_told_what_a_text_is_for(
    provider_key: ProviderKey, model: str, texts: tuple[str, str], task_type: tuple[Any, Any]
) -> None:
    chosen = embeddings(settings_of(provider_key, "gemini", gemini_embedding_model=model))
    await chosen.aembed_query("pump")
    await chosen.aembed_documents(["pump"])
    sent = [record["body"]["requests"][0] for record in provider_key.requests()]
    assert tuple(request["content"]["parts"][0]["text"] for request in sent) == texts
    assert tuple(request.get("taskType") for request in sent) == task_type
    assert sent[0]["outputDimensionality"] == 768
    assert chosen.prefix
    await chosen.aclose()


async def test_cohere_is_told_what_a_text_is_for(provider_key: ProviderKey) -> None:
    chosen = embeddings(settings_of(provider_key, "cohere", embedding_dimensions=512))
    assert len(await chosen.aembed_query("pump")) == 512
    await chosen.aembed_documents(["pump"])
    assert [r["body"]["input_type"] for r in provider_key.requests()] == ["search_query", "search_document"]
    await chosen.aclose()


def test_dimensions_that_a_model_does_not_have_are_refused(provider_key: ProviderKey) -> None:
    with pytest.raises(SettingsError, match=r"EMBEDDING_DIMENSIONS: embed-v4\.0 gives 1536"):
        embeddings(settings_of(provider_key, "cohere", embedding_dimensions=768))
    with pytest.raises(SettingsError, match="EMBEDDING_DIMENSIONS: the local model gives 384"):
        embeddings(settings_of(provider_key, embedding_dimensions=768))


def test_retired_model_is_replaced_and_said(provider_key: ProviderKey, caplog: pytest.LogCaptureFixture) -> None:
    chosen = embeddings(settings_of(provider_key, "gemini", gemini_embedding_model="models/text-embedding-004"))
    assert chosen.identity == "gemini/gemini-embedding-2"
    assert "GEMINI_EMBEDDING_MODEL: text-embedding-004 was shut down" in caplog.text
