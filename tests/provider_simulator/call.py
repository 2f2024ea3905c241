"""One request to a provider, and what can come back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Headers = Mapping[str, str]
Quota = Literal["minute", "day", "zero"]


@dataclass(frozen=True)
class Call:
    """`path` is what follows the provider's prefix; `operation` is as in "gemini.chat_stream"."""

    provider: str
    operation: str
    key: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    body: Any
    model: str = ""


@dataclass(frozen=True)
class JsonAnswer:
    """`body` is written as JSON, unless it is bytes."""

    body: Any
    status: int = 200
    headers: Headers = field(default_factory=dict)
    content_type: str = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Frame:
    """One event of a stream. `text`: it carries a token; `closing`: it carries the finish reason."""

    data: bytes
    text: bool = False
    closing: bool = False


@dataclass(frozen=True)
class StreamAnswer:
    """`error` is how this provider reports, in the middle of a stream, that it failed."""

    frames: Sequence[Frame]
    error: Frame


Answer = JsonAnswer | StreamAnswer


@dataclass(frozen=True)
class Failure:
    """What a provider is to report. `retry_after` is seconds; without a message it says what it usually says."""

    status: int
    message: str | None = None
    retry_after: float | None = None
    quota: Quota | None = None

    @property
    def retry_header(self) -> Headers:
        return {} if self.retry_after is None else {"retry-after": str(math.ceil(self.retry_after))}


class Refusal(Exception):
    """The provider answers with an error instead."""

    def __init__(self, answer: JsonAnswer) -> None:
        super().__init__(f"{answer.status}: {answer.body}")
        self.answer = answer
