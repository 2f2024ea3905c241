"""The chain as the service runs it: marked texts, editions, languages and what the gate says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import small_book
from langchain_core.documents import Document
from scripted import ANSWER, scripted, turn

from chains import prompts
from chains.collection import Bm25Sparse, create_collection, vector_store
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import RetrievalUnavailable
from chains.full_chain import build_full_chain
from chains.providers.local_embeddings import LocalEmbeddings
from chains.retriever import HybridRetriever
from chains.turn import Outcome

pytestmark = pytest.mark.anyio

MARKED = "Before it is opened, the kiln cools for nine hours. Its shelves are washed with alumina."


async def reply_to(retriever: HybridRetriever, said: str, question: str, **fields: Any) -> Any:
    return await build_full_chain(retriever, scripted(said)).ainvoke(turn(question, **fields))


async def test_marked_text_answers_alone(retriever: HybridRetriever) -> None:
    reply = await reply_to(
        retriever, "Nine hours [1].", "How long does the kiln cool?", scope="selection", selected_text=MARKED
    )
    assert (reply["outcome"], len(reply["sources"])) == (Outcome.ANSWERED, 1)
    assert reply["grounded"]


@pytest.mark.parametrize("question", ["What is the torque limit of a joint?", "How do I enable telemetry?"])
async def test_marked_text_that_does_not_hold_the_answer_is_said_so_with_links(
    retriever: HybridRetriever, question: str
) -> None:
    model = scripted("12 Nm [1].")
    asked = turn(question, scope="selection", selected_text=MARKED)
    reply = await build_full_chain(retriever, model).ainvoke(asked)
    said = f"{prompts.NOT_IN_SELECTION_IN['en']} {prompts.NEAREST_IN['en']}"
    assert (reply["outcome"], reply["answer"], reply["grounded"]) == (Outcome.NO_EVIDENCE, said, False)
    first, *others = reply["sources"]
    assert first["url"].startswith("/docs/limits" if "torque" in question else "/docs/telemetry")
    assert [source["n"] for source in others] == list(range(2, len(reply["sources"]) + 1))
    assert not model.asked


async def test_marked_text_without_the_answer_is_said_so_while_the_search_is_away(retriever: HybridRetriever) -> None:
    async def away(*_: Any, **__: Any) -> list[Document]:
        raise RetrievalUnavailable

    asked = turn("What is the torque limit of a joint?", scope="selection", selected_text=MARKED)
    reply = await build_full_chain(retriever, scripted(ANSWER), find=away).ainvoke(asked)
    assert (reply["outcome"], reply["answer"]) == (Outcome.NO_EVIDENCE, prompts.NOT_IN_SELECTION_IN["en"])


@pytest.mark.parametrize("question", ["What does this mean?", "Summarise it.", "اس کا مطلب کیا ہے؟"])
async def test_question_about_the_marked_text_itself_is_the_models(retriever: HybridRetriever, question: str) -> None:
    said = "The kiln cools for nine hours [1]."
    reply = await reply_to(retriever, said, question, scope="selection", selected_text=MARKED)
    assert reply["outcome"] == Outcome.ANSWERED


async def test_marked_text_answers_while_the_index_is_away(retriever: HybridRetriever) -> None:
    away = retriever.model_copy(update={"collection": "absent"})
    question = "How long does the kiln cool?"
    reply = await reply_to(away, "Nine hours [1].", question, scope="selection", selected_text=MARKED)
    assert reply["outcome"] == Outcome.ANSWERED


@pytest.mark.parametrize(
    ("language", "question"), [("ur", "منگولیا کا دارالحکومت کیا ہے؟"), ("ar", "ما هي عاصمة منغوليا؟")]
)
async def test_no_evidence_is_said_in_the_readers_language_with_links(
    retriever: HybridRetriever, language: str, question: str
) -> None:
    reply = await reply_to(retriever, ANSWER, question)
    assert reply["outcome"] == Outcome.NO_EVIDENCE
    assert reply["answer"] == f"{prompts.NO_EVIDENCE_IN[language]} {prompts.ENGLISH_ONLY_IN[language]}"
    assert all(source["url"].startswith("/docs/") for source in reply["sources"])


async def test_model_is_told_the_readers_language(retriever: HybridRetriever) -> None:
    model = scripted(ANSWER)
    await build_full_chain(retriever, model).ainvoke(turn("What is the torque limit of a joint?", language="ur"))
    assert "Answer in the language with the code ur." in model.asked[0][-1].text


@pytest.fixture
def editions(edge: EdgeClient, embeddings: LocalEmbeddings) -> HybridRetriever:
    """The same page in two versions and two languages."""
    create_collection(edge, "editions", small_book.fingerprint(embeddings))
    pages = {
        "/docs/limit": ("2.0", "en", "The torque limit of a joint is 15 Nm."),
        "/docs/1.0/limit": ("1.0", "en", "The torque limit of a joint is 12 Nm."),
        "/de/docs/limit": ("2.0", "de", "Die Grenze für das Drehmoment (torque limit) ist 15 Nm."),
    }
    facts = [
        {"page": url, "page_url": url, "url": url, "version": version, "language": language, "heading": "Limit"}
        for url, (version, language, _) in pages.items()
    ]
    vector_store(edge, "editions", embeddings).add_texts([text for *_, text in pages.values()], facts)
    return HybridRetriever(client=AsyncEdgeClient(edge), collection="editions", embeddings=embeddings)


@pytest.mark.parametrize(
    ("page_url", "language", "found"),
    [
        ("https://site.example/docs/1.0/limit/#top", None, {"/docs/1.0/limit"}),
        ("/docs/limit", None, {"/docs/limit"}),
        ("/de/docs/limit", "de", {"/de/docs/limit"}),
        ("/docs/unknown", None, {"/docs/limit", "/docs/1.0/limit"}),
        ("http://[", None, {"/docs/limit", "/docs/1.0/limit"}),
        (None, "de", {"/de/docs/limit"}),
        (None, "ur", {"/docs/limit", "/docs/1.0/limit"}),
    ],
)
async def test_the_readers_version_and_language_answer(
    editions: HybridRetriever, page_url: str | None, language: str | None, found: set[str]
) -> None:
    asked = {"page_url": page_url, "language": language}
    reply = await reply_to(editions, ANSWER, "What is the torque limit of a joint?", **asked)
    assert {source["url"] for source in reply["sources"]} == found


async def test_reranked_passages_are_weighed_by_their_relevance(retriever: HybridRetriever) -> None:
    from chains.evidence import Thresholds, weigh_evidence

    def passage(relevance: float, coverage: float = 0.9) -> Document:
        return Document("Text.", metadata={"relevance": relevance, "cosine": coverage, "coverage": coverage})

    measured = Thresholds(relevance=0.3)
    assert not weigh_evidence([passage(0.2)], thresholds=measured).found
    assert weigh_evidence([passage(0.4, coverage=0.0)], thresholds=measured).found
    assert weigh_evidence([passage(0.4)]).found
    assert not weigh_evidence([passage(0.4, coverage=0.0)]).found
    assert weigh_evidence([passage(0.8, coverage=0.0)]).found


async def test_words_are_counted_by_the_rules_of_the_collections_language(
    edge: EdgeClient, embeddings: LocalEmbeddings
) -> None:
    german = Bm25Sparse.of_language("de-CH")
    made_of = small_book.fingerprint(embeddings)
    create_collection(edge, "deutsch", replace(made_of, bm25=german.identity))
    texts = ["Die Häuser stehen am Fluss.", "Der Ofen kühlt ab."]
    vector_store(edge, "deutsch", embeddings, german).add_texts(texts)
    retriever = HybridRetriever(
        client=AsyncEdgeClient(edge), collection="deutsch", embeddings=embeddings, fingerprint=made_of
    )
    found = await retriever.ainvoke("Haus")
    assert {passage.page_content: passage.metadata["coverage"] for passage in found} == {texts[0]: 1.0, texts[1]: 0.0}


@pytest.mark.parametrize(
    ("tag", "language"), [("de", "german"), ("ar-EG", "arabic"), ("ur", "english"), ("", "english")]
)
def test_language_without_rules_is_searched_by_whole_words(tag: str, language: str) -> None:
    assert f":{language}:" in Bm25Sparse.of_language(tag).identity
    assert Bm25Sparse.of_identity("qdrant/bm25:klingon:k=1.2:b=0.75:avg_len=256") is None
