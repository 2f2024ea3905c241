"""Pure: where code is in streamed Markdown, as a renderer sees it and not as the model meant it.

What is taken for code leaves as it is, so a difference of opinion with a renderer would let an image through. Whatever
could be read in two ways is therefore not code here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

INFO_LIMIT = 200  # characters of a fence's first line
CONSULTATIONS = 30  # of a whole parser, in one answer

_PREFIX = re.compile(r"[ \t>*+\-\d.)]*")
_BLOCKS = MarkdownIt("commonmark").disable("inline")


def may_open_fence(line: str, run: str) -> bool:
    """A run of three after nothing but marks of lists and quotes."""
    return len(run) >= 3 and _PREFIX.fullmatch(line) is not None


def is_fence_line(line: str, run: str) -> bool:
    """Not with a bar, for it may as well be a table's head; backticks after backticks make a span."""
    return "|" not in line and not (run[0] == "`" and "`" in line[len(run) :])


def opens_fence(told: str, line: str) -> bool:
    """Whether `line`, after all that was `told`, begins a fenced block: indented ones depend on the lists before."""
    blocks = _BLOCKS.parse(f"{told}{line}\n")
    last = told.count("\n") + line.count("\n")
    return any(block.type == "fence" and block.map is not None and block.map[0] == last for block in blocks)


@dataclass(frozen=True)
class Fence:
    """An open one. `prefix` is what stood before its mark: of lists, of quotes, or blanks."""

    mark: str
    length: int
    prefix: str

    @property
    def inside(self) -> str:
        """How each of its lines begins."""
        return re.sub(r"[^\s>]", " ", self.prefix)

    def holds(self, line: str) -> bool:
        """False: a renderer may have ended the block before this line."""
        return line.startswith(self.inside) or (not line.strip() and ">" not in self.inside)

    def may_be_closed_by(self, line: str) -> bool:
        """The beginning of a line, of which the rest decides."""
        return re.fullmatch(rf"[ \t]*{self.mark}*[ \t\r]*", line.removeprefix(self.inside)) is not None

    def is_closed_by(self, line: str) -> bool:
        indent = "" if self.prefix else " {0,3}"
        return re.fullmatch(rf"{indent}{self.mark}{{{self.length},}}[ \t\r]*", self._own(line)) is not None

    def is_doubtful(self, line: str) -> bool:
        """Looks like the end, but is indented in a way that renderers read according to what is around it."""
        looks = re.fullmatch(rf"[ \t>]*{self.mark}{{{self.length},}}[ \t\r]*", self._own(line)) is not None
        return bool(self.prefix) and looks and not self.is_closed_by(line)

    def _own(self, line: str) -> str:
        return line.removeprefix(self.inside)
