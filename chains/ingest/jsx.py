"""Where JSX tags, HTML tags and `{expressions}` end in a text: as much JavaScript as that takes, and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

_NAME = re.compile(r"[A-Za-z_$][\w$-]*(?:[.:][A-Za-z_$][\w$-]*)*")
_ATTRIBUTE = re.compile(r"[A-Za-z_$@:#*(\[][\w$@:.()\[\]-]*")
_EQUALS = re.compile(r"\s*=\s*")
_BARE_VALUE = re.compile(r"[^\s\"'=<>`]+")
_SPACE = re.compile(r"\s*")
_ESCAPE = re.compile(r"\\(\r?\n|u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_INTERPOLATION = re.compile(r"\$\{[^{}]*\}")
_NAMED_ESCAPES = {"n": "\n", "t": "\t", "r": "", "b": "", "f": "", "v": "", "0": "", "\n": "", "\r\n": ""}


@dataclass(frozen=True, slots=True)
class Tag:
    """One opening, closing or self-closing tag; `name` is empty for a fragment, `end` is the index after it."""

    name: str
    end: int
    closing: bool = False
    self_closing: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    expressions: dict[str, str] = field(default_factory=dict)

    def text_of(self, attribute: str) -> str:
        """The attribute's text, also where it is written as a literal: `label={'macOS'}`; "" when it has none."""
        return self.texts.get(attribute) or literal(self.expressions.get(attribute, "")) or ""


def scan_tag(text: str, start: int) -> Tag | None:
    """The tag whose `<` is at `start`, or None when no tag begins or ends there."""
    closing = text.startswith("</", start)
    position = start + 1 + closing
    name = _NAME.match(text, position)
    position = name.end() if name else position
    if name is None and not text.startswith(">", position):
        return None
    tag = Tag(name.group() if name else "", 0, closing)
    while True:
        position = _end_of(_SPACE, text, position)
        for mark in ("/>", ">"):
            if text.startswith(mark, position):
                end = position + len(mark)
                return Tag(tag.name, end, closing, mark == "/>", tag.texts, tag.expressions)
        following = _scan_attribute(text, position, tag)
        if following is None:
            return None
        position = following


def scan_expression(text: str, start: int) -> int | None:
    """The index after the `}` that closes the `{` at `start`; strings, templates and comments are stepped over."""
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        if character in "'\"`":
            position = _scan_string(text, position)
        elif text.startswith("/*", position):
            position = _after(text, "*/", position + 2)
        elif text.startswith("//", position) and text[position - 1] != ":":
            position = _after(text, "\n", position + 2) - 1
        else:
            depth += (character == "{") - (character == "}")
            position += 1
            if depth == 0:
                return position
    return None


def scan_comment(text: str, start: int) -> int | None:
    """The index after the `-->` that closes the `<!--` at `start`."""
    end = text.find("-->", start + 4) if text.startswith("<!--", start) else -1
    return None if end < 0 else end + 3


def scan_template(text: str, start: int) -> int:
    """The index after the template whose backtick is at `start`."""
    return _scan_string(text, start)


def scan_element(text: str, start: int) -> int | None:
    """The index after the element that begins at `start`, with all that stands in it; None when none does."""
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        if character == "{":
            end = scan_expression(text, position)
            position = end or position + 1
            continue
        tag = scan_tag(text, position) if character == "<" else None
        if tag is None and position == start:
            return None
        if tag is not None:
            depth += -1 if tag.closing else 0 if tag.self_closing else 1
            if depth <= 0:
                return tag.end
        position = tag.end if tag else position + 1
    return None


def unescape_text(text: str) -> str:
    """What a JavaScript string without its quotes says."""
    return _ESCAPE.sub(_unescape, text)


def literal(source: str) -> str | None:
    """The text of an expression that is one string or template; what a template interpolates is left out."""
    source = source.strip()
    if len(source) < 2 or source[0] not in "'\"`" or _scan_string(source, 0) != len(source):
        return None
    body = _INTERPOLATION.sub("", source[1:-1]) if source[0] == "`" else source[1:-1]
    return _ESCAPE.sub(_unescape, body)


def is_complete(source: str) -> bool:
    """Whether every bracket that a piece of JavaScript opens is closed in it."""
    depth, position = 0, 0
    while position < len(source):
        character = source[position]
        if character in "'\"`":
            position = _scan_string(source, position)
            continue
        depth += (character in "{([") - (character in "})]")
        position += 1
    return depth <= 0


def _scan_attribute(text: str, position: int, tag: Tag) -> int | None:
    if text.startswith("{", position):  # a spread
        end = scan_expression(text, position)
        tag.expressions["..."] = text[position + 1 : end - 1].strip() if end else ""
        return end
    name = _ATTRIBUTE.match(text, position)
    if name is None:
        return None
    equals = _EQUALS.match(text, name.end())
    if equals is None:
        tag.expressions[name.group()] = "true"
        return name.end()
    return _scan_value(text, equals.end(), name.group(), tag)


def _scan_value(text: str, start: int, name: str, tag: Tag) -> int | None:
    quote = text[start : start + 1]
    if quote == "{":
        end = scan_expression(text, start)
        if end is not None:
            tag.expressions[name] = text[start + 1 : end - 1]
        return end
    if quote in ("'", '"'):
        closing = text.find(quote, start + 1)
        if closing < 0:
            return None
        tag.texts[name] = unescape(text[start + 1 : closing])
        return closing + 1
    bare = _BARE_VALUE.match(text, start)
    if bare is None:
        return None
    tag.texts[name] = bare.group()
    return bare.end()


def _scan_string(text: str, start: int) -> int:
    """The index after a string or template. A quote that no other closes on its line is an apostrophe in JSX text."""
    quote = text[start]
    position = start + 1
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text[position] == quote:
            return position + 1
        elif text[position] == "\n" and quote != "`":
            return start + 1
        elif quote == "`" and text.startswith("${", position):
            position = scan_expression(text, position + 1) or len(text)
        else:
            position += 1
    return start + 1


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "ux" and len(code) > 1:
        return chr(int(code[1:].strip("{}"), 16))
    return _NAMED_ESCAPES.get(code, code)


def _after(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
