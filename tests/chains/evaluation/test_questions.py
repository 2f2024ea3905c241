"""Question sets and what counts as an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document

from chains.errors import EvaluationError
from chains.evaluation.questions import load_questions


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def chunk() -> Document:
    anchors = ["top", "more-of-it", "nächstes"]
    facts = {"page": "a/guide.md", "url": "https://b.example/a/guide#top", "anchors": anchors}
    return Document('Some text. It\'s "it" | 12', metadata=facts)


@pytest.mark.parametrize(
    ("gold", "found"),
    [
        ({"page": "guide", "answer_contains": "some text"}, False),
        ({"page": "guide", "answer_contains": "Some\n text"}, True),
        ({"page": "other", "answer_contains": "Some text"}, False),
        ({"page": "a/guide"}, True),
        ({"gold": "https://b.example/a/guide#top"}, True),
        ({"gold": "/a/guide#top"}, True),
        ({"gold": ["/x", "/a/guide"]}, True),
        ({"gold": "/a/guide#end"}, False),
        ({"gold": "/b/a/guide"}, False),
        ({"gold": "uide"}, False),
        ({"gold": "http://localhost:3000/book/a/guide/#top"}, False),
        ({"gold": "http://localhost:3000/a/guide/#TOP"}, True),
        ({"gold": "/a/guide.html#top"}, True),
        ({"gold": "/a%2Fguide/index.html"}, True),
        ({"gold": "a/guide.md"}, True),
        ({"gold": "guide.md#more-of-it"}, True),
        ({"gold": "other.md"}, False),
        ({"gold": "/a/guide#n%C3%A4chstes"}, True),
        ({"gold": "/"}, False),
        ({"gold": "http://[broken"}, False),
        ({"gold": "Some **`text`**"}, True),
        ({"gold": "It\u2019s \u201cit\u201d"}, True),
        ({"gold": 12}, True),
        ({"gold": "[1]"}, False),
    ],
)
def test_chunk_answers_a_question_by_its_gold(tmp_path: Path, gold: dict[str, Any], found: bool) -> None:
    (question,) = load_questions(write(tmp_path / "q.jsonl", {"question": "What?", **gold}))
    assert question.is_answered_by(chunk()) is found


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{broken", ":2: not a question"),
        ('["a list"]', ":2: not a question"),
        ({"page": "guide"}, ":2: not a question"),
        ({"question": "What?"}, ":2: needs `gold`"),
        ({"question": "What?", "gold": {"url": "/a"}}, ":2: not a question"),
        ({"question": "What?", "unanswerable": "false"}, ":2: not a question"),
        ({"question": "What?", "page": "a", "history": [{"who": "user"}]}, ":2: not a question"),
    ],
)
def test_bad_line_is_named(tmp_path: Path, row: Any, complaint: str) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "What?", "page": "a"}, row)
    with pytest.raises(EvaluationError, match=complaint):
        load_questions(path)


def test_mark_of_byte_order_and_separators_of_lines_are_no_harm(tmp_path: Path) -> None:
    (question,) = load_questions(write(tmp_path / "q.jsonl", '\ufeff{"question": "One\u2028two?", "page": "a"}\r'))
    assert question.text == "One\u2028two?"


def test_missing_and_empty_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_questions(tmp_path / "absent.jsonl")
    with pytest.raises(EvaluationError, match="no question"):
        load_questions(write(tmp_path / "empty.jsonl"))
