"""One question through the whole chain, and what can be said of the answer without another model."""

from __future__ import annotations

import re
import time
from typing import Any

from langchain_core.documents import Document

from chains.evaluation.metrics import Row
from chains.evaluation.questions import Question, holds
from chains.evidence import Evidence
from chains.full_chain import build_full_chain
from chains.inline import inline
from chains.rag import weigh
from chains.retriever import HybridRetriever
from chains.turn import Outcome, ReplyPart

# Means over the questions that they apply to: answerable ones, unanswerable ones, those that were answered.
ANSWERS = (
    "answer_contained", "wrongly_refused", "rightly_refused", "citation_validity", "cited", "answer_ms",
)  # fmt: skip

_CODE = re.compile(r"```.*?```|~~~.*?~~~|`[^`]*`", re.DOTALL)
_MARKER = re.compile(r"(?<!\w)\[(\d+(?:\s*,\s*\d+)*)\](?![(:])")


async def judge_answer(question: Question, retriever: HybridRetriever, model: Any) -> Row:
    """`answer` and `contexts` besides the metrics of ANSWERS."""
    seen: list[Evidence] = []

    def gate(inputs: dict[str, Any]) -> Evidence:
        seen.append(weigh(inputs))
        return seen[-1]

    chain = build_full_chain(retriever, model, gate=inline(gate))
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
    if not refused:
        row |= {"citation_validity": are_valid(reply, passages), "cited": bool(reply["citations"])}
    return row


def are_valid(reply: ReplyPart, passages: list[Document]) -> bool:
    """Every marker of the answer is a citation, each of which names a source with an address and quotes its passage."""
    cited = {(each["start"], each["end"], each["n"]) for each in reply["citations"]}
    text = _CODE.sub(lambda code: " " * len(code.group()), reply["answer"])
    markers = {
        (found.start(), found.end(), int(number)) for found in _MARKER.finditer(text) for number in found[1].split(",")
    }
    sources = {source["n"]: source for source in reply["sources"]}
    quoted = all(
        each["n"] in sources and sources[each["n"]]["url"] and each["quote"] in passages[each["n"] - 1].page_content
        for each in reply["citations"]
    )
    return markers <= cited and quoted
