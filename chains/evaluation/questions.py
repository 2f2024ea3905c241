"""Question sets of an author: JSON Lines, with gold that survives another chunking."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from chains.errors import EvaluationError


@dataclass(frozen=True)
class Question:
    """`gold`: URLs, with or without an anchor. Else a chunk is right when the path of its page contains `page` and its
    text `answer_contains`."""

    text: str
    page: str = ""
    answer_contains: str = ""
    gold: tuple[str, ...] = ()

    def is_answered_by(self, chunk: Document) -> bool:
        if self.gold:
            return any(_points_to(gold, str(chunk.metadata.get("url", ""))) for gold in self.gold)
        in_page = self.page in str(chunk.metadata.get("page", ""))
        return in_page and _one_line(self.answer_contains) in _one_line(chunk.page_content)


def load_questions(path: Path) -> list[Question]:
    """Lines of {"question", "page", "answer_contains"} or {"question", "gold": url or [urls]}.

    Raises:
        EvaluationError: names the line that cannot be read or has no gold.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    questions = [_question(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not questions:
        raise EvaluationError(f"{path} holds no question.")
    return questions


def _question(line: str, place: str) -> Question:
    try:
        row: dict[str, Any] = json.loads(line)
        gold = row.get("gold", [])
        question = Question(
            text=row["question"],
            page=row.get("page", ""),
            answer_contains=row.get("answer_contains", ""),
            gold=(gold,) if isinstance(gold, str) else tuple(gold),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{place}: not a question in JSON ({type(error).__name__}: {error})") from error
    if not (question.gold or question.page or question.answer_contains):
        raise EvaluationError(f"{place}: needs `gold`, or `page` and `answer_contains`.")
    return question


def _points_to(gold: str, url: str) -> bool:
    """`gold` may leave out the host, and the anchor when any section of the page will do."""
    found = url if "#" in gold else url.partition("#")[0]
    page, wanted = found.rstrip("/"), gold.rstrip("/")
    return page == wanted or page.endswith("/" + wanted.lstrip("/"))


def _one_line(text: str) -> str:
    return " ".join(text.split())
