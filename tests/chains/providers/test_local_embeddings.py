"""What the local embeddings promise to those who call them."""

import asyncio
import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from chains.providers import embeddings
from chains.providers.local_embeddings import LocalEmbeddings, Urgent
from chains.settings import ChainSettings

pytestmark = pytest.mark.anyio

LONG = "The node publishes joint states at 100 Hz and the controller reads them from a queue. " * 12

SENTENCES = [
    "Postgres keeps the conversations.",
    "The gripper closes when the force sensor reports contact.",
    "A visitor token is signed and expires after ninety days.",
    "Cats sleep for most of the day.",
    "Run the migration before the server starts.",
    "Camera calibration needs a printed checkerboard.",
    "The embargo raised the price of oil.",
    "Photosynthesis turns light into sugar.",
    "The train to Karachi leaves at noon.",
    "Knots can be written as sums of prime knots.",
]
QUESTIONS = {
    "Where is the chat history stored?": 0,
    "How does the robot hand know that it touches something?": 1,
    "When does my login stop working?": 2,
    "Do pets rest a lot?": 3,
    "How do I calibrate the lens?": 5,
    "Why did fuel become expensive?": 6,
    "How do plants make food?": 7,
    "What time is the railway departure?": 8,
}


def test_settings_choose_the_local_model() -> None:
    chosen = embeddings(ChainSettings(embedding_provider="local"))
    assert (chosen.identity, chosen.dimensions, chosen.prefix) == ("local/all-MiniLM-L6-v2-int8", 384, "")


def test_questions_find_their_sentences(local: LocalEmbeddings) -> None:
    vectors = np.array(local.embed_documents(SENTENCES))
    found = {question: int(np.argmax(vectors @ local.embed_query(question))) for question in QUESTIONS}
    assert found == QUESTIONS


def test_vectors_have_length_one(local: LocalEmbeddings) -> None:
    vectors = np.array(local.embed_documents([*SENTENCES, "", LONG]))
    assert vectors.shape == (12, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_documents_have_no_vectors(local: LocalEmbeddings) -> None:
    assert local.embed_documents([]) == []


def test_text_is_cut_at_256_word_pieces(local: LocalEmbeddings) -> None:
    head = "robot " * 254
    assert local.embed_query(head + "apple") == local.embed_query(head + "pear and much else")
    assert local.embed_query("robot " * 253 + "apple") != local.embed_query("robot " * 253 + "pear")


async def test_vector_does_not_depend_on_its_company(local: LocalEmbeddings) -> None:
    """Equal to the last bit: texts go through one at a time."""
    together = await local.aembed_documents([LONG, *SENTENCES])
    assert together[1:] == [await local.aembed_query(sentence) for sentence in SENTENCES]
    assert together == local.embed_documents([LONG, *SENTENCES])


async def test_loop_runs_on_while_documents_are_embedded(local: LocalEmbeddings) -> None:
    """A text takes 30 ms or more: called in the loop, twenty of them would leave no tick at all."""
    lags = []
    documents = asyncio.create_task(local.aembed_documents([LONG] * 20))
    while not documents.done():
        asked = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - asked - 0.005)
    assert len(lags) > 20
    assert np.percentile(lags, 90) < 0.1


async def test_query_overtakes_documents(local: LocalEmbeddings) -> None:
    documents = asyncio.create_task(local.aembed_documents([LONG] * 20))
    await asyncio.sleep(0.01)
    await local.aembed_query("How long do I wait?")
    assert not documents.done()
    await documents


async def test_query_overtakes_documents_of_another_thread(local: LocalEmbeddings) -> None:
    thread = threading.Thread(target=local.embed_documents, args=([LONG] * 20,))
    thread.start()
    await local.aembed_query("How long do I wait?")
    assert thread.is_alive()
    await asyncio.to_thread(thread.join)


def test_what_is_indexed_waits_until_no_reader_does() -> None:
    urgent, question = Urgent(longest=60), Future[list[float]]()
    urgent.join(question)
    waiting = threading.Thread(target=urgent.give_way)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    question.set_result([])
    waiting.join(30)
    assert not waiting.is_alive()


def test_what_is_indexed_does_not_wait_for_ever() -> None:
    urgent = Urgent(longest=0.01)
    urgent.join(Future())
    urgent.give_way()


async def test_cancelled_caller_leaves_the_rest_of_its_documents(local: LocalEmbeddings) -> None:
    documents = asyncio.create_task(local.aembed_documents([LONG] * 200))
    await asyncio.sleep(0.05)
    documents.cancel()
    started = time.perf_counter()
    await local.aembed_query("How long do I wait?")
    assert time.perf_counter() - started < 2  # 200 texts take 6 s and more


async def test_first_calls_together_load_once() -> None:
    fresh = LocalEmbeddings()
    vectors = await asyncio.gather(*(fresh.aembed_query("same") for _ in range(8)))
    assert all(vector == vectors[0] for vector in vectors)
    fresh.close()


def test_closed_embeddings_embed_nothing() -> None:
    closed = LocalEmbeddings()
    closed.close()
    with pytest.raises(RuntimeError):
        closed.embed_query("too late")
