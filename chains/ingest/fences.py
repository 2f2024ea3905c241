"""A fence's code as readers see it: with its title, without the marks that only tell how to show it."""

from __future__ import annotations

import re

_TITLE = re.compile(r"title\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LINES = re.compile(r"\{[\d,-]+\}")
_LANGUAGE = re.compile(r"[^\s{]+")
# Docusaurus takes these comments out of the code; the lines between a start and an end stay.
_MAGIC = re.compile(
    r"^[ \t]*(?://|#|--|%|;|/\*|\{/\*|<!--|REM|rem)[ \t]*(?:highlight|error|code-block-[\w-]+)-(?:next-line|start|end)"
    r"[ \t]*(?:\*/\}?|-->)?[ \t]*(?:\n|\Z)",
    re.MULTILINE,
)


def clean_info(info: str) -> str:
    """`python title="drive.py"` of a fence's first line; line numbers to highlight and the like go."""
    language = _LANGUAGE.match(info.strip())
    title = _TITLE.search(info)
    name = language.group() if language and "=" not in language.group() else ""
    return f'{name} title="{title.group(1) or title.group(2)}"' if title else name


def clean_code(code: str, info: str = "") -> str:
    """Docusaurus takes the comments for text where the fence's first line says which lines to highlight."""
    return code if _LINES.search(info) else _MAGIC.sub("", code)
