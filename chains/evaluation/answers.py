"""One question through the whole chain, and what can be said of the answer without another model."""

from __future__ import annotations

import re
import time
from typing import Any

from langchain_core.documents import Document

from chains.evaluation.gold import holds
from chains.evaluation.metrics import Row
from chains.evaluation.questions import Question
from chains.evaluation.stack import Stack
from chains.evidence import Evidence
from chains.full_chain import build_full_chain
from chains.inline import inline
from chains.rag import weigh
from chains.turn import Outcome, ReplyPart

# Means over the questions that they apply to: answerable ones, unanswerable ones, those that were answered.
ANSWERS = (
    "answer_contained", "answer_in_2_sentences", "wrongly_refused", "rightly_refused", "citation_validity", "cited",
    "answer_ms",
)  # fmt: skip

_CODE = re.compile(r"```.*?```|~~~.*?~~~|`[^`]*`", re.DOTALL)
_MARKER = re.compile(r"(?<!\w)\[(\d+(?:\s*,\s*\d+)*)\](?![(:])")
_END = re.compile(rf"(?:{_MARKER.pattern}\s*)+")  # of a statement, which may have several markers


async def judge_answer(question: Question, stack: Stack) -> Row:
    """`answer` and `contexts` besides the metrics of ANSWERS."""
    seen: list[Evidence] = []

    def gate(inputs: dict[str, Any]) -> Evidence:
        seen.append(weigh(inputs))
        return seen[-1]

    assert stack.model is not None
    chain = build_full_chain(
        stack.retriever, stack.model, rerank=stack.rerank, rewrites=stack.rewrites, gate=inline(gate)
    )
    started = time.perf_counter()
    reply = await chain.ainvoke({"turn": {"question": question.text}, "history": list(question.history)})
    milliseconds = (time.perf_counter() - started) * 1_000
    passages = list(seen[-1].passages)
    refused = reply["outcome"] == Outcome.NO_EVIDENCE
    row: Row = {"answer": reply["answer"], "answer_ms": round(milliseconds, 2), "outcome": str(reply["outcome"])}
    row |= {"contexts": [passage.page_content for passage in passages]}
    row["rightly_refused" if question.unanswerable else "wrongly_refused"] = refused
    if question.answers and not question.unanswerable:
        row["answer_contained"] = holds(reply["answer"], question.answers)
        row["answer_in_2_sentences"] = holds(first_cited(reply["answer"], 2), question.answers)
    if not refused:
        row |= {"citation_validity": are_valid(reply, passages), "cited": bool(reply["citations"])}
    return row


def first_cited(answer: str, statements: int) -> str:
    """Up to the marker that ends so many statements: the local model marks each of its sentences, items and rows."""
    ends = [found.end() for found in _END.finditer(_without_code(answer))]
    return answer[: ends[statements - 1]].rstrip() if len(ends) >= statements else answer


def are_valid(reply: ReplyPart, passages: list[Document]) -> bool:
    """Every marker of the answer is a citation, each of which names a source with an address and quotes its passage."""
    cited = {(each["start"], each["end"], each["n"]) for each in reply["citations"]}
    text = _without_code(reply["answer"])
    markers = {
        (found.start(), found.end(), int(number)) for found in _MARKER.finditer(text) for number in found[1].split(",")
    }
    sources = {source["n"]: source for source in reply["sources"]}
    quoted = all(
        each["n"] in sources and sources[each["n"]]["url"] and each["quote"] in passages[each["n"] - 1].page_content
        for each in reply["citations"]
    )
    return markers <= cited and quoted


def _without_code(answer: str) -> str:
    """Of the same length: places stay what they are."""
    return _CODE.sub(lambda code: " " * len(code.group()), answer)
