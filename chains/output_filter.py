"""Pure: what may leave in an answer, whichever model wrote it: no image, no HTML, links to the sources' hosts alone.

A page that was written to trick the model can make it say anything; an image or a link would carry what it said, and
what the reader asked, to whoever wrote that page. Code in spans and fences leaves as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from chains.output_fences import CONSULTATIONS, INFO_LIMIT, Fence, is_fence_line, may_open_fence, opens_fence
from chains.output_links import LINK_LIMIT, REMOVED, Links, bare_address, begun_address, closing
from chains.rewriting import BEGINS_ADDRESS, TAIL, Rewriting

SPAN_LIMIT = 400  # characters within which a code span closes; else its backticks are escaped

_SPECIAL = re.compile(r"[\\`~!\[\]<&]|(?i:https?://|ftp://|www\.)")
_RUN = re.compile(r"`+|~+")
_DEFINITION = re.compile(r"\[(?:\\.|[^\[\]\\]){0,999}\]:")
_BLOCK_START = re.compile(r"[ \t>*+\-\d.)]*")
_ENTITY = re.compile(r"&(#?\w{1,32});")
_ENTITY_BEGUN = re.compile(r"&#?\w{0,32}")
_PLAIN_ENTITIES = frozenset({"lt", "gt", "amp", "quot", "apos", "nbsp"})
_GONE_TAG = re.compile(  # without a trace; other tags are shown as text
    r"</?(?:img|image|picture|source|svg|iframe|frame|embed|object|video|audio|track|link|meta|base|script|style|br)"
    r"\b[^<>]*>",
    re.IGNORECASE,
)


class OutputFilter(Rewriting):
    """Takes the text as it comes, gives what may leave; at most a link's length is held back.

    `urls` are the sources' addresses.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        super().__init__()
        self._links = Links(urls)
        self._final = False
        self._is_inner = False  # the text of a link
        self._fence: Fence | None = None
        self._fence_line_begun = False
        self._trusts_code = True  # until code was written so that renderers may differ about where it ends
        self._spans_are_plain = True  # on this line; a bar in a span may end a table's cell
        self._consulted = 0

    def feed(self, text: str) -> str:
        self._buffer += text
        while self._buffer and self._step():
            pass
        return self._drain()

    def close(self) -> str:
        self._final = True
        return self.feed("")

    def _step(self) -> bool:
        """Take something from the buffer; False: only what follows decides."""
        if self._fence:
            return self._take_code(self._fence)
        found = _SPECIAL.search(self._buffer)
        if found is None or found.start() > 0:
            return self._take_plain(found.start() if found else None)
        match self._buffer[0]:
            case "\\":
                return self._take_escape()
            case "`" | "~":
                return self._take_run()
            case "[" | "!":
                return self._take_bracket()
            case "]":
                return self._take_closing_bracket()
            case "<":
                return self._take_angle()
            case "&":
                return self._take_entity()
        return self._take_address()

    def _take_plain(self, length: int | None) -> bool:
        if length is None:
            length = len(self._buffer) - (0 if self._final else begun_address(self._buffer))
        return self._keep(length) if length else False

    def _take_escape(self) -> bool:
        if len(self._buffer) == 1 and not self._final:
            return False
        escaped = self._buffer[1:2]
        if escaped in (":", "/", ".") and BEGINS_ADDRESS.search(self._tail):
            return self._replace(1, " ")  # renderers that look for addresses do so after they have undone escapes
        return self._keep(1 if escaped == "\n" else min(2, len(self._buffer)))

    def _take_address(self) -> bool:
        """One that stands alone, which many renderers make a link of."""
        address, is_open = bare_address(self._buffer)
        if is_open and not self._final:
            return False
        if self._links.admits_bare(address):
            return self._keep(len(address))
        return self._replace(len(address), REMOVED)

    def _take_entity(self) -> bool:
        found = _ENTITY.match(self._buffer)
        if not found and _ENTITY_BEGUN.fullmatch(self._buffer) and len(self._buffer) <= 34 and not self._final:
            return False
        if found and found[1] not in _PLAIN_ENTITIES:
            return self._replace(1, "&amp;")  # else it may stand for a character of an address
        return self._keep(found.end() if found else 1)

    def _take_angle(self) -> bool:
        """`<` before a blank or a number is less-than; all that could begin a tag or a link is not left as it is."""
        following = self._buffer[1:2]
        if not following and not self._final:
            return False
        if following and (following in " \t\n=-" or following.isdigit()):
            return self._keep(1)
        stop = re.compile("[<>]").search(self._buffer, 1, LINK_LIMIT)
        if stop is None and len(self._buffer) < LINK_LIMIT and not self._final:
            return False
        end = stop.end() if stop and stop.group() == ">" else 0
        if end and re.match("<(?:https?:|www)", self._buffer, re.IGNORECASE):
            own = self._links.admits(self._buffer[1 : end - 1])
            return self._keep(end) if own else self._replace(end, REMOVED)
        if gone := _GONE_TAG.match(self._buffer):
            return self._replace(gone.end(), " ")
        return self._replace(1, "&lt;")

    def _take_closing_bracket(self) -> bool:
        if len(self._buffer) == 1 and not self._final:
            return False
        return self._replace(1, "] ") if self._buffer[1:2] == "(" else self._keep(1)

    def _take_bracket(self) -> bool:
        """A link, an image, or only a bracket. Its text may hold images and markers itself."""
        is_image = self._buffer[0] == "!"
        opening = 1 if is_image else 0
        if is_image and len(self._buffer) == 1:
            return self._keep(1) if self._final else False
        if self._buffer[opening] != "[":
            return self._keep(1)
        end = closing(self._buffer, opening, "[]")
        if not self._final and (end == -1 or (end is not None and end + 1 == len(self._buffer))):
            return False
        if end is None or end == -1:
            return self._replace(1, "! ") if is_image else self._take_lone_bracket()
        return self._take_linked(opening, end)

    def _take_linked(self, opening: int, end: int) -> bool:
        following = self._buffer[end + 1 : end + 2]
        target_end: int | None = end
        if following == "(" or (following == "[" and opening):
            target_end = closing(self._buffer, end + 1, "()" if following == "(" else "[]")
            if target_end == -1 and not self._final:
                return False
        linked = following == "(" and target_end not in (None, -1)
        if not opening and not linked:
            return self._take_lone_bracket()
        target_end = end if target_end is None or target_end == -1 else target_end
        if not opening and self._links.admits_target(self._buffer[end + 1 : target_end + 1]):
            self._keep(1)
            self._take_inner(end - 1)
            return self._keep(target_end - end + 1)
        self._leave_out(opening + 1)
        self._take_inner(end - opening - 1)
        return self._leave_out(target_end - end + 1)

    def _take_lone_bracket(self) -> bool:
        """A definition, which would make links of other brackets, is escaped, and what may become one."""
        if _BLOCK_START.fullmatch(self._line):
            end = closing(self._buffer, 0, "[]")
            if end is None or end == -1 or self._buffer[end + 1 : end + 2] == ":" or _DEFINITION.match(self._buffer):
                return self._replace(1, "\\[")
        return self._keep(1)

    def _take_inner(self, length: int) -> None:
        rest, final = self._buffer[length:], self._final
        self._buffer, self._final, self._is_inner = self._buffer[:length], True, True
        while self._buffer and self._step():
            pass
        self._buffer, self._final, self._is_inner = rest, final, False

    def _take_run(self) -> bool:
        found = _RUN.match(self._buffer)
        assert found is not None
        run = found.group()
        if found.end() == len(self._buffer) and not self._final:
            return False
        if may_open_fence(self._line, run) and not self._is_inner:
            return self._take_fence(run)
        return self._take_span(run) if run[0] == "`" else self._keep_tildes(run)

    def _keep_tildes(self, run: str) -> bool:
        """As text, where they must not begin a fence."""
        return self._keep(len(run)) if len(run) < 3 else self._replace(len(run), "\\~" * len(run))

    def _take_fence(self, run: str) -> bool:
        line, newline, _ = self._buffer.partition("\n")
        if not newline and len(line) <= INFO_LIMIT and not self._final:
            return False
        if len(line) <= INFO_LIMIT and is_fence_line(line, run) and self._is_fence(line):
            self._fence, self._fence_line_begun = Fence(run[0], len(run), self._line), False
            return self._keep(len(line) + len(newline))
        return self._take_span(run) if run[0] == "`" else self._keep_tildes(run)

    def _is_fence(self, line: str) -> bool:
        if not self._line or not self._trusts_code:
            return self._trusts_code
        self._consulted += 1
        told = "".join(self._told)[: -len(self._line)]
        self._trusts_code = self._consulted <= CONSULTATIONS and len(self._line) <= TAIL
        return self._trusts_code and opens_fence(told, self._line + line)

    def _take_span(self, run: str) -> bool:
        """Code, if the run closes on this line; else its backticks are escaped, so that they cannot close later."""
        known = self._buffer[: SPAN_LIMIT + len(run)]
        line, newline, _ = known.partition("\n")
        found = re.compile(rf"(?<!`){run}(?!`)").search(line, len(run))
        decided = newline or self._final or len(known) >= SPAN_LIMIT or (found and found.end() < len(line))
        if not decided:
            return False
        if found and self._trusts_code:
            code = line[: found.end()]
            self._spans_are_plain = self._spans_are_plain and "|" not in code
            if self._spans_are_plain or _is_harmless(code[len(run) : -len(run)]):
                return self._keep(len(code))
        return self._replace(len(run), "\\`" * len(run))

    def _take_code(self, fence: Fence) -> bool:
        line, newline, _ = self._buffer.partition("\n")
        if not self._fence_line_begun:
            undecided = fence.may_be_closed_by(line) or not line[len(fence.inside) :]
            if undecided and not newline and not self._final:
                return False
            if not fence.holds(line) or fence.is_doubtful(line):
                self._fence, self._trusts_code = None, False
                return True
            if fence.is_closed_by(line):
                self._fence = None
        self._fence_line_begun = not newline
        return self._keep(len(line) + len(newline))

    def _begin_line(self) -> None:
        self._spans_are_plain = True


def _is_harmless(text: str) -> bool:
    """Would leave as it is, were it not code."""
    return not re.search(r"[<\[\]&\\]|(?i:https?://|ftp://|www\.)", text)
