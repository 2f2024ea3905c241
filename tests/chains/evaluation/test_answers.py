"""Answers to a question set: containment, refusals, citations; and the page that shows them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from scripted import scripted

from chains.errors import EvaluationError
from chains.evaluation import evaluate_questions
from chains.evaluation.answers import are_valid, first_cited
from chains.evaluation.comparison import compare_runs
from chains.evaluation.generation import append_question, draft_questions, read_drafts
from chains.evaluation.judging import require_ragas
from chains.evaluation.questions import load_questions
from chains.evaluation.report import write_report
from chains.retriever import HybridRetriever
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

ROWS: list[dict[str, Any]] = [
    {"question": "What is the torque limit of a joint?", "gold": "/docs/limits#torque-limits", "answer": "12 Nm"},
    {"question": "And how do I undo that?", "gold": "/docs/telemetry#disable", "history": ["How to enable telemetry?"]},
    {"question": "Who won the football championship in 1998?", "unanswerable": True},
]  # fmt: skip


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


async def test_answers_are_measured_with_the_search(retriever: HybridRetriever, tmp_path: Path) -> None:
    model = scripted("It is 12 **Nm** [1].")
    report = await evaluate_questions(written(tmp_path / "q.jsonl", *ROWS), retriever, model=model)
    metrics = report.metrics
    assert (report.questions, metrics["hit@1"], metrics["answer_in_400_words"]) == (3, 1.0, 1.0)
    assert (metrics["answer_contained"], metrics["wrongly_refused"], metrics["rightly_refused"]) == (1.0, 0.0, 1.0)
    assert metrics["citation_validity"] == 1.0
    assert metrics["answer_in_2_sentences"] == 1.0
    assert metrics["refusal_auroc"] > 0.5
    assert metrics["refusal_auroc_unanswerable"] == 1.0
    assert "refusal_auroc_removed" in metrics
    assert len(model.asked) == 2

    page = tmp_path / "report.html"
    write_report(report, page, title="<set>", against=compare_runs(report.rows, report.rows))
    html = page.read_text()
    assert html.count("<svg") == 3
    assert "&lt;set&gt;" in html
    assert "ndcg@10" in html
    assert "http://" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


async def test_follow_up_without_its_history_is_another_question(retriever: HybridRetriever, tmp_path: Path) -> None:
    alone = {name: value for name, value in ROWS[1].items() if name != "history"}
    report = await evaluate_questions(written(tmp_path / "q.jsonl", ROWS[1], alone), retriever)
    assert report.rows["0"]["hit@1"] == 1.0
    assert report.rows["0"]["strength"] != report.rows["1"]["strength"]


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        ("One [1]. Two [2]. Three [1].", "One [1]. Two [2]"),
        ("Write `a[1]`: one [1] [2]. Two [2][3]. Three.", "Write `a[1]`: one [1] [2]. Two [2][3]"),
        ("One [1]. The rest.", "One [1]. The rest."),
    ],
)
def test_first_statements_end_with_their_markers(answer: str, first: str) -> None:
    assert first_cited(answer, 2) == first


@pytest.mark.parametrize(
    ("answer", "citations", "valid"),
    [
        ("It is 12 [1].", [(1, 9, 12, "It is 12 Nm.")], True),
        ("It is 12 [1].", [], False),
        ("It is 12 [1].", [(1, 9, 12, "It is 13 Nm.")], False),
        ("It is 12 [2].", [(2, 9, 12, "It is 12 Nm.")], False),
        ("Write `x[1]` and a[2].", [], True),
    ],
)
def test_citations_are_valid_when_each_marker_quotes_its_source(answer: str, citations: Any, valid: bool) -> None:
    cited = [dict(zip(("n", "start", "end", "quote"), each, strict=True)) for each in citations]
    reply = ReplyPart(answer=answer, citations=cited, sources=[{"n": 1, "url": "/a"}])
    assert are_valid(reply, [Document("So: It is 12 Nm.")]) is valid


@pytest.mark.parametrize(
    ("row", "answers", "gold"),
    [
        ({"gold": "/a#b"}, (), ("/a#b",)),
        ({"gold": "a#b"}, (), ("a#b",)),
        ({"expected": "https://x.example/a#b"}, (), ("https://x.example/a#b",)),
        ({"gold": ["guide/a.md", "twelve newton metres"]}, ("twelve newton metres",), ("guide/a.md",)),
        ({"page": "a", "answer_contains": "12 Nm", "answer": ["12", "twelve"]}, ("12 Nm", "12", "twelve"), ()),
    ],
)
def test_gold_is_an_address_or_the_words_of_the_answer(
    tmp_path: Path, row: dict[str, Any], answers: tuple[str, ...], gold: tuple[str, ...]
) -> None:
    (question,) = load_questions(written(tmp_path / "q.jsonl", {"question": "What?", **row}))
    assert (question.answers, question.gold) == (answers, gold)


@pytest.mark.parametrize(
    "history",
    [
        ["Before?"],
        [["Before?", "So."]],
        [{"question": "Before?", "answer": "So."}],
        [{"role": "user", "content": "Before?"}, {"role": "assistant", "text": "So."}],
    ],
)
def test_history_comes_in_the_usual_forms(tmp_path: Path, history: list[Any]) -> None:
    row = {"question": "And?", "gold": "/a", "history": history}
    (question,) = load_questions(written(tmp_path / "q.jsonl", row))
    assert question.query == "And?\nAnd?\nBefore?"


@pytest.mark.parametrize("history", [7, [1], [{"text": "Before?"}]])
def test_history_of_another_form_names_its_line(tmp_path: Path, history: Any) -> None:
    with pytest.raises(EvaluationError, match=":1: not a question"):
        load_questions(written(tmp_path / "q.jsonl", {"question": "And?", "gold": "/a", "history": history}))


async def test_drafted_questions_hold_words_of_their_page_alone(retriever: HybridRetriever, tmp_path: Path) -> None:
    said = iter([
        '{"question": "How strong may it push?", "answer": "made up"}',
        "I will not.",
        '{"question": "?", "answer": "of"}',
        *['Here: {"question": "How much may it push?", "answer": "of"}'] * 9,
    ])  # fmt: skip
    path = tmp_path / "drafts.jsonl"
    async for row in draft_questions(retriever, RunnableLambda(lambda messages: next(said)), 3):
        append_question(row, path)
    (row,) = read_drafts(path)
    assert (row["question"], row["answer"]) == ("How much may it push?", "of")
    assert row["gold"].startswith("/docs/")
    path.write_text("no question")
    with pytest.raises(EvaluationError, match=":1: not a question"):
        read_drafts(path)


async def test_without_a_model_headings_are_drafted_and_said_to_be_silver(retriever: HybridRetriever) -> None:
    rows = [row async for row in draft_questions(retriever, None, 4)]
    assert all(row["silver"] for row in rows)
    first = rows[: len(rows) // 2]
    assert rows == first + [row async for row in draft_questions(retriever, None, 4, first)]


def test_missing_judge_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ragas", None)
    with pytest.raises(EvaluationError, match="package ragas"):
        require_ragas()
