"""What a question set calls right, an address or words, against what a chunk is and says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

_ADDRESS = re.compile(r"(?:https?://|/)\S*|\S*#\S+|\S+/\S*|\S+\.mdx?")
_SOURCE = re.compile(r"\.mdx?$")
_BUILT = re.compile(r"(?:^|/)index(?:\.html)?$|\.html$")  # what a host of static files may show of a page's name
_MARKS = re.compile(r"\s?\[\d+(?:, ?\d+)*\]|[`*|\u00ad\u200b]")
_TYPESET = str.maketrans("‘’‚“”„–—\u2011", "'''\"\"\"---")


def is_address(gold: str) -> bool:
    return bool(_ADDRESS.fullmatch(gold))


def points_to(gold: str, facts: Mapping[str, Any]) -> bool:
    """Hosts aside, and what a site is served under; with an anchor only the chunk that has its section. A gold that
    ends in .md is the file. Spelling does not matter: a last slash, .html, percent signs, the case of an anchor."""
    page, anchor = _parts(gold)
    own, at = _parts(str(facts.get("url", "")))
    if _SOURCE.search(page):
        own, page = str(facts.get("page", "")).strip("/"), page.removeprefix("docs/")
    begun = {at, *(unquote(str(each)).casefold() for each in facts.get("anchors") or ())}
    is_page = own == page or (bool(page) and own.endswith(f"/{page}"))
    return is_page and (not anchor or anchor in begun)


def holds(text: str, answers: Sequence[str], *, exactly: bool = False) -> bool:
    """White space, Markdown's marks, citation markers and typeset quotes aside; else in whatever case."""
    held = _plain(text) if exactly else _plain(text).casefold()
    wanted = [_plain(answer) or answer for answer in answers]  # of [1] or * nothing would be left
    return any((each if exactly else each.casefold()) in held for each in wanted if each.strip())


def _parts(url: str) -> tuple[str, str]:
    """Its path, spelled one way, and its anchor. What cannot be read as a URL is a path."""
    try:
        parts = urlsplit(url)
        path, anchor = parts.path, parts.fragment
    except ValueError:
        path, _, anchor = url.partition("#")
    return _BUILT.sub("", unquote(path).strip("/")).strip("/"), unquote(anchor).casefold()


def _plain(text: str) -> str:
    typed = unicodedata.normalize("NFC", text).translate(_TYPESET)
    return " ".join(_MARKS.sub("", typed).split())
