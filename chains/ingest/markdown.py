"""Markdown and MDX to headings and blocks of clean text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from chains.ingest import inline
from chains.ingest.dialect import Dialect, Format
from chains.ingest.jsx import Tag, literal, scan_tag, tab_labels
from chains.ingest.mdx import parser
from chains.ingest.page import Block, Heading, Kind
from chains.ingest.slugs import Slugger

_IMPORT = re.compile(r"import\s+([A-Za-z_$][\w$]*)\s*(?:,\s*\{[^}]*\}\s*)?from\s*(?:'([^'\n]+)'|\"([^\"\n]+)\")")
_MARKDOWN_FILE = re.compile(r"\.mdx?$")
_ALERT = re.compile(r"\[!(\w+)\]\s*")
_MDX_CODE_BLOCK = re.compile(r"^ *(`{3,4}) *mdx-code-block\n(.*?)\n *\1 *$", re.DOTALL | re.MULTILINE)
_RAW_HEADING = re.compile(r"<h([1-6])\b[^>]*>.*?</h\1\s*>", re.DOTALL)
_HIDDEN = frozenset(("script", "style", "svg", "head", "Head"))
_CODE_TAGS = frozenset(("CodeBlock", "pre", "code"))

Event = Block | Heading


def read_markdown(text: str, format: Format, dialect: Dialect, partial: Callable[[str], list[Event]]) -> list[Event]:
    """The headings and blocks of a file's body, in order.

    `partial` is called with the path of an imported Markdown file, as it is written, where the page shows it.
    """
    return _Reader(dialect, partial).read(_parser(format), text)


_parser = cache(parser)


class _Reader:
    def __init__(self, dialect: Dialect, partial: Callable[[str], list[Event]]) -> None:
        self.dialect = dialect
        self.partial = partial
        self.slugger = Slugger(keep_case=dialect.keep_case)
        self.events: list[Event] = []
        self.imports: dict[str, str] = {}
        self.tabs: list[dict[str, str]] = []
        self.open_code: list[Tag] = []
        self.hidden: list[str] = []
        self.lists: list[int | None] = []
        self.marker = ""
        self.quotes = 0
        self.prefix = ""
        self.table: list[list[str]] = []

    def read(self, markdown: MarkdownIt, text: str) -> list[Event]:
        tokens = markdown.parse(_MDX_CODE_BLOCK.sub(r"\2", text))
        for index, token in enumerate(tokens):
            step = getattr(self, f"_{token.type}", None)
            if token.type == "inline":
                self._text_of(token, tokens[index - 1])
            elif step is not None:
                step(token)
        return self.events

    def _add(self, kind: Kind, text: str) -> None:
        if not text or self.hidden:
            return
        if kind is Kind.TEXT:
            text, self.prefix = self.prefix + text, ""
        if kind is Kind.TEXT and self.marker:
            text, kind, self.marker = f"{'  ' * (len(self.lists) - 1)}{self.marker}{text}", Kind.ITEM, ""
        self.events.append(Block(kind, text))

    def _text_of(self, token: Token, opening: Token) -> None:
        match opening.type:
            case "heading_open":
                self._heading(token, int(opening.tag[1]))
            case "th_open" | "td_open":
                self.table[-1].append(inline.shown(token.children).replace("\n", " ").replace("|", "\\|"))
            case _:
                self._paragraph(token)

    def _heading(self, token: Token, level: int) -> None:
        text, source, explicit = inline.heading(token.children or [], self.dialect.html_comment_ids)
        anchor = self.slugger.slug(source) if explicit is None else explicit
        self._add_heading(level, text, "" if level == 1 else anchor)

    def _add_heading(self, level: int, text: str, anchor: str) -> None:
        self.prefix = ""
        if text and not self.hidden:
            self.events.append(Heading(level, text, anchor))

    def _paragraph(self, token: Token) -> None:
        raw = inline.raw_heading(token.children or [])
        if raw is not None:
            return self._add_heading(int(raw[0].name[1]), raw[1], raw[0].text_of("id"))
        text = inline.shown(token.children)
        alert = _ALERT.match(text) if self.quotes else None
        if alert is not None:
            self.prefix, text = f"{alert.group(1).capitalize()}: ", text[alert.end() :]
        self._partials(token)
        return self._add(Kind.TEXT, text)

    def _partials(self, token: Token) -> None:
        for child in token.children or ():
            if child.type == "tag" and not child.meta["tag"].closing:
                self._show_partial(child.meta["tag"])

    def _show_partial(self, tag: Tag) -> bool:
        path = self.imports.get(tag.name)
        if path is not None and not self.hidden:
            self.events.extend(self.partial(path))
        return path is not None

    def _admonition_open(self, token: Token) -> None:
        self.prefix = f"{token.info.capitalize()}: "

    def _fence(self, token: Token) -> None:
        marks = token.markup if len(token.markup) >= 3 else "```"
        self._add(Kind.CODE, f"{marks}{token.info.strip()}\n{token.content.rstrip()}\n{marks}")

    def _code_block(self, token: Token) -> None:
        self._add(Kind.CODE, inline.fenced("", token.content.strip("\n")))

    def _maths_block(self, token: Token) -> None:
        self._add(Kind.TEXT, inline.tidy(token.content))

    def _html_block(self, token: Token) -> None:
        position = 0
        for heading in _RAW_HEADING.finditer(token.content):
            self._add(Kind.TEXT, inline.html_text(token.content[position : heading.start()]))
            tag = scan_tag(heading.group(), 0)
            anchor = tag.text_of("id") if tag else ""
            self._add_heading(int(heading.group(1)), inline.html_text(heading.group()), anchor)
            position = heading.end()
        self._add(Kind.TEXT, inline.html_text(token.content[position:]))

    def _esm(self, token: Token) -> None:
        for name, *paths in _IMPORT.findall(token.content):
            path = literal(f"'{paths[0] or paths[1]}'") or ""
            if _MARKDOWN_FILE.search(path):
                self.imports[name] = path

    def _bullet_list_open(self, token: Token) -> None:
        self.lists.append(None)

    def _ordered_list_open(self, token: Token) -> None:
        self.lists.append(int(token.attrs.get("start", 1)))

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
        rows = ["| " + " | ".join(row) + " |" for row in self.table]
        rule = "|" + "-|" * len(self.table[0])  # one dash each: every further one would be a word piece
        self._add(Kind.TABLE, "\n".join([rows[0], rule, *rows[1:]]))

    def _mdx(self, token: Token) -> None:
        for part in token.meta["parts"]:
            if isinstance(part, Tag):
                self._tag(part)
            else:
                self._expression(part)

    def _expression(self, source: str) -> None:
        text = literal(source) or ""
        if text.strip() and self.open_code:
            language, title = (self.open_code[-1].text_of(name) for name in ("language", "title"))
            self._add(Kind.CODE, inline.fenced(f'{language} title="{title}"' if title else language, text.strip("\n")))
        else:
            self._add(Kind.TEXT, inline.quote_tags(inline.tidy(text)))

    def _tag(self, tag: Tag) -> None:
        if tag.closing:
            return self._closing(tag)
        if self._show_partial(tag) or self.hidden:
            return None
        if tag.name == "TabItem":
            label = self.tabs[-1].get(tag.text_of("value"), "") if self.tabs else ""
            self._add(Kind.TEXT, (tag.text_of("label") or label or tag.text_of("value")).removesuffix(":") + ":")
        elif tag.name not in _CODE_TAGS:
            self._add(Kind.TEXT, inline.tidy(inline.tag_text(tag)))
        return None if tag.self_closing else self._opening(tag)

    def _opening(self, tag: Tag) -> None:
        if tag.name == "Tabs":
            self.tabs.append(tab_labels(tag.expressions.get("values", "")))
        elif tag.name in _CODE_TAGS:
            self.open_code.append(tag)
        elif tag.name in _HIDDEN:
            self.hidden.append(tag.name)

    def _closing(self, tag: Tag) -> None:
        if tag.name == "Tabs" and self.tabs:
            self.tabs.pop()
        elif self.open_code and self.open_code[-1].name == tag.name:
            self.open_code.pop()
        elif self.hidden and self.hidden[-1] == tag.name:
            self.hidden.pop()
