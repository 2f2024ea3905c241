"""Markdown and MDX to headings and blocks of clean text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from chains.ingest import inline
from chains.ingest.components import Components
from chains.ingest.dialect import Dialect, Format
from chains.ingest.fences import clean_fence, named, pipe_table
from chains.ingest.html_events import read_html
from chains.ingest.jsx import Tag
from chains.ingest.mdx import parser, unwrapped
from chains.ingest.mermaid import diagram_text
from chains.ingest.page import Block, Heading, Kind
from chains.ingest.slugs import Slugger

_ALERT = re.compile(r"\[!(\w+)\]\s*")
_HIDDEN = frozenset(("script", "style", "svg", "head", "Head"))
_CODE_TAGS = frozenset(("CodeBlock", "pre", "code"))
_parser = cache(parser)

Event = Block | Heading

# The events of a Markdown file that is used as a component, with the properties that it is given.
ReadPartial = Callable[[Path, dict[str, Any]], list[Event]]


def read_markdown(
    text: str, format: Format, dialect: Dialect, components: Components, partial: ReadPartial
) -> list[Event]:
    """The headings and blocks of a file's body, in order; `partial` is called where the page shows another file."""
    return _Reader(dialect, components, partial).read(_parser(format), text)


class _Reader:
    def __init__(self, dialect: Dialect, components: Components, partial: ReadPartial) -> None:
        self.dialect = dialect
        self.components = components
        self.partial = partial
        self.slugger = Slugger(keep_case=dialect.keep_case)
        self.events: list[Event] = []
        self.open_components: list[tuple[str, str, list[str]]] = []
        self.open_code: list[Tag] = []
        self.open_heading: Tag | None = None
        self.hidden: list[str] = []
        self.lists: list[int | None] = []
        self.marker = self.prefix = ""
        self.quotes = 0
        self.table: list[list[str]] = []

    def read(self, markdown: MarkdownIt, text: str) -> list[Event]:
        tokens = markdown.parse(unwrapped(text))
        for index, token in enumerate(tokens):
            if token.type == "inline":
                self._text_of(token, tokens[index - 1])
            elif step := getattr(self, f"_{token.type}", None):
                step(token)
        return self.events

    def _add(self, kind: Kind, text: str) -> None:
        if not text or self.hidden:
            return
        if kind is Kind.TEXT:
            text, self.prefix = self.prefix + text, ""
        self._add_prefix()
        if kind is Kind.TEXT and self.marker:
            text, kind, self.marker = f"{'  ' * (len(self.lists) - 1)}{self.marker}{text}", Kind.ITEM, ""
        self.events.append(Block(kind, text))

    def _text_of(self, token: Token, opening: Token) -> None:
        for partial in self.components.resolve(token.children or []):
            self._show(partial)
        match opening.type:
            case "heading_open":
                self._heading(token, int(opening.tag[1]))
            case "th_open" | "td_open":
                self.table[-1].append(inline.shown(token.children).replace("\n", " ").replace("|", "\\|"))
            case _:
                self._paragraph(token)
        self._add(Kind.TEXT, inline.quote_tags("\n".join(self.components.left_over)))

    def _heading(self, token: Token, level: int) -> None:
        text, source, explicit = inline.heading(token.children or [], self.dialect.html_comment_ids)
        anchor = self.slugger.slug(source) if explicit is None else explicit
        self._add_heading(level, text, "" if level == 1 else anchor)

    def _add_heading(self, level: int, text: str, anchor: str) -> None:
        self._add_prefix()
        if text and not self.hidden:
            self.events.append(Heading(level, text, anchor))

    def _name_admonition(self, kind: str) -> None:
        self._add_prefix()
        self.prefix = f"{kind.capitalize()}: "

    def _add_prefix(self) -> None:
        """What an admonition is called that begins with no text, but a heading or code."""
        prefix, self.prefix = self.prefix.strip(), ""
        if prefix and not self.hidden:
            self.events.append(Block(Kind.TEXT, prefix))

    def _paragraph(self, token: Token) -> None:
        opened, self.open_heading = self.open_heading, None
        for tag, tokens in inline.split_at_headings(token.children or []):
            if heading := tag or opened:
                level, anchor = inline.heading_level(heading), self.components.value_text(heading, "id")
                self._add_heading(level, inline.plain(tokens), anchor)
            else:
                self._line(inline.shown(tokens))

    def _line(self, text: str) -> None:
        if self.quotes and (alert := _ALERT.match(text)):
            self.prefix, text = f"{alert.group(1).capitalize()}: ", text[alert.end() :]
        self._add(Kind.TEXT, text)

    def _show(self, html: str) -> None:
        for part in self.components.renderer.parts(html):
            if isinstance(part, str):
                for event in read_html(part):
                    if isinstance(event, Heading):
                        self._add_heading(event.level, event.text, event.anchor)
                    else:
                        self._add(event.kind, event.text)
            elif not self.hidden:
                self.events.extend(self.partial(part[0].file, part[1]))

    def _admonition_open(self, token: Token) -> None:
        self._name_admonition(token.info)

    def _fence(self, token: Token) -> None:
        if token.info.split()[:1] == ["mermaid"]:
            return self._add(Kind.TEXT, diagram_text(token.content))
        return self._add(Kind.CODE, clean_fence(token.markup, token.info, token.content, self.dialect.magic))

    def _code_block(self, token: Token) -> None:
        self._add(Kind.CODE, inline.fenced("", token.content.strip("\n")))

    def _maths_block(self, token: Token) -> None:
        self._add(Kind.TEXT, inline.tidy(token.content))

    def _html_block(self, token: Token) -> None:
        self._show(token.content)

    def _esm(self, token: Token) -> None:
        self.components.declare(token.content)

    def _bullet_list_open(self, token: Token) -> None:
        self.lists.append(int(token.attrs.get("start", 1)) if token.tag == "ol" else None)

    _ordered_list_open = _bullet_list_open

    def _bullet_list_close(self, token: Token) -> None:
        self.lists.pop()

    _ordered_list_close = _bullet_list_close

    def _list_item_open(self, token: Token) -> None:
        number = self.lists[-1]
        self.marker = "- " if number is None else f"{number}. "
        if number is not None:
            self.lists[-1] = number + 1

    def _list_item_close(self, token: Token) -> None:
        self.marker = ""

    def _blockquote_open(self, token: Token) -> None:
        self.quotes += 1

    def _blockquote_close(self, token: Token) -> None:
        self.quotes -= 1

    def _table_open(self, token: Token) -> None:
        self.table = []

    def _tr_open(self, token: Token) -> None:
        self.table.append([])

    def _table_close(self, token: Token) -> None:
        self._add(Kind.TABLE, pipe_table(self.table))

    def _mdx(self, token: Token) -> None:
        for part in token.meta["parts"]:
            if isinstance(part, Tag):
                self._tag(part)
            else:
                self._expression(part)

    def _expression(self, source: str) -> None:
        html = self.components.expression(source)
        if html.strip() and self.open_code:
            info = (self.components.value_text(self.open_code[-1], name) for name in ("language", "title"))
            self._add(Kind.CODE, inline.fenced(named(*info), unescape(html).strip("\n")))
        else:
            self._show(html)

    def _tag(self, tag: Tag) -> None:
        if tag.closing:
            return self._closing(tag)
        if self.hidden:
            return None
        around = self.components.around(tag)
        if around is not None:
            return self._component(tag, around)
        if tag.name == "Admonition":
            self._admonition(tag)
        elif tag.name not in _CODE_TAGS:
            self._add(Kind.TEXT, inline.tidy(self.components.text_of_tag(tag)))
        return None if tag.self_closing else self._opening(tag)

    def _component(self, tag: Tag, around: tuple[str, str, list[str]]) -> None:
        before, after, left_over = around
        self._show(before)
        self.open_components.append((tag.name, after, left_over))
        if tag.self_closing:
            self._close_component()

    def _close_component(self) -> None:
        _, after, left_over = self.open_components.pop()
        self._show(after)
        self._add(Kind.TEXT, inline.quote_tags("\n".join(left_over)))

    def _admonition(self, tag: Tag) -> None:
        self._name_admonition(self.components.value_text(tag, "type") or "note")
        self._add(Kind.TEXT, self.components.value_text(tag, "title"))

    def _opening(self, tag: Tag) -> None:
        if tag.name in _CODE_TAGS:
            self.open_code.append(tag)
        elif tag.name in _HIDDEN:
            self.hidden.append(tag.name)
        elif inline.heading_level(tag):
            self.open_heading = tag

    def _closing(self, tag: Tag) -> None:
        if self.open_components and self.open_components[-1][0] == tag.name:
            self._close_component()
        elif self.open_code and self.open_code[-1].name == tag.name:
            self.open_code.pop()
        elif self.hidden and self.hidden[-1] == tag.name:
            self.hidden.pop()
        self.open_heading = None
