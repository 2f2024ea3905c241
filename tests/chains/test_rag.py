"""The chain, from a turn to the parts of a reply, over a real index."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from scripted import ANSWER, QUESTION, SHOWN, fold, parts_of, scripted, turn

from chains import prompts
from chains.condense import readable
from chains.errors import ModelUnavailable, RetrievalUnavailable
from chains.rag import build_rag_chain
from chains.retriever import HybridRetriever
from chains.turn import Citation, Outcome, Reply

pytestmark = pytest.mark.anyio


async def test_parts_come_in_the_order_of_the_contract(retriever: HybridRetriever) -> None:
    parts = await parts_of(build_rag_chain(retriever, GenericFakeChatModel(messages=iter([AIMessage(ANSWER)]))), turn())
    kinds = [next(iter(part)) for part in parts]
    assert kinds[:3] == ["stage", "sources", "stage"]
    assert [part["stage"] for part in parts if "stage" in part] == ["retrieving", "writing"]
    assert set(kinds[3:-1]) == {"answer"}
    assert len(kinds) > 8
    assert set(parts[-1]) == {"citations", "outcome", "grounded", "model", "usage", "timings"}


async def test_reply_is_cited_and_grounded(retriever: HybridRetriever) -> None:
    model = scripted(
        ANSWER.replace(" ", " |"),
        response_metadata={"model_name": "scripted-2", "finish_reason": "STOP"},
        usage_metadata=UsageMetadata(input_tokens=70, output_tokens=9, total_tokens=79),
    )
    reply = Reply.model_validate(fold(await parts_of(build_rag_chain(retriever, model), turn())))
    assert reply.answer == SHOWN
    assert reply.outcome is Outcome.ANSWERED
    assert reply.grounded
    assert reply.model == "scripted-2"
    assert reply.usage == {"input_tokens": 70, "output_tokens": 9}
    assert reply.sources[0]["url"] == "/docs/limits#torque-limits"
    first, second = reply.citations
    assert SHOWN[first["start"] : first["end"]] == SHOWN[second["start"] : second["end"]] == "[1]"
    assert first["quote"] == "Every joint has a torque limit of 12 Nm."
    assert second == Citation(n=1, start=63, end=66, quote="It is set by `--max-torque` in armctl.")


async def test_timings_are_milliseconds_that_add_up(retriever: HybridRetriever) -> None:
    timings = fold(await parts_of(build_rag_chain(retriever, scripted(ANSWER)), turn()))["timings"]
    assert set(timings) == {"embed", "retrieve", "rerank", "first_token", "total"}
    assert 0 < timings["embed"] + timings["retrieve"] < timings["first_token"] <= timings["total"] < 60_000
    assert timings["rerank"] == 0


async def test_every_way_to_call_the_chain_gives_the_same_reply(retriever: HybridRetriever) -> None:
    chain = build_rag_chain(retriever, FakeListChatModel(responses=[ANSWER]))
    streamed = fold(await parts_of(chain, turn()))
    synchronous = await asyncio.to_thread(chain.invoke, turn())
    for reply in [synchronous, await chain.ainvoke(turn()), *await chain.abatch([turn(), turn()])]:
        assert {**reply, "timings": 0} == {**streamed, "timings": 0}


async def test_model_is_asked_with_passages_history_and_documents(retriever: HybridRetriever) -> None:
    model = scripted("Yes, 12 Nm [1].")
    history = [HumanMessage("What is a joint?"), AIMessage("A joint is a part.")]
    await parts_of(build_rag_chain(retriever, model), turn(QUESTION, *history))
    system, first, second, last = model.asked[0]
    assert isinstance(system, SystemMessage)
    fence = last.additional_kwargs["fence"]
    told = [f'<earlier fence="{fence}">\n{said.text}\n</earlier {fence}>' for said in history]
    assert [first.text, second.text] == told
    assert system.text.count(fence) == 2
    assert "Every joint has a torque limit of 12 Nm." in last.text
    assert last.text.endswith(f"Question: {QUESTION}")
    documents = last.additional_kwargs["documents"]
    assert documents[0] == {
        "id": "1",
        "title": "Torque limits",
        "text": "Every joint has a torque limit of 12 Nm. It is set by `--max-torque` in armctl.",
    }
    assert readable(last.additional_kwargs["question"]) == f"{QUESTION} What is a joint?"


async def test_follow_up_finds_its_page_and_says_what_it_searched(retriever: HybridRetriever) -> None:
    history = [HumanMessage("How do I enable telemetry?"), AIMessage("Run `armctl telemetry on` [1].")]
    model = scripted("Run `armctl telemetry off` [1].")
    parts = await parts_of(build_rag_chain(retriever, model), turn("And how do I undo that?", *history))
    assert parts[0] == {"stage": "condensing"}
    assert parts[1] == {"stage": "retrieving", "question": "And how do I undo that? How do I enable telemetry?"}
    reply = Reply.model_validate(fold(parts))
    assert reply.outcome is Outcome.ANSWERED
    assert "/docs/telemetry#disable" in [source["url"] for source in reply.sources[:2]]


async def test_question_that_the_book_cannot_answer_is_not_given_to_the_model(retriever: HybridRetriever) -> None:
    model = scripted("Never said.")
    parts = await parts_of(build_rag_chain(retriever, model), turn("Who won the football championship in 1998?"))
    reply = Reply.model_validate(fold(parts))
    assert reply.outcome is Outcome.NO_EVIDENCE
    assert reply.answer == prompts.NO_EVIDENCE
    assert not reply.grounded
    assert not reply.citations
    assert reply.sources
    assert not model.asked
    assert [next(iter(part)) for part in parts] == ["stage", "sources", "answer", "citations"]


async def test_answer_without_a_verified_citation_is_not_grounded(retriever: HybridRetriever) -> None:
    reply = await build_rag_chain(retriever, scripted("Zebras graze quietly [1].")).ainvoke(turn())
    assert reply["answer"] == "Zebras graze quietly."
    assert reply["outcome"] == Outcome.ANSWERED
    assert not reply["grounded"]


@pytest.mark.parametrize(
    ("metadata", "outcome"),
    [
        ({"finish_reason": "MAX_TOKENS"}, Outcome.TRUNCATED),
        ({"finish_reason": "length"}, Outcome.TRUNCATED),
        ({"finish_reason": "SAFETY"}, Outcome.BLOCKED),
        ({"finish_reason": "content_filter"}, Outcome.BLOCKED),
        ({"finish_reason": "stop"}, Outcome.ANSWERED),
    ],
)
async def test_outcome_follows_the_reason_to_stop(
    retriever: HybridRetriever, metadata: dict[str, str], outcome: Outcome
) -> None:
    reply = await build_rag_chain(retriever, scripted("It is 12", response_metadata=metadata)).ainvoke(turn())
    assert reply["outcome"] is outcome


async def test_blocked_model_that_says_nothing_is_said(retriever: HybridRetriever) -> None:
    blocked = {"prompt_feedback": {"block_reason": "PROHIBITED_CONTENT"}}
    reply = await build_rag_chain(retriever, scripted("", response_metadata=blocked)).ainvoke(turn())
    assert reply["outcome"] is Outcome.BLOCKED
    assert reply["answer"] == prompts.BLOCKED


@pytest.mark.parametrize("text", ["", " |\n"])
async def test_model_that_says_nothing_is_a_failure(retriever: HybridRetriever, text: str) -> None:
    with pytest.raises(ModelUnavailable):
        await parts_of(build_rag_chain(retriever, scripted(text)), turn())


async def test_failed_search_is_a_failure_and_never_no_evidence(retriever: HybridRetriever) -> None:
    broken = retriever.model_copy(update={"collection": "absent"})
    with pytest.raises(RetrievalUnavailable):
        await parts_of(build_rag_chain(broken, scripted(ANSWER)), turn())


async def test_unstorable_characters_of_the_model_are_left_out(retriever: HybridRetriever) -> None:
    reply = await build_rag_chain(retriever, scripted("A\x00 limit|\ud83d of 12 Nm.")).ainvoke(turn())
    assert reply["answer"] == "A limit of 12 Nm."
