"""A page as the index sees it: sections under headings, each a sequence of blocks of clean Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    TEXT = "text"
    ITEM = "item"
    CODE = "code"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, fence or table. `text` is Markdown without links, emphasis, HTML and JSX."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """`anchor` is empty for a first-level heading and for raw HTML without an id: Docusaurus gives those none."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, up to the next. `path` is the page's title, the headings above and its own.

    `anchor` is the nearest one at or above the heading; "" is the page's top. One that is `apart` shares no chunk with
    others: on a PDF's sheet nothing leads to what stands on the next one.
    """

    path: tuple[str, ...]
    level: int
    anchor: str
    blocks: tuple[Block, ...]
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a site. `path` is the file's, relative to the docs folder, with forward slashes.

    Files of other versions and languages lie beside that folder: `../versioned_docs/version-1.0/a.md`. A page that was
    read from the web has its address as its path. `breadcrumb` are the labels of the folders above it; `url` is
    root-relative when the site's is not known; `language` is a BCP 47 tag.
    """

    path: str
    url: str
    title: str
    breadcrumb: tuple[str, ...]
    sections: tuple[Section, ...]
    version: str = "current"
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Unread:
    """A page before it is read: `path` is the page's, `read` gives None for what turns out to be none.

    The same `stamp` twice means the same page, so that it need not be read again; "" promises nothing.
    """

    path: str
    stamp: str
    read: Callable[[], Page | None]


def sections(title: str, events: list[Block | Heading]) -> tuple[Section, ...]:
    """Group blocks under their headings. A first-level heading that repeats the title adds nothing to the path."""
    found: list[Section] = []
    above: list[Heading] = []
    blocks: list[Block] = []
    current = Heading(0, "", "")

    def close() -> None:
        if blocks or current.level:
            path = (title, *(heading.text for heading in above if heading.text))
            found.append(Section(path, current.level, current.anchor, tuple(blocks)))
            blocks.clear()

    for event in events:
        if isinstance(event, Block):
            blocks.append(event)
            continue
        close()
        current = event if event.anchor else replace(event, anchor=current.anchor)
        above = [heading for heading in above if heading.level < event.level]
        if event.level > 1 or event.text != title:
            above.append(event)
    close()
    return tuple(found)
