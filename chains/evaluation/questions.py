"""Question sets of an author: JSON Lines, with gold that survives another chunking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.condense import repeat_question
from chains.errors import EvaluationError
from chains.evaluation.gold import holds, is_address, points_to
from chains.evaluation.lines import read_objects
from chains.turn import ChatTurn

_TOLD_TURNS = re.compile(r"^\|(user|agent|assistant)\|:?\s*", re.MULTILINE)  # conversations in one string
_READER = frozenset({"user", "human", "reader"})
_WHO, _WHAT = ("role", "speaker", "from"), ("content", "text", "value")


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
    def golds(self) -> tuple[Question, ...]:
        """The question once for each thing that is to be found."""
        return tuple(replace(self, gold=(each,)) for each in self.gold) or (self,)

    @property
    def query(self) -> str:
        """What the product searches for when no model rewrites it."""
        return search_text(self.text, self.history)

    def is_answered_by(self, chunk: Document) -> bool:
        if self.unanswerable:
            return False
        if self.gold:
            return any(points_to(gold, chunk.metadata) for gold in self.gold)
        in_page = self.page in str(chunk.metadata.get("page", ""))
        return in_page and (not self.answers or holds(chunk.page_content, self.answers, exactly=True))


def search_text(question: str, history: Sequence[BaseMessage]) -> str:
    return repeat_question({"turn": ChatTurn.model_construct(question=question), "history": history})


def load_questions(path: Path) -> list[Question]:
    """Lines of {"question": ..., and what answers it: "gold": an address, an answer's words, or a list of such; or
    "page" and "answer_contains"; or "unanswerable": true}. "answer" (a text or a list) is what a reply is held to,
    "history" what was said before: texts of the reader, or {"role", "content"}.

    Raises:
        EvaluationError: names the line that cannot be read or has no gold.
    """
    if path.is_dir():
        raise EvaluationError(f"{path} cannot be read: a folder without corpus.jsonl is no set in BEIR's layout.")
    questions = [_question(row, place) for place, row in read_objects(path, "a question")]
    if not questions:
        raise EvaluationError(f"{path} holds no question.")
    return questions


def _question(row: dict[str, Any], place: str) -> Question:
    try:
        golds = texts_of(row, "gold", "expected", "url")
        addresses = tuple(gold for gold in golds if is_address(gold))
        words = [gold for gold in golds if gold not in addresses]
        question = Question(
            text=row["question"].strip(),
            page=str(row.get("page") or ""),
            answers=(*texts_of(row, "answer_contains"), *words, *texts_of(row, "answer", "answers")),
            gold=addresses,
            history=read_history(row.get("history")),
            unanswerable=is_unanswerable(row),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{place}: not a question in JSON ({type(error).__name__}: {error})") from error
    if not question.text:
        raise EvaluationError(f"{place}: not a question in JSON (it is empty)")
    if not (question.gold or question.page or question.answers or question.unanswerable):
        raise EvaluationError(f"{place}: needs `gold`, or `page` and `answer_contains`, or `unanswerable`.")
    return question


def is_unanswerable(row: dict[str, Any]) -> bool:
    """
    Raises:
        TypeError: it says something else than yes or no.
    """
    said = {name: row[name] for name in ("unanswerable", "answerable") if row.get(name) is not None}
    if not all(isinstance(each, int) for each in said.values()):
        raise TypeError("unanswerable is true or false")
    return bool(said.get("unanswerable")) or not said.get("answerable", True)


def texts_of(row: dict[str, Any], *names: str) -> tuple[str, ...]:
    """Of the first of these fields that is there: a text, a number, or a list of such.

    Raises:
        TypeError: it is something else.
    """
    name = next((name for name in names if row.get(name) not in (None, "", [])), None)
    value = row[name] if name else []
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str | int | float) and not isinstance(text, bool) for text in texts):
        raise TypeError(f"{name} is a text or a list of texts")
    return tuple(str(text).strip() for text in texts if str(text).strip())


def read_history(given: Any) -> tuple[BaseMessage, ...]:
    """Texts are the reader's, pairs a question and its answer, dicts have `role` and `content`, as programs call these.

    Raises:
        TypeError, KeyError, ValueError: it is something else.
    """
    if given is None:
        return ()
    if isinstance(given, str):
        given = [given] if given.strip() else []
    if not isinstance(given, list):
        raise TypeError("history is a list")
    return tuple(message for each in given for message in _messages(each))


def split_told(text: str) -> tuple[str, tuple[BaseMessage, ...]]:
    """The question and its history, where both stand in one text: `|user|: ...` a line each."""
    *earlier, last = _told(text)
    return last.text, tuple(earlier)


def _told(text: str) -> list[BaseMessage]:
    pieces = _TOLD_TURNS.split(text)
    if len(pieces) < 3:
        return [HumanMessage(text)]
    return [_message(role, said.strip()) for role, said in zip(pieces[1::2], pieces[2::2], strict=True)]


def _messages(given: Any) -> list[BaseMessage]:
    if isinstance(given, str):
        return _told(given)
    if isinstance(given, list):
        question, answer = given
        return [HumanMessage(question), AIMessage(answer)]
    if "question" in given:
        return [HumanMessage(given["question"]), *([AIMessage(given["answer"])] if given.get("answer") else [])]
    return [_message(_first(given, _WHO), _first(given, _WHAT))]


def _first(row: dict[str, Any], names: Sequence[str]) -> Any:
    return row[next((name for name in names if name in row), names[0])]


def _message(role: str, text: str) -> BaseMessage:
    return HumanMessage(text) if role.lower() in _READER else AIMessage(text)
