"""Secrets never leave in a text: removed by value from log lines, exceptions and error bodies, in every spelling."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from structlog.typing import EventDict, WrappedLogger

REPLACEMENT = "[secret]"
WHOLE_WORD = 8  # characters; a shorter secret, such as a password `docs`, is removed only where it is a word of its own

# itsdangerous's: an id of 32 hexadecimal digits in quotes, as base64; a time of 6 characters; a signature of 27.
_VISITOR_TOKEN = r"\b[\w-]{40,60}\.[\w-]{6}\.[\w-]{27}(?![\w-])"


class Redactor:
    """Knows the secrets that it was told, and how each may be written in a URL, in JSON and in Python."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern = re.compile(_VISITOR_TOKEN)
        self.enabled = True

    def learn(self, secrets: Iterable[str]) -> None:
        """Remove these from here on, too. Tokens of visitors are known by their shape."""
        plain = {spelling for secret in secrets for spelling in (secret, unquote(secret)) if spelling}
        if plain <= self._secrets:
            return
        self._secrets |= plain
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(_pattern_of, longest_first), _VISITOR_TOKEN]))

    def clean(self, text: str) -> str:
        return self._pattern.sub(REPLACEMENT, text) if self.enabled else text

    def clean_deep(self, value: Any) -> Any:
        """The same value with every text in its mappings and lists cleaned; other objects stay as they are."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {name: self.clean_deep(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean_deep(each) for each in value]
        return value

    def process(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """For structlog's chain of processors."""
        return {name: each if name.startswith("_") else self.clean_deep(each) for name, each in event.items()}


redactor = Redactor()  # one for the process, as its log is one


class RedactionFilter(logging.Filter):
    """For handlers that others made, as uvicorn makes them for itself: the record is cleaned before it is formatted."""

    def filter(self, record: logging.LogRecord) -> bool:
        if redactor.enabled:
            _clean_message(record)
            if record.exc_info and not record.exc_text:
                record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = record.exc_text and redactor.clean(record.exc_text)
            record.stack_info = record.stack_info and redactor.clean(record.stack_info)
        return True


def _clean_message(record: logging.LogRecord) -> None:
    """The arguments stay apart where they can: uvicorn's own formatter takes its five of them one by one."""
    if isinstance(record.args, tuple):
        record.args = tuple(redactor.clean_deep(record.args))
    message = record.getMessage()
    cleaned = redactor.clean(message)
    if cleaned != message:
        record.msg, record.args = cleaned, None


def clean_uncaught() -> None:
    """What ends the process or a thread is printed without secrets."""

    def print_clean(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stderr.write(redactor.clean("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = print_clean
    threading.excepthook = lambda told: print_clean(told.exc_type, told.exc_value, told.exc_traceback)


def _pattern_of(secret: str) -> str:
    """Matches every spelling, also one in which only some characters are written as URLs, JSON or Python write them."""
    pattern = "".join(map(_written, secret))
    return pattern if len(secret) >= WHOLE_WORD else rf"(?<!\w){pattern}(?!\w)"


def _written(character: str) -> str:
    if character.isascii() and (character.isalnum() or character in "-_.~"):
        return re.escape(character)
    forms = {character, quote(character, safe=""), quote_plus(character), f"\\{character}"}
    forms |= {write(character)[1:-1] for write in (json.dumps, ascii, repr)}
    return f"(?i:{'|'.join(map(re.escape, sorted(forms, key=len, reverse=True)))})"
