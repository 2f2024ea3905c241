"""Pieces of Markdown that fit: a block that is too long is cut where it can be cut best."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from chains.ingest.page import Block, Kind

_SENTENCE = re.compile(r".+?(?:[.!?;:]\s+|[。！？；\n]|$)", re.DOTALL)
_WORD = re.compile(r"\s*\S+\s*")
_FENCE = re.compile(r"(`{3,}|~{3,})(\S*)[^\n]*\n(.*)\n\1", re.DOTALL)
_LONGEST_WORD = 200


@dataclass(frozen=True)
class Room:
    """What a text may take. Sizes of texts that are joined at blanks add up."""

    size: Callable[[str], int]
    most: int

    def holds(self, text: str) -> bool:
        return self.size(text) <= self.most

    def without(self, text: str) -> Room:
        return Room(self.size, self.most - self.size(text))


def split_block(block: Block, room: Room) -> list[str]:
    """The block's text in pieces that fit: code between lines with its fence repeated, tables between rows with their
    header repeated, prose between sentences, and what is left between words and characters."""
    if room.holds(block.text):
        return [block.text]
    match block.kind:
        case Kind.CODE:
            return _split_code(block.text, room)
        case Kind.TABLE:
            return _split_table(block.text, room)
    return _split_text(block.text, room)


def _split_code(text: str, room: Room) -> list[str]:
    fence = _FENCE.fullmatch(text)
    if fence is None:
        return _split_text(text, room)
    marks, language, code = fence.groups()
    left = room.without(f"{marks}{language}\n{marks}")
    lines = (piece for line in code.split("\n") for piece in _whole_or_words(line, left))
    bodies = (body.strip("\n") for body in _pack(lines, left, "\n"))
    return [f"{marks}{language}\n{body}\n{marks}" for body in bodies if body]


def _split_table(text: str, room: Room) -> list[str]:
    header, rule, *rows = text.split("\n")
    left = room.without(f"{header}\n{rule}")
    if not rows or left.most < room.most // 4:  # a header that leaves no room for rows: no table any more
        return _split_text(text, room)
    pieces = (piece for row in rows for piece in ([row] if left.holds(row) else _split_text(row, left)))
    return [f"{header}\n{rule}\n{body}" for body in _pack(pieces, left, "\n")]


def _split_text(text: str, room: Room) -> list[str]:
    sentences = (piece for match in _SENTENCE.finditer(text) for piece in _whole_or_words(match.group(), room))
    return [piece.strip() for piece in _pack(sentences, room, "") if piece.strip()]


def _pack(pieces: Iterable[str], room: Room, glue: str) -> Iterator[str]:
    """As many neighbours to a text as fit."""
    held: list[str] = []
    taken = 0
    for piece in pieces:
        size = room.size(piece)
        if held and taken + size > room.most:
            yield glue.join(held)
            held, taken = [], 0
        held.append(piece)
        taken += size
    if held:
        yield glue.join(held)


def _whole_or_words(text: str, room: Room) -> Iterator[str]:
    """The text if it fits, else its words with the blanks around them, packed until they are full."""
    if room.holds(text):
        yield text
        return
    held = ""
    for word in _WORD.findall(text):
        for piece in _slices(word, room):
            if held and not room.holds(held + piece):
                yield held
                held = ""
            held += piece
    if held:
        yield held


def _slices(word: str, room: Room) -> Iterator[str]:
    """A word that is as long as a paragraph, data for example, in pieces that fit."""
    length = _LONGEST_WORD
    while length > 1 and not all(room.holds(word[at : at + length]) for at in range(0, len(word), length)):
        length //= 2
    yield from (word[at : at + length] for at in range(0, len(word), length))
