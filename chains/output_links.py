"""Pure: which addresses an answer may link to, and where links and addresses are in its Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chains.hosts import split_url

LINK_LIMIT = 800  # characters in which a link, an image or a tag ends; else its first bracket is text
REMOVED = "(link removed)"

# Literally so and nothing else: what a browser or a Markdown parser would read in another way (user names, backslashes,
# entities, a dot that is escaped) does not match, and what does not match is foreign.
_ADDRESS = re.compile(r"(?i:(?:https?://|(?=www\.))([a-z0-9.-]+)(?::\d{1,5})?)(?:[/?#][^\s\\<>]*)?")
_OWN_PATH = re.compile(r"(?:/(?![/\\])|#)[^\s\\<>&]*")
_TARGET = re.compile(r"""\(\s*(?:<([^<>\n]*)>|([^\s<>]*))(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)""")
_LOOPBACK = frozenset({"localhost", "127.0.0.1"})

BARE = re.compile(r"(?i:https?://|ftp://|www\.)[^\s<>`\"]*")
BARE_STARTS = ("https://", "http://", "ftp://", "www.")
_AFTER_ADDRESS = ".,:;!?*_~'\")]}|"


class Links:
    """Links may go to the hosts of the sources, and on their site if the sources have no host themselves."""

    def __init__(self, urls: Iterable[str]) -> None:
        parts = [part for url in urls if "\\" not in url and (part := split_url(url))]
        self._hosts = {part.hostname for part in parts if part.hostname}
        self._own_paths = any(not part.netloc and part.path.startswith("/") for part in parts)

    def admits_bare(self, address: str) -> bool:
        """One that the reader sees. `http://localhost:3000` may be among them: it leads to the reader's own machine."""
        found = _ADDRESS.fullmatch(address)
        return found is not None and found[1].lower() in self._hosts | _LOOPBACK

    def admits(self, address: str) -> bool:
        if found := _ADDRESS.fullmatch(address):
            return found[1].lower() in self._hosts
        return self._own_paths and _OWN_PATH.fullmatch(address) is not None

    def admits_target(self, target: str) -> bool:
        """`(address)` or `(address "title")`, as it follows a link's text."""
        found = _TARGET.fullmatch(target)
        return found is not None and self.admits(found[1] if found[1] is not None else found[2])


def bare_address(text: str) -> tuple[str, bool]:
    """The address that the text begins with, without the punctuation after it; whether more could follow."""
    found = BARE.match(text, 0, LINK_LIMIT)
    assert found is not None
    return found.group().rstrip(_AFTER_ADDRESS), found.end() == len(text) < LINK_LIMIT


def begun_address(text: str) -> int:
    """How many characters at the end of the text may become an address."""
    for length in range(min(len(text), 7), 0, -1):
        if any(start.startswith(text[-length:].lower()) for start in BARE_STARTS):
            return length
    return 0


def closing(text: str, start: int, pair: str) -> int | None:
    """Where what opens at `start` is closed on the same line; -1: not in this text yet; None: it never will be.

    Escaped characters and code spans are passed over; `pair` is "[]" or "()".
    """
    depth, at = 0, start
    while at < len(text):
        character = text[at]
        if character == "\n" or at - start > LINK_LIMIT:
            return None
        if character == "\\":
            at += 1
        elif character == "`":
            end = _span_end(text, at)
            if end == -1:
                return None if "\n" in text[at:] else -1
            at = end
        elif character in pair:
            depth += 1 if character == pair[0] else -1
            if depth == 0:
                return at
        at += 1
    return -1


def _span_end(text: str, start: int) -> int:
    run = re.compile("`+").match(text, start)
    assert run is not None
    found = re.compile(rf"(?<!`){run.group()}(?!`)").search(text, run.end())
    return -1 if found is None or "\n" in text[start : found.start()] else found.end() - 1
