"""Pure: whether the numbers and the code of a sentence are in what it cites."""

from __future__ import annotations

import re

from chains.numerals import Numerals

_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LIST_NUMBER = re.compile(r"^[\s>*_#-]*(?:step\s+)?\d{1,9}[.):]", re.IGNORECASE)
_LINK_TARGET = re.compile(r"(?<=\])\([^()\s]*\)")
_ESCAPE = re.compile(r"\\(?=[^\w\s\\])")
_PARTS = re.compile(r"(?<!\S)--?[\w-]+|[^\s=]+(?:\s+(?!-)[^\s=]+)*")
# What is code without backticks: --flags, SNAKE_CASE, calls(), camelCase and paths of files.
_IDENTIFIER = re.compile(
    r"(?<![\w-])--[a-z][\w-]*\w|(?=\w*[a-z])[a-z0-9]+(?:_[a-z0-9]+)+|[a-z][\w.]*\(\)|(?:[\w.-]+/)+[\w-]+\.[a-z]\w{0,4}\b"
    r"|(?-i:\b[a-z]{2,}(?:[A-Z][a-z]+)+\b)",
    re.IGNORECASE | re.ASCII,
)


class Facts:
    """The numbers and the code of a text.

    Numbers are compared as numbers: `1,000` is `1000`, `١٢` is `12`, a text's `three` is `3`, `March 1, 2026` is
    `2026-03-01`. Code is compared as it is written, except for white space; `--limit=9` also as its two parts. Names
    like `--limit` or `max_torque` are code without backticks, too.
    """

    def __init__(self, text: str) -> None:
        self._plain = _single_spaced(_ESCAPE.sub("", text))
        self._numerals = Numerals(self._plain)

    def hold(self, sentence: str) -> bool:
        """All that the sentence has are among them."""
        sentence = _ESCAPE.sub("", _LINK_TARGET.sub(" ", sentence))
        prose = _LIST_NUMBER.sub("", _SPAN.sub(" ", sentence))
        code = [found[1] for found in _SPAN.findall(sentence)] + [found[0] for found in _IDENTIFIER.finditer(prose)]
        return self._numerals.hold(_IDENTIFIER.sub(" ", prose)) and all(_is_written(each, self._plain) for each in code)


def _is_written(code: str, plain: str) -> bool:
    """Whole, or flag by flag and value by value."""
    code = _single_spaced(code)
    parts = _PARTS.findall(code)
    return _stands_in(code, plain) or (len(parts) > 1 and all(_stands_in(part, plain) for part in parts))


def _stands_in(code: str, plain: str) -> bool:
    """As a word of its own: `--max` is not in `--max-torque`, nor `RATE` in `RATE_VISITOR`."""
    before = r"(?<![\w-])" if code[:1] == "-" else r"(?<!\w)(?<!\w-)(?<!\d\.)" if re.match(r"\w", code, re.A) else ""
    after = r"(?!\w|-\w|\.\d)" if re.search(r"[\w-]$", code, re.A) else ""
    return re.search(f"{before}{re.escape(code)}{after}", plain, re.ASCII) is not None


def _single_spaced(text: str) -> str:
    return " ".join(text.split())
