"""The words that every other file uses: what a reader sends, what comes back, and how its parts add up."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Literal, NotRequired, Self
from uuid import UUID, uuid4, uuid5

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)
from typing_extensions import TypedDict

# Zero-width blanks, soft hyphens and byte order marks. Joiners and marks of direction belong to the text.
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")

QUESTION_LIMIT = 4_000
SELECTION_LIMIT = 8_000


class Outcome(StrEnum):
    """How a turn ended, as the reader sees it."""

    ANSWERED = "answered"
    NO_EVIDENCE = "no_evidence"
    BLOCKED = "blocked"
    TRUNCATED = "truncated"
    CANCELLED = "cancelled"
    FAILED = "failed"


def unstorable(text: str) -> bool:
    """Neither PostgreSQL's text nor UTF-8 can hold U+0000 and lone surrogates."""
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _without_nulls(schema: dict[str, Any]) -> None:
    """An absent field is left out rather than null: LangServe's playground goes blank over the type `null`."""
    for field in schema["properties"].values():
        if "anyOf" in field:
            (kind,) = (kind for kind in field.pop("anyOf") if kind != {"type": "null"})
            del field["default"]
            field.update(kind)


class ChatTurn(BaseModel):
    """One question of a reader, with where it was asked.

    `message` is accepted as another name of `question`. Ids that are absent are made by the server.
    """

    model_config = ConfigDict(
        populate_by_name=True, str_strip_whitespace=True, frozen=True, json_schema_extra=_without_nulls
    )

    question: str = Field(validation_alias=AliasChoices("question", "message"), min_length=1, max_length=QUESTION_LIMIT)
    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    selected_text: str | None = Field(default=None, max_length=SELECTION_LIMIT)
    scope: Literal["book", "selection"] = "book"
    page_url: str | None = Field(default=None, max_length=2_000)
    language: str | None = Field(default=None, max_length=35, pattern=r"^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$")

    @field_validator("question", "selected_text", "page_url")
    @classmethod
    def storable(cls, text: str | None) -> str | None:
        if text is not None and unstorable(text):
            raise ValueError("must not contain U+0000 or unpaired surrogates")
        return text

    @field_validator("question")
    @classmethod
    def visible(cls, question: str) -> str:
        if not _INVISIBLE.sub("", question).strip():
            raise ValueError("must have a character that can be seen")
        return question

    @field_validator("selected_text")
    @classmethod
    def readable(cls, text: str | None) -> str | None:
        """As browsers copy it, blanks and invisible characters part what belongs together."""
        return text and (_INVISIBLE.sub("", text).replace("\u00a0", " ").strip() or None)

    def identified(self) -> Self:
        """The same turn with every missing id filled in.

        A new conversation's id follows from the turn's, so that simultaneous copies of a first turn meet in one.
        """
        turn_id = self.turn_id or uuid4()
        conversation_id = self.conversation_id or uuid5(turn_id, "conversation")
        return self.model_copy(update={"conversation_id": conversation_id, "turn_id": turn_id})


class Source(TypedDict):
    """A numbered passage shown to the reader. `score` is the fused one: for order only."""

    n: int
    title: str
    url: str
    heading: str
    snippet: str
    score: float
    chunk_id: str


class Citation(TypedDict):
    """A verified marker: `start` and `end` count Unicode code points of the final answer, spanning the marker."""

    n: int
    start: int
    end: int
    quote: str


class Usage(TypedDict):
    input_tokens: int
    output_tokens: int


class TurnError(TypedDict):
    """What a reader may know of a failure: calm words, no host, key or exception text."""

    code: str
    message: str
    retryable: bool
    retry_after: NotRequired[int]


class ReplyPart(dict[str, Any]):
    """A piece of a reply. `+` is the only fold: answers append, `restart` voids the text so far, other keys replace.

    LangChain's AddableDict would join equal strings (`"c1" + "c1"`), which is wrong for every key but `answer`.
    """

    def __add__(self, other: dict[str, Any]) -> ReplyPart:
        so_far = "" if "restart" in other else self.get("answer", "")
        folded = ReplyPart({**self, **other})
        if "answer" in self or "answer" in other:
            folded["answer"] = so_far + other.get("answer", "")
        return folded

    def __radd__(self, other: dict[str, Any]) -> ReplyPart:
        return ReplyPart(other) + self


class Reply(BaseModel):
    """The whole answer to a turn: the fold of its parts."""

    model_config = ConfigDict(extra="ignore")

    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    visitor_token: str | None = None
    answer: str = ""
    sources: list[Source] = []
    citations: list[Citation] = []
    outcome: Outcome = Outcome.ANSWERED
    partial: bool = False
    grounded: bool = False
    model: str = ""
    usage: Usage = {"input_tokens": 0, "output_tokens": 0}
    timings: dict[str, float] = {}
    error: TurnError | None = None

    @model_serializer(mode="wrap")
    def leave_out_what_is_absent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        return {name: value for name, value in fields.items() if value is not None}
