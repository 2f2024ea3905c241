"""A Markdown file taken apart: front matter and body."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from chains.ingest.errors import IngestError
from chains.ingest.javascript_operations import text_of
from chains.ingest.slugs import custom_id

log = logging.getLogger(__name__)

_ABOVE_HEADING = re.compile(
    r"\A(?:\s*(?:import|export)\s[^\n]*(?:\n(?!\s*\n)[^\n]*)*\n\s*\n|\s*<!--.*?-->\s*)*", re.DOTALL
)


class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]  # libyaml's is ten times as fast
    """Every scalar is a text, dates too; a number as JavaScript writes it, as it is one to Docusaurus: 1.10 is 1.1."""


def _number(loader: _Loader, node: yaml.ScalarNode) -> str:
    written = str(loader.construct_scalar(node))
    return str(int(written, 8)) if re.fullmatch(r"[-+]?0[0-7]+", written) else text_of(float(written)) or written


_NUMBER = re.compile(r"[-+]?(?:0[0-7]{1,15}|(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?)\Z")
_Loader.add_implicit_resolver("number", _NUMBER, list("-+0123456789"))
_Loader.add_constructor("number", _number)
_FIRST_HEADING = re.compile(r"#[ \t]+([^\n]*?)[ \t#]*(?:\n|\Z)|([^\n]+)\n=+[ \t]*(?:\n|\Z)")


@dataclass(frozen=True)
class Source:
    """Front matter values are texts, as Docusaurus takes `id: 1`; `values` has lists, too."""

    body: str
    front_matter: Mapping[str, str] = field(default_factory=dict)
    own_format: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def published(self) -> bool:
        return not (is_true(self.front_matter, "draft") or is_true(self.front_matter, "unlisted"))


def is_true(front_matter: Mapping[str, str], key: str) -> bool:
    return front_matter.get(key, "").lower() == "true"


def read_source(file: Path) -> Source | None:
    """Read a Markdown file; None, with a warning, when it is binary. What can be read of a faulty one is read.

    Raises:
        IngestError: the file cannot be opened; leaving it out would take its page out of the index.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise IngestError(f"{file}: {error.strerror}. Make it readable, or exclude it.") from error
    if b"\0" in raw:
        log.warning("%s:%d: binary, not Markdown; the file is left out", file, _line_of(raw, raw.index(b"\0")))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        log.warning("%s:%d: not UTF-8; unreadable characters are replaced", file, _line_of(raw, error.start))
        text = raw.decode("utf-8-sig", errors="replace")
    return _split(file, text.replace("\r\n", "\n").replace("\r", "\n"))


def first_heading(body: str) -> str | None:
    """The first-level heading above all other text, as plain text."""
    match = _FIRST_HEADING.match(_ABOVE_HEADING.sub("", body, count=1).lstrip())
    if match is None:
        return None
    return re.sub(r"`([^`]*)`", r"\1", custom_id((match.group(1) or match.group(2)).strip())[0])


def excerpt(body: str) -> str:
    """The first line of text, which Docusaurus shows on cards for want of a description."""
    importing = False
    fence = ""
    for line in re.sub(r"\A[^\n]*\n=+", "", body.lstrip()).split("\n"):
        stripped = line.strip()
        importing = bool(stripped) and (importing or (not fence and bool(re.match(r"(?:import|export)\s", line))))
        marks = re.match(r"`{3,}", stripped)
        if marks:
            fence = marks.group() if not fence else "" if len(marks.group()) >= len(fence) else fence
        elif stripped and not importing and not fence and (clean := _clean_line(line)):
            return clean
    return ""


def _clean_line(line: str) -> str:
    for pattern, replacement in _MARKS:
        line = pattern.sub(replacement, line)
    return line.strip()


# In the order, and with the oddities, of Docusaurus's createExcerpt.
_MARKS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"<[^>]*>", ""),
        (r"^#[^#]+#?", ""),
        (r"^#{1,6}\s*([^#]*?)\s*#{0,6}", r"\1"),
        (r"([*_]{1,3})(.*?)\1", r"\2"),
        (r"~~(\S.*\S)~~", r"\1"),
        (r"!\[(.*?)\][\[(].*?[\])]", r"\1"),
        (r"\[\^.+?\](?:: .*$)?", ""),
        (r"\[(.*?)\][\[(].*?[\])]", r"\1"),
        (r"`(.+?)`", r"\1"),
        (r"^\s{0,3}>\s?", ""),
        (r":::.*", ""),
        (r"\s?:(?:::|[^:\n])+:", ""),
        (r"\{#*[\w-]+\}", ""),
    )
]


def _split(file: Path, text: str) -> Source:
    handler = YAMLHandler()
    if not text.startswith("---\n") or "\n---" not in text[3:]:
        return Source(text)
    front_matter, body = handler.split(text)
    try:
        values = handler.load(front_matter, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 + mark.line if mark else 1
        log.warning("%s:%d: the front matter is not YAML (%s); it is ignored", file, line, _reason(error))
        return Source(body.strip())
    return _source(body.strip(), values if isinstance(values, dict) else {})


def _source(body: str, values: dict[str, Any]) -> Source:
    mdx = values.get("mdx")
    own_format = mdx.get("format") if isinstance(mdx, dict) else None
    return Source(body, {key: value for key, value in values.items() if isinstance(value, str)}, own_format, values)


def _reason(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or "unreadable")


def _line_of(raw: bytes, position: int) -> int:
    return raw.count(b"\n", 0, position) + 1
