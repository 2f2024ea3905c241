"""A page to chunks along its headings.

Small neighbours are merged to about 1,000 characters: on two books of 111 pages that kept the answer within the first
400 words for 91 % of the questions, windows of 1,000 characters for 77 %. Nothing goes past 256 word pieces: the local
model reads no more. No overlap: neighbours are fetched when an answer is written.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest
from uuid import UUID, uuid5

from chains.ingest.page import Block, Kind, Page, Section
from chains.ingest.splitting import Room, split_block
from chains.providers import CountWordPieces, PinnedEmbeddings

# Part of a collection's fingerprint and of every page's hash: raise it whenever the same page would be cut otherwise.
CHUNKER = "sections-1000-256-v3"

GOOD_LENGTH = 1_000
MOST_WORD_PIECES = 256
MOST_PATH_PIECES = 96  # what a path may take, so that at least 160 are left for the text
MOST_CHARACTERS_PER_PIECE = 16  # a word of 100 characters and more is one word piece: pasted data counts as more

Count = Callable[[str], int]

_NAMESPACE = UUID("7c1d3c5e-4c0a-5b8e-9f5b-2f1f6d0c7a11")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a page. `text` is what is shown; what is embedded has the path and a blank line before it. `anchors`
    are those of all sections that it has a part of."""

    page: Page
    ordinal: int
    heading: str
    anchor: str
    text: str
    anchors: tuple[str, ...]

    @property
    def content(self) -> str:
        return f"{self.heading}\n\n{self.text}"

    @property
    def url(self) -> str:
        return f"{self.page.url}#{self.anchor}" if self.anchor else self.page.url


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block that fits, with the section it is from. `starts` are the lines of the headings that it is first under,
    `begun` their anchors."""

    section: Section
    heading: str
    kind: Kind
    text: str
    size: int
    starts: str
    begun: tuple[str, ...]


def cut(page: Page, count: CountWordPieces) -> list[Chunk]:
    """The page's chunks in reading order; the same page gives the same chunks everywhere."""
    known = functools.cache(count)  # headings and their lines come again and again
    groups = _groups(_pieces(page, known), known)
    return [
        Chunk(page, ordinal, group[0].heading, group[0].section.anchor, _joined(group), _anchors(group))
        for ordinal, group in enumerate(groups)
    ]


def chunker_of(embeddings: PinnedEmbeddings) -> str:
    """What a fingerprint calls the chunker: texts that were cut by an estimate are other texts."""
    return CHUNKER if embeddings.reads_word_pieces else f"{CHUNKER}-estimated"


def point_id(chunk: Chunk) -> str:
    """A UUID that a chunk keeps while its page, its place in it and its content stay the same."""
    return str(uuid5(_NAMESPACE, f"{chunk.page.path}|{chunk.ordinal}|{chunk.content}"))


def hash_page(chunks: list[Chunk], facts: dict[str, str]) -> str:
    """64 hexadecimal digits over everything that decides the page's points: texts, paths, addresses, and `facts`."""
    parts = [[chunk.content, chunk.url, chunk.anchors, chunk.page.title, chunk.page.breadcrumb] for chunk in chunks]
    return hashlib.sha256(json.dumps([CHUNKER, facts, parts], sort_keys=True).encode()).hexdigest()


def _pieces(page: Page, count: Count) -> Iterator[_Piece]:
    """Every block, cut where it must be. The lines of headings without text go with the first text below them."""

    def size(text: str) -> int:
        return max(count(text) - 2, len(text) // MOST_CHARACTERS_PER_PIECE)

    lines: list[tuple[str, str]] = []
    for section, following in zip_longest(page.sections, page.sections[1:]):
        heading = _heading(section, count)
        room = Room(size, MOST_WORD_PIECES - count(heading))
        lines += [(f"{'#' * section.level} {section.path[-1]}", section.anchor)] if len(section.path) > 1 else []
        texts = ((block.kind, text) for block in _blocks(section, following) for text in split_block(block, room))
        for kind, text in texts:
            starts = "\n\n".join(line for line, _ in lines)
            yield _Piece(section, heading, kind, text, size(text), starts, tuple(anchor for _, anchor in lines))
            lines.clear()


def _blocks(section: Section, following: Section | None) -> tuple[Block, ...]:
    """The section's blocks. A heading alone shows in the paths of those below it; without any it is a text itself."""
    if section.blocks or (following and following.path[: len(section.path)] == section.path):
        return section.blocks
    return (Block(Kind.TEXT, section.path[-1]),)


def _groups(pieces: Iterator[_Piece], count: Count) -> Iterator[list[_Piece]]:
    """Whole sections side by side while they fit; a section that fits nowhere whole begins a chunk and is cut."""
    group: list[_Piece] = []
    for _, section in groupby(pieces, key=lambda piece: id(piece.section)):
        whole = list(section)
        if group and (whole[0].section.apart or not _fit([*group, *whole], count)):
            yield group
            group = []
        for piece in whole:
            if group and not _fit([*group, piece], count):
                yield group
                group = []
            group.append(piece)
    if group:
        yield group


def _fit(group: list[_Piece], count: Count) -> bool:
    """The first piece's heading line stands in the path, the others' in the text."""
    first, *rest = group
    length = len(first.text) + sum(len(piece.starts) + len(piece.text) + 4 for piece in rest)
    if length > GOOD_LENGTH:
        return False
    size = first.size + sum(piece.size + (count(piece.starts) - 2 if piece.starts else 0) for piece in rest)
    return count(first.heading) + size <= MOST_WORD_PIECES


def _joined(group: list[_Piece]) -> str:
    """The texts; the headings that begin within the group stand as lines, the first one is in the path already."""
    lines: list[str] = []
    for index, piece in enumerate(group):
        if index:
            together = piece.kind is group[index - 1].kind is Kind.ITEM and not piece.starts
            lines.append("\n" if together else "\n\n")
        if index and piece.starts:
            lines.append(f"{piece.starts}\n\n")
        lines.append(piece.text)
    return "".join(lines).strip()


def _anchors(group: list[_Piece]) -> tuple[str, ...]:
    found = [anchor for piece in group for anchor in (*piece.begun, piece.section.anchor)]
    return tuple(dict.fromkeys(filter(None, found)))


def _heading(section: Section, count: Count) -> str:
    """`Title > H2 > H3`. One that would crowd out the text loses the headings between first and last, then its end."""
    for path in (section.path, (section.path[0], section.path[-1]), section.path[:1]):
        heading = " > ".join(dict.fromkeys(path))
        if count(heading) <= MOST_PATH_PIECES:
            return heading
    words = section.path[0].split()
    while len(words) > 1 and count(" ".join(words)) > MOST_PATH_PIECES:
        words = words[: len(words) // 2]
    return " ".join(words)[:MOST_PATH_PIECES]
