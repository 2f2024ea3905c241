"""Question sets of an author: JSON Lines, with gold that survives another chunking."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.condense import repeat_question
from chains.errors import EvaluationError
from chains.turn import ChatTurn

_ADDRESS = re.compile(r"(?:https?://|/)\S*|\S*#\S+|\S+/\S*|\S+\.mdx?")
_TOLD_TURNS = re.compile(r"^\|(user|agent|assistant)\|:?\s*", re.MULTILINE)  # conversations in one string
_READER = frozenset({"user", "human", "reader"})


@dataclass(frozen=True)
class Question:
    """`gold`: URLs, with or without an anchor. Else a chunk is right when the path of its page contains `page` and its
    text one of the answers.

    `answers` are what a right reply holds, any of them. `history` are the messages before the question, oldest first.
    """

    text: str
    page: str = ""
    answers: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    history: tuple[BaseMessage, ...] = ()
    unanswerable: bool = False

    @property
    def query(self) -> str:
        """What the product searches for when no model rewrites it."""
        return search_text(self.text, self.history)

    def is_answered_by(self, chunk: Document) -> bool:
        if self.unanswerable:
            return False
        if self.gold:
            return any(_points_to(gold, str(chunk.metadata.get("url", ""))) for gold in self.gold)
        in_page = self.page in str(chunk.metadata.get("page", ""))
        return in_page and (not self.answers or holds(chunk.page_content, self.answers, exactly=True))


def search_text(question: str, history: Sequence[BaseMessage]) -> str:
    return repeat_question({"turn": ChatTurn.model_construct(question=question), "history": history})


def holds(text: str, answers: Sequence[str], *, exactly: bool = False) -> bool:
    """White space aside; else in whatever case, without Markdown's marks and citation markers."""
    if exactly:
        return any(_one_line(answer) in _one_line(text) for answer in answers)
    plain = _plain(text)
    return any(_plain(answer) in plain for answer in answers)


def load_questions(path: Path) -> list[Question]:
    """Lines of {"question": ..., and what answers it: "gold": an address, an answer's words, or a list of such; or
    "page" and "answer_contains"; or "unanswerable": true}. "answer" (a text or a list) is what a reply is held to,
    "history" what was said before: texts of the reader, or {"role", "content"}.

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
        golds = _texts(row, "gold", "expected", "url")
        addresses = tuple(gold for gold in golds if _ADDRESS.fullmatch(gold))
        words = [gold for gold in golds if gold not in addresses]
        question = Question(
            text=row["question"].strip(),
            page=row.get("page", ""),
            answers=(*_texts(row, "answer_contains"), *words, *_texts(row, "answer", "answers")),
            gold=addresses,
            history=read_history(row.get("history")),
            unanswerable=bool(row.get("unanswerable")) or row.get("answerable") is False,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{place}: not a question in JSON ({type(error).__name__}: {error})") from error
    if not question.text:
        raise EvaluationError(f"{place}: not a question in JSON (it is empty)")
    if not (question.gold or question.page or question.answers or question.unanswerable):
        raise EvaluationError(f"{place}: needs `gold`, or `page` and `answer_contains`, or `unanswerable`.")
    return question


def read_history(given: Any) -> tuple[BaseMessage, ...]:
    """Texts are the reader's, pairs a question and its answer, dicts have `role` and `content` (or `text`).

    Raises:
        TypeError, KeyError: it is something else.
    """
    if given is None:
        return ()
    if not isinstance(given, list):
        raise TypeError("history is a list")
    return tuple(message for each in given for message in _messages(each))


def split_told(text: str) -> tuple[str, tuple[BaseMessage, ...]]:
    """The question and its history, where both stand in one text: `|user|: ...` a line each."""
    pieces = _TOLD_TURNS.split(text)
    if len(pieces) < 3:
        return text, ()
    told = [_message(role, said.strip()) for role, said in zip(pieces[1::2], pieces[2::2], strict=True)]
    return told[-1].text, tuple(told[:-1])


def _messages(given: Any) -> list[BaseMessage]:
    if isinstance(given, str):
        return [HumanMessage(given)]
    if isinstance(given, list):
        question, answer = given
        return [HumanMessage(question), AIMessage(answer)]
    if "question" in given:
        return [HumanMessage(given["question"]), *([AIMessage(given["answer"])] if given.get("answer") else [])]
    return [_message(given["role"], given["content"] if "content" in given else given["text"])]


def _message(role: str, text: str) -> BaseMessage:
    return HumanMessage(text) if role in _READER else AIMessage(text)


def _texts(row: dict[str, Any], *names: str) -> list[str]:
    """Of the first of these fields that is there."""
    value: Any = next((row[name] for name in names if row.get(name)), [])
    texts = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{names[0]} is a text or a list of texts")
    return texts


def _points_to(gold: str, url: str) -> bool:
    """`gold` may leave out the host, and the anchor when any section of the page will do."""
    found = url if "#" in gold else url.partition("#")[0]
    page, wanted = found.rstrip("/"), gold.rstrip("/")
    return page == wanted or page.endswith("/" + wanted.lstrip("/"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    return _one_line(re.sub(r"\s?\[\d+(?:, ?\d+)*\]|[`*|]", "", text)).casefold()
