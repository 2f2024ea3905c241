"""Pure: a stream of text with markers -> the text that may be shown, and verified citations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chains.markers import Kind, Lexeme, MarkerReader
from chains.turn import Citation

HOLD_LIMIT = 400  # characters from a marker on; then it is checked against the sentence so far
SENTENCE_MEMORY = 1_000  # characters of a sentence that are checked

_TAIL = 8
_ENDED = re.compile(r"[.!?…؟۔।。！？][\"'”’)\]*_]*$")
_UNSPACED_END = re.compile(r"[。！？]+")
_NEW_BLOCK = re.compile(r"[-*+#>|`~\[\d]")
_UNFINISHED_MARKER = re.compile(r"\[[\d,\s]*$")


@dataclass(frozen=True, slots=True)
class _Marker:
    space: str
    text: str

    @property
    def numbers(self) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", self.text)]


@dataclass(slots=True)
class CitationCounts:
    """Of many answers: citations that were shown, and markers that were not."""

    kept: int = 0
    dropped: int = 0

    def add(self, kept: int, dropped: int) -> None:
        self.kept += kept
        self.dropped += dropped


class CitationStream:
    """Holds a sentence back from its first marker to its end, has the markers checked, and lets it go.

    A marker after a sentence's full stop belongs to that sentence. A marker without support is dropped with the space
    before it. Offsets of `citations` count code points of all the text that `feed` and `close` gave.

    `find_quote(n, sentence)` gives the sentence of passage n that supports the answer's sentence, or None.
    `holds_facts(numbers, sentence)`: the numbers and code of the sentence are in these passages, taken together; where
    they are not, all the sentence's markers are dropped. `dropped` counts what was, one for each number of a marker.
    """

    def __init__(
        self,
        find_quote: Callable[[int, str], str | None],
        holds_facts: Callable[[Sequence[int], str], bool] = lambda numbers, sentence: True,
    ) -> None:
        self.citations: list[Citation] = []
        self.dropped = 0
        self._find_quote = find_quote
        self._holds_facts = holds_facts
        self._reader = MarkerReader()
        self._sentence: list[str] = []
        self._sentence_length = 0
        self._tail = ""
        self._sentence_is_over = False
        self._space = ""
        self._held: list[str | _Marker] = []
        self._held_length = 0
        self._shown: list[str] = []
        self._shown_length = 0
        self._shown_tail = ""

    def feed(self, text: str) -> str:
        """Text in, the text that can be shown out."""
        for lexeme in self._reader.read(text):
            self._take(lexeme)
        return self._drain()

    def close(self) -> str:
        for lexeme in self._reader.read("", final=True):
            self._take(lexeme)
        self._end_sentence()
        self._hold_or_show(self._space)
        return self._drain()

    def _take(self, lexeme: Lexeme) -> None:
        match lexeme.kind:
            case Kind.SPACE:
                self._take_space(lexeme)
            case Kind.MARKER:
                self._take_marker(lexeme.text)
            case Kind.TEXT:
                self._take_text(lexeme.text)
            case Kind.FENCED:
                self._end_sentence()
                self._hold_or_show(self._take_pending_space() + lexeme.text)

    def _take_space(self, lexeme: Lexeme) -> None:
        if _starts_block(lexeme):
            self._end_sentence()
        elif _ENDED.search(self._tail) and not lexeme.following.islower():
            self._sentence_is_over = True  # unless a marker follows
        self._space += lexeme.text

    def _take_marker(self, text: str) -> None:
        marker = _Marker(self._take_pending_space(), text)
        self._held.append(marker)
        self._held_length += len(marker.space) + len(text)
        self._check_if_full()

    def _take_text(self, text: str) -> None:
        is_stop = bool(_UNSPACED_END.fullmatch(text))
        if self._sentence_is_over and not (is_stop and not self._space):
            self._end_sentence()
        self._say(self._take_pending_space() + text)
        self._sentence_is_over = is_stop

    def _take_pending_space(self) -> str:
        space, self._space = self._space, ""
        return space

    def _say(self, text: str) -> None:
        room = HOLD_LIMIT - self._held_length
        if self._held and len(text) > room:
            self._say(text[:room])
            text = text[room:]
        self._remember(text)
        self._hold_or_show(text)

    def _remember(self, text: str) -> None:
        self._sentence.append(text)
        self._sentence_length += len(text)
        self._tail = (self._tail + text)[-_TAIL:]
        if self._sentence_length > 2 * SENTENCE_MEMORY:
            self._sentence = [self._sentence_so_far()]
            self._sentence_length = len(self._sentence[0])

    def _sentence_so_far(self) -> str:
        return "".join(self._sentence)[-SENTENCE_MEMORY:]

    def _hold_or_show(self, text: str) -> None:
        if not self._held:
            self._show(text)
            return
        self._held.append(text)
        self._held_length += len(text)
        self._check_if_full()

    def _check_if_full(self) -> None:
        if self._held_length >= HOLD_LIMIT:
            self._check_held()

    def _end_sentence(self) -> None:
        self._check_held()
        self._sentence, self._sentence_length, self._tail = [], 0, ""
        self._sentence_is_over = False

    def _check_held(self) -> None:
        sentence, spare = self._sentence_so_far(), ""
        held, self._held, self._held_length = self._held, [], 0
        cited = [n for item in held if isinstance(item, _Marker) for n in item.numbers]
        is_true = not cited or self._holds_facts(cited, sentence)
        for item in held:
            if isinstance(item, str):
                self._show(item)
                spare = ""
            elif quotes := self._quotes(item, sentence) if is_true else {}:
                self._show(item.space or spare)
                self._cite(item, quotes)
                spare = ""
            else:
                spare = self._drop(item) or spare

    def _quotes(self, marker: _Marker, sentence: str) -> dict[int, str]:
        found = {n: self._find_quote(n, sentence) for n in marker.numbers}
        return {n: quote for n, quote in found.items() if quote is not None}

    def _cite(self, marker: _Marker, quotes: dict[int, str]) -> None:
        lost = len(set(marker.numbers)) - len(quotes)
        complete = not lost
        self.dropped += lost
        text = marker.text if complete else "[" + ", ".join(map(str, quotes)) + "]"
        start, end = self._shown_length, self._shown_length + len(text)
        self.citations += [Citation(n=n, start=start, end=end, quote=quote) for n, quote in quotes.items()]
        self._show(text)

    def _drop(self, marker: _Marker) -> str:
        """Drop the marker with the space before it; line breaks stay. Gives the space back, should a marker follow."""
        self.dropped += len(set(marker.numbers))
        kept = marker.space.rstrip(" \t") if "\n" in marker.space else ""
        self._show(kept)
        if _UNFINISHED_MARKER.search(self._shown_tail):
            self._show("?")  # of "[[9]1]" must not remain "[1]"
        return marker.space[len(kept) :]

    def _show(self, text: str) -> None:
        if text:
            self._shown.append(text)
            self._shown_length += len(text)
            self._shown_tail = (self._shown_tail + text)[-2 * _TAIL :]

    def _drain(self) -> str:
        shown, self._shown = "".join(self._shown), []
        return shown


def _starts_block(space: Lexeme) -> bool:
    """A blank line, or a line break before what begins a list item, heading, quote, table, fence or reference."""
    breaks = space.text.count("\n")
    return breaks > 1 or (breaks == 1 and bool(_NEW_BLOCK.match(space.following)))
