"""The chain's stages: marked text, other runnables in their place, names, and the end of a turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from scripted import ANSWER, parts_of, scripted, turn

from chains.errors import InvalidTurn
from chains.evidence import Evidence
from chains.rag import build_rag_chain
from chains.retriever import HybridRetriever
from chains.turn import Reply, ReplyPart

pytestmark = pytest.mark.anyio


async def test_selection_is_the_only_passage_when_asked_so(retriever: HybridRetriever) -> None:
    marked = "The gripper opens at 6 bar."
    model = scripted("It opens at 6 bar [1].")
    inputs = turn("When does it open?", scope="selection", selected_text=marked, page_url="https://book.example/g")
    reply = Reply.model_validate(await build_rag_chain(retriever, model).ainvoke(inputs))
    assert [source["url"] for source in reply.sources] == ["https://book.example/g"]
    assert reply.citations[0]["quote"] == marked
    assert reply.grounded


async def test_selection_without_a_text_is_refused(retriever: HybridRetriever) -> None:
    with pytest.raises(InvalidTurn):
        await build_rag_chain(retriever, scripted(ANSWER)).ainvoke(turn(scope="selection"))


async def test_marked_text_joins_search_and_prompt(retriever: HybridRetriever) -> None:
    model = scripted("It is the limit [1].")
    reply = await build_rag_chain(retriever, model).ainvoke(
        turn("What does this mean?", selected_text="Every joint has a torque limit")
    )
    assert reply["sources"][0]["title"] == "Torque limits"
    asked = model.asked[0][-1]
    fence = asked.additional_kwargs["fence"]
    assert f'<marked fence="{fence}">\nEvery joint has a torque limit\n</marked {fence}>' in asked.text


async def test_each_stage_can_be_another_runnable(retriever: HybridRetriever) -> None:
    passage = Document("The sky is blue.", metadata={"title": "Sky", "source": "/sky"})

    async def cite(pieces: AsyncIterator[dict[str, Any]]) -> AsyncIterator[ReplyPart]:
        async for piece in pieces:
            if "message" in piece:
                yield ReplyPart(answer=piece["message"].text.upper())

    prompt = ChatPromptTemplate.from_template("Context: {context}\nQuestion: {question}")
    model = scripted("Blue.")
    chain = build_rag_chain(
        RunnableLambda(lambda query: [passage] if query == "sky?" else []),
        model,
        prompt=prompt,
        condense=RunnableLambda(lambda inputs: "sky?"),
        gate=RunnableLambda(lambda inputs: Evidence(found=True, passages=inputs["passages"])),
        cite=RunnableGenerator(cite),
    )
    assert await chain.ainvoke(turn("What colour?")) == {"answer": "BLUE."}
    assert model.asked[0][0].text.startswith('Context: <passage id="1" title="Sky" fence="')
    assert model.asked[0][0].text.endswith("Question: What colour?")


class SynchronousRetriever(BaseRetriever):
    """As most of LangChain's own are."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(f"{query} Surely.", metadata={"source": "/here"})]


async def test_synchronous_retriever_and_a_model_of_texts_do(retriever: HybridRetriever) -> None:
    text_model = RunnableLambda(lambda messages: "What is it? Surely [1].")
    reply = await build_rag_chain(SynchronousRetriever(), text_model).ainvoke(turn("What is it?"))
    assert reply["sources"][0]["url"] == "/here"
    assert reply["citations"][0]["quote"] == "Surely."
    assert reply["grounded"]


async def test_model_stops_at_once_when_the_turn_is_cancelled(retriever: HybridRetriever) -> None:
    model = scripted("one |two |three").model_copy(update={"pause": 30.0})
    task = asyncio.create_task(parts_of(build_rag_chain(retriever, model), turn()))
    while not model.asked:  # noqa: ASYNC110 - the model is the thing under test, it tells nobody
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.stopped == [True]


class StageNames(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.names: list[str] = []

    async def on_chain_start(self, *_: Any, **details: Any) -> None:
        self.names.append(details["name"])


async def test_stages_are_named_for_traces(retriever: HybridRetriever) -> None:
    seen = StageNames()
    await build_rag_chain(retriever, scripted(ANSWER)).ainvoke(turn(), {"callbacks": [seen]})
    assert [name for name in seen.names if name in ("Condense", "Find", "Gate", "Answer", "Cite")] == [
        "Condense", "Find", "Gate", "Answer", "Cite",
    ]  # fmt: skip
