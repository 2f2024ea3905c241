"""Pure: whether the numbers and the code of a sentence are in what it cites."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_NUMBER = re.compile(r"\d+(?:[.,:٫٬]\d+)*")
_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LIST_NUMBER = re.compile(r"^\s*\d{1,9}[.)]\s")
_THOUSANDS = re.compile(r"[,٬](?=\d{3}(?!\d))")
_SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def facts_are_in(sentence: str, passages: Sequence[str]) -> bool:
    """All numbers and code spans of the sentence are in these passages together.

    Numbers are compared as numbers: `1,000` is `1000`, `١٢` is `12`, and a passage's `three` is `3`. Code is compared
    as it is written, except for white space.
    """
    text = "\n".join(passages)
    prose = _LIST_NUMBER.sub("", _SPAN.sub(" ", sentence))
    if not _numbers(prose) <= _numbers(text) | _spelled(text):
        return False
    plain = _single_spaced(text)
    return all(_single_spaced(found[1]) in plain for found in _SPAN.findall(sentence))


def _numbers(text: str) -> set[str]:
    return {_plain(found) for found in _NUMBER.findall(text)}


def _plain(number: str) -> str:
    digits = "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in number)
    return _THOUSANDS.sub("", digits).replace(",", ".").replace("٫", ".")


def _spelled(text: str) -> set[str]:
    words = set(re.findall(r"[a-z]+", text.lower()))
    return {str(number) for number, word in enumerate(_SMALL) if word in words}


def _single_spaced(text: str) -> str:
    return " ".join(text.split())
