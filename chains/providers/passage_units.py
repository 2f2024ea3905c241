"""Pure: what of a passage can be quoted on its own, from its Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from html import unescape

from markdown_it import MarkdownIt
from markdown_it.token import Token

MOST_BLOCK_LINES = 10
MOST_BLOCK_CHARACTERS = 800
LEAST_SENTENCE = 15  # characters: "Yes." and "See below." answer nothing

# A Latin sentence ends before white space and a capital, digit or opening mark; the others end wherever their stop is.
_BREAK = re.compile(r"(?<=[.!?…])[\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_`]*[^\Wa-z_])|(?<=[؟۔।])\s*|(?<=[。！？])")
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Co|No|vs|e\.g|i\.e|U\.S|U\.K|c|ca|approx|Fig|[Vv]ol|pp|Gen|Col|Lt|Mt)\.$"
)
_FRAME = re.compile(r"^\s*(?::::.*|\[![A-Z]+\]\s*)$", re.MULTILINE)  # admonitions and GitHub's alerts
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable("inline")


class Kind(Enum):
    SENTENCE = auto()
    ITEM = auto()
    ROW = auto()


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, list item or table row: `text` is verbatim but for white space.

    Attributes:
        head: the two lines that a row needs above it to be a table.
        block: the short code, list or table that `text` introduces, quoted whole after it.
        gist: the words by which it is compared with a question.
    """

    kind: Kind
    text: str
    gist: str
    head: str = ""
    block: str = ""


def read_units(passage: str) -> list[Unit]:
    """The units of a passage in order. Headings are none, nor are sentences whose end, after a colon, is missing."""
    reader = _Reader(passage.splitlines())
    for token in _MARKDOWN.parse(passage):
        reader.take(token)
    return [unit for unit in reader.units if _can_stand_alone(unit)]


def split_sentences(paragraph: str) -> list[str]:
    """The sentences of one paragraph, white space normalised; none ends in an abbreviation or inside a code span."""
    sentences, current = [], ""
    for piece in _pieces(" ".join(paragraph.split())):
        current += piece
        if current.count("`") % 2 == 0 and not _ABBREVIATION.search(current.rstrip()):
            sentences.append(current.strip())
            current = ""
    return [sentence for sentence in [*sentences, current.strip()] if sentence]


def _pieces(line: str) -> Iterator[str]:
    start = 0
    for found in _BREAK.finditer(line):
        yield line[start : found.end()]
        start = found.end()
    yield line[start:]


def _can_stand_alone(unit: Unit) -> bool:
    is_whole = bool(unit.block) or not unit.text.endswith((":", "："))
    long_enough = len(unit.text) >= LEAST_SENTENCE or unit.kind is not Kind.SENTENCE or not unit.text.isascii()
    # An open code span would swallow the marker after it.
    return is_whole and long_enough and unit.text.count("`") % 2 == 0


class _Reader:
    """Takes the block tokens of a passage in order and collects its units."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.units: list[Unit] = []
        self._lines = lines
        self._container = ""
        self._items = 0
        self._head: list[str] = []
        self._can_introduce = False  # the last unit stands directly before what comes

    def take(self, token: Token) -> None:
        match token.type:
            case "heading_open" | "paragraph_open" | "th_open" | "td_open":
                self._container = token.type
            case "inline":
                self._take_text(token.content)
            case "html_block":
                self._container = "paragraph_open"
                self._take_text(unescape(_TAG.sub("", token.content)))
            case "fence" | "code_block" if token.content.strip():
                fence = token.markup or "```"
                self._introduce(f"{fence}{token.info}\n{token.content}{fence}", only_after_colon=False)
            case "bullet_list_open" | "ordered_list_open":
                self._introduce(self._source(token), only_after_colon=True)
                self._items += 1
            case "bullet_list_close" | "ordered_list_close":
                self._items -= 1
            case "table_open":
                self._introduce(self._source(token), only_after_colon=True)
                self._head = self._source(token).splitlines()[:2]
            case "tr_open":
                self._take_row(self._source(token))

    def _take_text(self, content: str) -> None:
        if self._container != "paragraph_open":
            self._can_introduce = False
            return
        text = " ".join(_FRAME.sub("", content).split())
        if self._items and len(text) <= MOST_BLOCK_CHARACTERS // 2:
            self._add(Unit(Kind.ITEM, text, text))
            return
        for sentence in split_sentences(text):
            self._add(Unit(Kind.SENTENCE, sentence, sentence))

    def _take_row(self, line: str) -> None:
        if line != self._head[0].strip():
            cells = f"{self._head[0]} {line}".replace("|", " ")
            self._add(Unit(Kind.ROW, line, " ".join(cells.split()), head="\n".join(self._head)))
        self._can_introduce = False

    def _add(self, unit: Unit) -> None:
        if unit.text:
            self.units.append(unit)
            self._can_introduce = True

    def _introduce(self, block: str, *, only_after_colon: bool) -> None:
        short = block.count("\n") < MOST_BLOCK_LINES + 2 and len(block) <= MOST_BLOCK_CHARACTERS
        if self._can_introduce and short and (self.units[-1].text.endswith(":") or not only_after_colon):
            lead = self.units[-1]
            self.units[-1] = replace(lead, block=block, gist=f"{lead.gist} {' '.join(block.split())}")
        self._can_introduce = False

    def _source(self, token: Token) -> str:
        """The lines of a block, free of the marks and the indentation of what holds it."""
        first, end = token.map or (0, 0)
        lines = self._lines[first:end]
        indent = len(lines[0]) - len(lines[0].lstrip(" >"))
        return "\n".join(line[indent:] if not line[:indent].strip(" >") else line for line in lines).strip()
