"""What tells the model's material from its instructions, and shows when its instructions leave in an answer."""

from __future__ import annotations

import codecs
import secrets
from base64 import b32encode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage

PART = 8  # letters and digits of the canary, or of a disguise, that give it away
HELD = 200  # characters; what has more than that between its letters may pass, and is seen all the same


def _fresh() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True)
class TurnGuard:
    """Made for one turn, so that no page can have been written with it. `canary` stands in the instructions alone."""

    fence: str = field(default_factory=_fresh)
    canary: str = field(default_factory=_fresh)

    def around(self, text: str, name: str, details: str = "") -> str:
        """The text between tags that it cannot close itself."""
        return fenced(text, self.fence, name, details)

    def around_each(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Earlier answers may repeat what a page told an earlier turn."""
        return [message.model_copy(update={"content": self.around(message.text, "earlier")}) for message in messages]


def fenced(text: str, fence: str, name: str, details: str = "") -> str:
    """`details` are attributes, with a blank before them."""
    return f'<{name}{details} fence="{fence}">\n{text}\n</{name} {fence}>'


class CanaryWatch:
    """Passes text on until half of the canary is in it, plain or in the disguises that models can be talked into.

    Only letters and digits count: what stands between them is no disguise. From the third on, what may be the beginning
    of a part is held back.
    """

    def __init__(self, canary: str) -> None:
        forms = _disguises(canary) if canary else []
        self._parts = {form[at : at + PART] for form in forms for at in range(len(form) - PART + 1)}
        self._beginnings = {part[:length] for part in self._parts for length in range(3, PART)}
        self._held = ""
        self._seen = ""  # the last letters, whether they are held or have passed
        self.found = False

    def feed(self, text: str) -> str:
        """What may go on. Nothing does any more once `found` is set."""
        if self.found or not self._parts:
            return "" if self.found else text
        self._held += text
        seen = self._seen + _letters(text)
        if any(seen[at : at + PART] in self._parts for at in range(len(seen) - PART + 1)):
            self.found, self._held = True, ""
            return ""
        self._seen = seen[1 - PART :]
        begun = next((n for n in range(len(self._seen), 2, -1) if self._seen[-n:] in self._beginnings), 0)
        begun = begun if len(self._held) <= HELD else 0
        passed = self._held[: _place_of_last(begun, self._held)]
        self._held = self._held[len(passed) :]
        return passed

    def close(self) -> str:
        held, self._held = self._held, ""
        return held


def _disguises(canary: str) -> list[str]:
    """As it is, backwards, turned by 13 letters, in hexadecimal, by its characters' numbers, in base32 and base64."""
    octets = canary.encode()
    numbers = "".join(map(str, octets))
    plain = [canary, canary[::-1], codecs.encode(canary, "rot13"), octets.hex(), numbers]
    # The first and last characters of base64 and base32 depend on what is around.
    coded = [b64encode(b"\0" * shift + octets).decode()[4 if shift else 0 : -4] for shift in range(3)]
    coded += [b32encode(b"\0" * shift + octets).decode()[8 if shift else 0 : -8] for shift in range(5)]
    return [_letters(form) for form in (*plain, *coded)]


def _letters(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


def _place_of_last(count: int, text: str) -> int:
    """Where the last `count` letters and digits of the text begin; 0 if it has fewer."""
    places = [place for place, each in enumerate(text) if each.isalnum()] if count else [len(text)]
    return places[-count] if count <= len(places) else 0
