"""How deep a JSON text is nested, known before it is parsed: parsers recurse."""

from __future__ import annotations

import re

# A string to its end, or to the text's: so that a quote without a partner is read once, and not from each start.
STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
BRACKET = re.compile(r"[\[\]{}]")


def too_nested(text: str, levels: int, brackets: int) -> bool:
    """More than so many levels or brackets, strings aside. Linear, also in what is not JSON at all."""
    if text.count("[") + text.count("{") <= levels:
        return False
    bare = STRING.sub("", text)
    if sum(map(bare.count, "[]{}")) > brackets:
        return True
    depth = deepest = 0
    for bracket in BRACKET.findall(bare):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > levels
