"""Pure: which numbers and dates a text tells, in whatever form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_SPACED = "_'’ \u00a0\u202f"  # between groups of three digits
_NUMBER = re.compile(
    rf"(?=[-−–.\d])(?P<sign>(?<![\w.)\]])[-−–])?"
    rf"(?:(?P<grouped>\d{{1,3}}(?:[{_SPACED}]\d{{3}})+)(?!\d)|(?P<plain>\d+(?:[.,:٫٬]\d+)*|(?<!\w)\.\d+))"
    r"(?:(?P<power>e[+-]?\d{1,3})\b|(?P<letter>[kKM])\b|\s(?P<scale>hundred|thousand|million|billion)\b)?"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d{1,3}(?:٬\d{3})+(?:٫\d+)?")
_EXPONENTS = {"k": 3, "K": 3, "M": 6, "hundred": 2, "thousand": 3, "million": 6, "billion": 9}

_SMALL = re.findall(
    r"\w+",
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen""",
)
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SPELLED = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_WORDS = re.compile(
    rf"\b(?:({'|'.join(_TENS)})[- ])?({'|'.join(_SPELLED)})\b(?:\s(hundred|thousand|million|billion)\b)?", re.IGNORECASE
)
_COUNTED = 10  # smaller ones in words ("one of them", "in two ways") come with any paraphrase

_MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_DATE = re.compile(
    r"\b(?P<y1>\d{4})-(?P<m1>\d{2})-(?P<d1>\d{2})(?!\d)"
    rf"|\b(?P<m2>{_MONTH})\.?\s(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<y2>\d{{4}})\b"
    rf"|\b(?P<d3>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?P<m3>{_MONTH})\.?,?\s(?P<y3>\d{{4}})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Date:
    year: str
    month: int
    day: str


class Numerals:
    """The numbers of a text, each in all its readings: `1.000` may be one or a thousand, `1,2` a list."""

    def __init__(self, text: str) -> None:
        text = _ascii_digits(text)
        self._dates = set(_dates(text))
        self._values = {reading for found in _NUMBER.finditer(text) for reading in _liberal(found)}
        self._values |= {str(value) for found in _WORDS.finditer(text) for value in _spelled(found)}
        self._values |= {str(int(value)) for each in set(text) if (value := _numeral(each)).is_integer()}

    def hold(self, sentence: str) -> bool:
        """Every number and date of the sentence is among them."""
        sentence = _ascii_digits(sentence)
        numbers = _DATE.sub(" ", sentence)
        words = (_spelled(found)[-1] for found in _WORDS.finditer(numbers))
        return (
            all(map(self._holds_date, _dates(sentence)))
            and all(map(self._holds, _NUMBER.finditer(numbers)))
            and all(str(value) in self._values for value in words if value >= _COUNTED)
        )

    def _holds(self, found: re.Match[str]) -> bool:
        return bool(_readings(found) & self._values) or (
            found["grouped"] is not None and all(_whole(part) in self._values for part in re.findall(r"\d+", found[0]))
        )

    def _holds_date(self, date: _Date) -> bool:
        """Of a year for which no date is known, as months have other names in other languages, by its numbers."""
        if any(known.year == date.year for known in self._dates):
            return date in self._dates
        return {date.year, date.day} <= self._values


def _readings(found: re.Match[str]) -> set[str]:
    digits = re.sub(f"[{_SPACED}]", "", found["grouped"]) if found["grouped"] else found["plain"]
    plain = _ungrouped(digits) if _THOUSANDS.fullmatch(digits) else {_whole(re.sub("[,٫٬]", ".", digits))}
    exponent = int(found["power"][1:]) if found["power"] else _EXPONENTS.get(found["letter"] or found["scale"], 0)
    scaled = {_scaled(each, exponent) for each in plain}
    scaled |= plain if found["letter"] in ("K", "M") else set()  # kelvin and metres, too
    return {f"-{each}" for each in scaled} if found["sign"] else scaled


def _ungrouped(digits: str) -> set[str]:
    """`1,000.5` -> `1000.5`; what has only points may be a decimal fraction or a version as well."""
    mark = next(each for each in digits if not each.isdigit())
    number = re.sub("[,٫]", ".", digits.replace(mark, ""))
    return {_whole(number), digits} if set(digits) <= set("0123456789.") else {_whole(number)}


def _liberal(found: re.Match[str]) -> Iterator[str]:
    """Its readings, also without its sign and its scale, and its parts."""
    for reading in _readings(found):
        yield from (reading, reading.removeprefix("-"))
    if not found["power"] and not _THOUSANDS.fullmatch(found["plain"] or ""):
        yield from map(_whole, re.split(r"[^\d.]", found["grouped"] or found["plain"]))


def _whole(number: str) -> str:
    """`07` -> `7`, `.5` -> `0.5`, `2.0` -> `2`; versions and times stay as they are."""
    if not re.fullmatch(r"\d*\.?\d+", number):
        return number
    before, point, after = number.partition(".")
    return f"{before.lstrip('0') or '0'}{point}{after}" if after.strip("0") else before.lstrip("0") or "0"


def _scaled(number: str, exponent: int) -> str:
    if not exponent or not re.fullmatch(r"\d+(?:\.\d+)?", number):
        return number
    return f"{Decimal(number).scaleb(exponent).normalize():f}"


def _spelled(found: re.Match[str]) -> list[int]:
    """The last is the number itself, the others may be meant by a part of it."""
    tens, word, scale = (part.lower() if part else "" for part in found.groups())
    value = _SPELLED.get(tens, 0) + _SPELLED[word]
    return [value, value * 10 ** _EXPONENTS.get(scale, 0)]


def _dates(text: str) -> Iterator[_Date]:
    for found in _DATE.finditer(text):
        year, month, day = (found[f"{name}1"] or found[f"{name}2"] or found[f"{name}3"] for name in "ymd")
        names = [name[:3] for name in _MONTHS]
        yield _Date(year, int(month) if month.isdigit() else names.index(month[:3].lower()) + 1, _whole(day))


def _numeral(character: str) -> float:
    """Of `三`; -0.5 for what is no number by itself."""
    return -0.5 if character.isdigit() else unicodedata.numeric(character, -0.5)


def _ascii_digits(text: str) -> str:
    return re.sub(r"\d", lambda found: str(unicodedata.digit(found[0])), text)
