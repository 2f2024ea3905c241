"""HTML to headings and blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from chains.ingest.inline import fenced, html_text
from chains.ingest.jsx import scan_tag
from chains.ingest.page import Block, Heading, Kind

_APART = re.compile(r"<h([1-6])\b[^>]*>.*?</h\1\s*>|<pre\b[^>]*>(.*?)</pre\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def read_html(html: str) -> Iterator[Block | Heading]:
    """Headings, code in `<pre>`, and the text between them."""
    position = 0
    for match in _APART.finditer(html):
        yield from _text(html[position : match.start()])
        yield from _code(match.group(2)) if match.group(1) is None else _heading(match)
        position = match.end()
    yield from _text(html[position:])


def _heading(match: re.Match[str]) -> Iterator[Heading]:
    tag = scan_tag(match.group(), 0)
    text = html_text(match.group())
    if text:
        yield Heading(int(match.group(1)), text, tag.text_of("id") if tag else "")


def _code(html: str) -> Iterator[Block]:
    code = unescape(_TAG.sub("", html)).strip("\n")
    if code.strip():
        yield Block(Kind.CODE, fenced("", code))


def _text(html: str) -> Iterator[Block]:
    text = html_text(html)
    if text:
        yield Block(Kind.TEXT, text)
