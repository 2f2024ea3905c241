"""Which of a component's properties are written for readers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from chains.ingest.inline import code_span
from chains.ingest.javascript_operations import Markup

# Whatever a component is called, these hold texts; so do theirs in lists of objects.
SHOWN = (
    "alt", "title", "subtitle", "heading", "label", "question", "prompt", "content", "description", "text", "body",
    "answer", "caption", "summary", "hint", "solution", "explanation", "message", "feedback", "task",
)  # fmt: skip
# Of these a component may mean an icon, or a tool's option; in a list of objects, or beside a text, they are shown.
_NAMES = ("name", "term", "option", "choice", "definition", "step", "unit")
_SHOWN_IN_OBJECTS = frozenset((*SHOWN, *_NAMES))
_CODE = re.compile("code|source|snippet|command|example|starterCode|sample")
_NEVER = re.compile(
    r"(?:class|className|style|id|key|ref|href|to|src|srcSet|url|link|path|type|icon|color|colour|width|height|size"
    r"|variant|language|lang|align|target|rel|groupId|queryString|defaultValue|value|values|metastring|viewBox|d|fill"
    r"|image|img|date|role|as|mode|data-.*|aria-.*|on[A-Z].*|.*ClassName|.*Style|.*Url|.*Href)"
)
# Two words at least, as in a sentence.
_PROSE = re.compile(r"[^\W\d_]\S*\s+\S*[^\W\d_]")


def shown_values(props: Mapping[str, Any]) -> Iterator[str]:
    """The texts in a component's properties: titles, questions, options, sentences; code stands between backticks."""
    found = [(key, text) for key, value in props.items() for text in _texts(key, value, SHOWN)]
    named = found and {key: value for key, value in props.items() if key in _NAMES and isinstance(value, str)}
    shown = {key for key, _ in found}
    yield from (value for key, value in (named or {}).items() if key not in shown)
    yield from (text for _, text in found)


def _texts(key: str, value: Any, shown: Collection[str]) -> Iterator[str]:
    if isinstance(value, Markup):
        yield from [] if key == "children" else [value]
    elif isinstance(value, str):
        if _CODE.fullmatch(key):
            yield code_span(value.strip()) if value.strip() else ""
        elif value.strip() and (key in shown or (not _NEVER.fullmatch(key) and _PROSE.search(value))):
            yield value
    elif not _NEVER.fullmatch(key):
        yield from _nested(value)


def _nested(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, str) and item.strip():
                yield item
            else:
                yield from _nested(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key, item, _SHOWN_IN_OBJECTS)
