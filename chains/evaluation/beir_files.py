"""Retrieval sets in BEIR's layout, read from their folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from chains.errors import EvaluationError
from chains.evaluation.lines import find_file, read_lines, read_objects
from chains.evaluation.questions import Question, is_unanswerable, read_history, split_told, texts_of

Kind = TypeVar("Kind")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Text:
    """A document of the corpus."""

    title: str
    text: str


@dataclass(frozen=True)
class BeirSet:
    """`documents` by id; `relevant`: for each question that is judged, grades above 0 by document id.

    `questions`, by id: those that are judged, or said to be unanswerable. Documents that were judged and are not in the
    corpus count as not found.
    """

    documents: dict[str, Text]
    relevant: dict[str, dict[str, int]]
    questions: dict[str, Question]


def is_beir(path: Path) -> bool:
    return find_file(path / "corpus.jsonl") is not None


def load_beir(folder: Path) -> BeirSet:
    """Read corpus.jsonl, queries.jsonl and qrels.tsv, or qrels/test.tsv as BEIR itself ships it; each may be gzipped.

    Raises:
        EvaluationError: a file is absent, or not what its name says; names the line.
    """
    documents = _read(folder, "corpus.jsonl", _document)
    questions = _read(folder, "queries.jsonl", _question)
    judged = _judgements(_qrels(folder))
    relevant = {name: grades for name, grades in judged.items() if name in questions}
    asked = {name: each for name, each in questions.items() if name in relevant or each.unanswerable}
    if not documents or not asked:
        missing = "queries.jsonl has none of the queries in its qrels" if documents else "its corpus is empty"
        raise EvaluationError(f"{folder} is not a BEIR folder: {missing}.")
    _check(folder, documents, relevant)
    return BeirSet(documents, relevant, asked)


def _read(folder: Path, name: str, made_of: Callable[[dict[str, Any]], Kind]) -> dict[str, Kind]:
    path = find_file(folder / name)
    if path is None:
        raise EvaluationError(f"{folder} is not a BEIR folder: it has no {name}.")
    found: dict[str, Kind] = {}
    for place, row in read_objects(path, f"a line of {name}"):
        try:
            key, made = _id(row), made_of(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EvaluationError(f"{place}: not a line of {name} ({type(error).__name__}: {error})") from error
        if found.setdefault(key, made) != made:
            raise EvaluationError(f"{place}: another line has the same _id, {key!r}, and says something else.")
    return found


def _id(row: dict[str, Any]) -> str:
    """Numbers are what qrels call them."""
    name = row["_id"] if "_id" in row else row["id"]
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise TypeError("_id is a text or a whole number")
    return str(name).strip()


def _document(row: dict[str, Any]) -> Text:
    """An empty text is one; a line without the field is not."""
    title, text = row.get("title") or "", row["text"] or ""
    if not isinstance(text, str):
        raise TypeError("text is a text")
    return Text(str(title), text)


def _question(row: dict[str, Any]) -> Question:
    """BEIR itself has the text alone; history, answers and what is unanswerable stand beside it or in `metadata`."""
    beside = row.get("metadata")
    facts = (beside if isinstance(beside, dict) else {}) | row
    text, told = split_told(row["text"])
    if not text.strip():
        raise ValueError("the text is empty")
    return Question(
        text=text.strip(),
        answers=texts_of(facts, "answers", "answer"),
        history=read_history(facts.get("history")) or told,
        unanswerable=is_unanswerable(facts),
    )


def _qrels(folder: Path) -> Path:
    """BEIR's own layout has one file a split; of several only the split `test` is meant."""
    for name in ("qrels.tsv", "qrels/test.tsv"):
        if path := find_file(folder / name):
            return path
    splits = sorted((folder / "qrels").glob("*.tsv*"))
    if len(splits) == 1:
        return splits[0]
    raise EvaluationError(f"{folder} is not a BEIR folder: it has neither qrels.tsv nor qrels/test.tsv.")


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    """Query, document, grade; with or without a line of names, and with a second column that says nothing, as trec_eval
    has it. What is graded 0 or below is as good as not judged."""
    relevant: dict[str, dict[str, int]] = {}
    named = False
    for index, (place, line) in enumerate(read_lines(path)):
        fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
        if index == 0 and _grade(fields[-1]) is None and _grade("".join(fields[2:3])) is None:
            named = True
            continue
        if len(fields) == 4 and not named:
            fields = [fields[0], *fields[2:]]
        grade = _grade(fields[2]) if len(fields) > 2 else None
        if grade is None:
            raise EvaluationError(f"{place}: not a query, a document and a whole number with tabs between.")
        if grade > 0:
            relevant.setdefault(fields[0], {})[fields[1]] = grade
    return relevant


def _grade(field: str) -> int | None:
    try:
        grade = float(field)
        return int(grade) if grade.is_integer() else None
    except ValueError:
        return None


def _check(folder: Path, documents: dict[str, Text], relevant: dict[str, dict[str, int]]) -> None:
    judged = {document for grades in relevant.values() for document in grades}
    absent = judged - documents.keys()
    if judged and absent == judged:
        raise EvaluationError(f"{folder} is not a BEIR folder: its corpus has none of the documents in its qrels.")
    if absent:
        log.warning("%d of %d judged documents are not in the corpus: not found.", len(absent), len(judged))
