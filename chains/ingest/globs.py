"""The part of micromatch's patterns that `include` and `exclude` of a docs folder are written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\{|\}|,|.", re.DOTALL)
_TRANSLATED = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]", "{": "(?:", "}": ")"}


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path with forward slashes matches any pattern; no pattern matches nothing."""
    expressions = [re.compile(_translate(pattern)) for pattern in patterns]
    return lambda path: any(expression.fullmatch(path) for expression in expressions)


def _translate(pattern: str) -> str:
    depth = 0
    parts: list[str] = []
    for piece in _PIECE.findall(pattern.removeprefix("./")):
        depth += (piece == "{") - (piece == "}")
        if piece == "," and depth:
            parts.append("|")
        elif piece[0] == "[" and len(piece) > 1:
            parts.append(piece.replace("[!", "[^"))
        else:
            parts.append(_TRANSLATED.get(piece) or re.escape(piece))
    return "".join(parts)
