"""What tells the model's material from its instructions, and shows when its instructions leave in an answer."""

from __future__ import annotations

import codecs
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage


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
    """Passes text on until the canary is in it, plain or in the disguises that models can be talked into.

    As much is held back as may be the beginning of one.
    """

    def __init__(self, canary: str) -> None:
        self._forms = _disguises(canary) if canary else []
        self._held = ""
        self.found = False

    def feed(self, text: str) -> str:
        """What may go on. Nothing does any more once `found` is set."""
        if self.found or not self._forms:
            return "" if self.found else text
        self._held += text
        folded = self._held.casefold()
        if any(form in folded for form in self._forms):
            self.found, self._held = True, ""
            return ""
        keep = max(_overlap(folded, form) for form in self._forms)
        passed = self._held[: len(self._held) - keep]
        self._held = self._held[len(passed) :]
        return passed

    def close(self) -> str:
        held, self._held = self._held, ""
        return held


def _disguises(canary: str) -> list[str]:
    """In lower case: as it is, backwards, turned by 13 letters, in hexadecimal, in base64 at each of three offsets."""
    octets = canary.encode()
    plain = [canary, canary[::-1], codecs.encode(canary, "rot13"), octets.hex()]
    # The first and last characters of base64 depend on what is around.
    coded = [b64encode(b"\0" * shift + octets).decode()[4 if shift else 0 : -4] for shift in range(3)]
    return [form.casefold() for form in (*plain, *coded)]


def _overlap(text: str, form: str) -> int:
    """The length of the longest end of `text` that `form` begins with."""
    return next((length for length in range(min(len(text), len(form)), 0, -1) if text.endswith(form[:length])), 0)
