"""Folders in BEIR's layout, as other programs write them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from chains.errors import EvaluationError
from chains.evaluation import is_beir
from chains.evaluation.beir_files import load_beir

CORPUS = [{"_id": "a", "title": "One", "text": "First."}, {"_id": "b", "title": "", "text": "Second."}]
QUERIES = [{"_id": "1", "text": "Which is first?"}, {"_id": "2", "text": "Which is second?"}]
QRELS = "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t2\n"
RIGHT = {"1": {"a": 1}, "2": {"b": 2}}


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(folder: Path, corpus: str = lines(CORPUS), queries: str = lines(QUERIES), qrels: str = QRELS) -> Path:
    for name, text in (("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels.tsv", qrels)):
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


@pytest.mark.parametrize(
    "qrels",
    [
        QRELS,
        QRELS.replace("\n", "\r\n"),
        "\ufeff" + QRELS,
        QRELS.partition("\n")[2],
        QRELS + "\n\n",
        "1 0 a 1\n2 0 b 2\n",
        "query\tdocument\tgrade\tnote\n1\ta\t1.0\tx\n2\tb\t2\ty\n",
        QRELS + "1\tb\t0\n2\ta\t-1\n3\ta\t1\n",
    ],
)
def test_judgements_are_read_as_they_are_written(tmp_path: Path, qrels: str) -> None:
    assert load_beir(write(tmp_path, qrels=qrels)).relevant == RIGHT


def test_split_of_a_benchmark_that_is_gzipped_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels.tsv").rename(tmp_path / "qrels" / "dev.tsv")
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/dev.tsv"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    assert is_beir(tmp_path)
    assert load_beir(tmp_path).relevant == RIGHT


def test_ids_are_numbers_and_texts_hold_any_character(tmp_path: Path) -> None:
    corpus = [{"_id": 1, "title": None, "text": "First.\u2028Still\x85it."}, {"_id": 2, "text": None}]
    beir = load_beir(write(tmp_path, "\ufeff" + lines(corpus), qrels="1\t1\t1\n2\t2\t2\n"))
    assert [(name, each.title, each.text) for name, each in beir.documents.items()] == [
        ("1", "", "First.\u2028Still\x85it."),
        ("2", "", ""),
    ]


def test_history_answers_and_unanswerable_stand_beside_the_text(tmp_path: Path) -> None:
    queries = [
        {"_id": "1", "text": "And then?", "metadata": {"history": ["First?"], "answers": "a text"}},
        {"_id": "2", "text": "|user|: First?\n|agent|: Yes.\n|user|: And then?", "answer": 12, "metadata": ["x"]},
        {"_id": "3", "text": "Why?", "unanswerable": True, "history": [{"speaker": "User", "text": "First?"}]},
    ]
    questions = load_beir(write(tmp_path, queries=lines(queries))).questions
    assert {each.query.splitlines()[-1] for each in questions.values()} == {"First?"}
    assert [each.answers for each in questions.values()] == [("a text",), ("12",), ()]
    assert [each.unanswerable for each in questions.values()] == [False, False, True]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"corpus": lines(CORPUS) + '{"_id": "c", "te\n'}, "corpus.jsonl:3: not a line"),
        ({"corpus": lines(CORPUS) + '{"_id": "c"}\n'}, "corpus.jsonl:3: not a line .*'text'"),
        ({"corpus": lines([*CORPUS, {"_id": "a", "text": "Other."}])}, "corpus.jsonl:3: another line has the same"),
        ({"corpus": ""}, "its corpus is empty"),
        ({"corpus": lines([{"_id": "other", "text": "Other."}])}, "none of the documents"),
        ({"queries": lines([*QUERIES, {"_id": "3", "text": " "}])}, "queries.jsonl:3: .*empty"),
        ({"queries": lines([*QUERIES, {"_id": "3", "text": "?", "unanswerable": "no"}])}, "queries.jsonl:3: .*true or"),
        ({"qrels": QRELS + "1\ta\tmany\n"}, "qrels.tsv:4: not a query"),
        ({"qrels": QRELS + "1\ta\n"}, "qrels.tsv:4: not a query"),
        ({"qrels": "x\ta\t1\n"}, "none of the queries"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        load_beir(write(tmp_path, **files))
