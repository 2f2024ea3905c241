"""A fence's code as readers see it: with its title, without the marks that only tell how to show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

_TITLE = re.compile(r"title\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LINES = re.compile(r"\{[\d,-]+\}")
_LANGUAGE = re.compile(r"[^\s{]+")
# Docusaurus takes these comments out of the code; the lines between a start and an end stay.
_OPENING = r"^[ \t]*(?://|#|--|%|;+|!|'|\*>|/\*|\(\*|\{\s*/\*|<!--|REM|rem)[ \t]*"
_CLOSING = r"[ \t]*(?:\*/\s*\}?|\*\)|-->)?[ \t]*(?:\n|\Z)"


def clean_fence(marks: str, info: str, code: str, magic: tuple[str, ...]) -> str:
    """A fence with its language and title; `magic` are the comments that are not shown, except where the fence's first
    line says itself which lines to highlight: there Docusaurus takes them for text."""
    code = code if _LINES.search(info) else _magic(magic).sub("", code)
    language = _LANGUAGE.match(info.strip())
    title = _TITLE.search(info)
    name = language.group() if language and "=" not in language.group() else ""
    return f"{marks}{named(name, title.group(1) or title.group(2) if title else '')}\n{code.rstrip()}\n{marks}"


def named(language: str, title: str) -> str:
    """What follows the marks of a fence: `python title="drive.py"`."""
    return f'{language} title="{title}"' if title else language


@cache
def _magic(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"{_OPENING}(?:{'|'.join(map(re.escape, names))}){_CLOSING}", re.MULTILINE)


def pipe_table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown of rows, the first of which is the header."""
    first, *rest = ("| " + " | ".join(row) + " |" for row in rows)
    rule = "|" + "-|" * len(rows[0])  # one dash each: every further one would be a word piece
    return "\n".join([first, rule, *rest])
