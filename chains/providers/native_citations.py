"""Pure: a provider's own citations of spans -> our markers at the ends of sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPACE = re.compile(r"\s|(?<=[。！？])")
_ENDED = re.compile(r"[.!?…؟۔।。！？][\"'”’)\]*_]*$")
_MARKER = re.compile(r"\[(\d+)\]")


class MarkerWriter:
    """Takes the text and the citations as they come, and gives the text with markers: `It is so. [1][2]`.

    A marker comes after its sentence, where the citation parser reads it as that sentence's, and only if the model did
    not write it itself. Inside code, where a backtick is open, no sentence ends. A citation whose sentence has gone by
    is too late, and dropped.
    """

    def __init__(self) -> None:
        self._sentence = ""
        self._last = ""
        self._before = 0  # characters of the model's text before this sentence
        self._cited: list[int] = []

    def cite(self, numbers: Iterable[int], end: int) -> str:
        """Passages that support the text up to `end`, counted in characters of the model's own text.

        Gives markers that have to be shown at once, because their sentence has just ended.
        """
        fresh = [number for number in numbers if number not in self._cited]
        if end > self._before:
            self._cited += fresh
        elif not self._sentence and end > self._before - len(self._last):
            markers = _markers(fresh, self._last)
            self._last += markers
            return markers
        return ""

    def write(self, text: str) -> str:
        shown, start = [], 0
        for found in _SPACE.finditer(text):
            end = found.start()
            self._sentence += text[start:end]
            shown.append(text[start:end])
            start = end
            if self._is_over(found.group()):
                shown.append(self._end_sentence())
        self._sentence += text[start:]
        return "".join([*shown, text[start:]])

    def close(self) -> str:
        """The markers of the last sentence."""
        return self._end_sentence()

    def _is_over(self, space: str) -> bool:
        if not self._sentence.strip() or self._sentence.count("`") % 2:
            return False
        return space == "\n" or bool(_ENDED.search(self._sentence))

    def _end_sentence(self) -> str:
        markers = _markers(self._cited, self._sentence)
        self._before += len(self._sentence)
        self._last = self._sentence + markers
        self._sentence, self._cited = "", []
        return markers


def _markers(numbers: Iterable[int], sentence: str) -> str:
    """Those that the sentence lacks."""
    own = {int(number) for number in _MARKER.findall(sentence)}
    markers = "".join(f"[{number}]" for number in numbers if number not in own)
    return f" {markers}" if markers else ""
