"""What a PDF's sheets say: running headers left out, lines joined to paragraphs, words and letters whole again."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

REPEATED = 0.5  # of the sheets: a first or last line that stands on more of them is no text
SHORT = 0.7  # of the usual length: a line that ends a sentence this early ends its paragraph
_MOST_NUMBERS = 4  # in a running header

_NUMBER = re.compile(r"(\d+)")
# Ligatures, and letters in the shapes that they have in print: in a search they are other letters.
_SHAPES = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]+")
_CUT = re.compile(r"[^\W\d_][-\u2010\u00ad]$")


def read_sheets(sheets: Sequence[str]) -> list[list[str]]:
    """The paragraphs of each sheet."""
    plain = [_SHAPES.sub(_letters, sheet.replace("\x00", "")) for sheet in sheets]
    whole = [sheet.splitlines() for sheet in plain]
    bare = _without_headers(whole)
    return [list(_paragraphs(lines)) for lines in bare]


def _letters(shapes: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", shapes.group())


def _without_headers(sheets: list[list[str]]) -> list[list[str]]:
    """First and last lines that stand on most sheets are left out, unless little would be left but them."""
    if len(sheets) < 4:
        return sheets
    counts: Counter[str] = Counter()
    for number, lines in enumerate(sheets):
        counts.update({shape for index in _edges(lines) for shape in _shapes(lines[index], number)})
    repeated = {shape for shape, count in counts.items() if count > REPEATED * len(sheets)}
    bare = [_kept(lines, number, repeated) for number, lines in enumerate(sheets)]
    return bare if 2 * sum(map(_filled, bare)) >= sum(map(_filled, sheets)) else sheets


def _kept(lines: list[str], number: int, repeated: set[str]) -> list[str]:
    edges = _edges(lines)
    return [
        line for index, line in enumerate(lines) if index not in edges or repeated.isdisjoint(_shapes(line, number))
    ]


def _edges(lines: list[str]) -> set[int]:
    filled = [index for index, line in enumerate(lines) if line.strip()]
    return {*filled[:2], *filled[-2:]}


def _shapes(line: str, number: int) -> set[str]:
    """The line with each of its numbers as it stands, or as the sheet's own number and so many more."""
    parts = _NUMBER.split(" ".join(line.split()), maxsplit=_MOST_NUMBERS)
    ways = [(part,) if index % 2 == 0 else _readings(part, number) for index, part in enumerate(parts)]
    return {"".join(way) for way in product(*ways)}


def _readings(digits: str, number: int) -> tuple[str, ...]:
    return (digits, f"{{{int(digits) - number}}}") if len(digits) < 6 else (digits,)


def _filled(lines: list[str]) -> bool:
    return any(line.strip() for line in lines)


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Lines that belong together, as one; a word that was cut at a line's end is whole again."""
    usual = sorted(len(line.rstrip()) for line in lines if line.strip())
    long = usual[len(usual) * 3 // 4] if usual else 0
    text = ""
    for line in [*lines, ""]:
        stripped = line.strip()
        if stripped:
            cut = _CUT.search(text) and stripped[0].islower()
            text = f"{text[:-1]}{stripped}" if cut else f"{text} {stripped}"
        ends = not stripped or (len(stripped) < SHORT * long and re.search(r"[.!?:۔。]$", stripped))
        if ends and text.strip():
            yield text.strip().replace("\u00ad", "")
            text = ""
