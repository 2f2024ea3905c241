"""The inline rules of `mdx`: tags, expressions, comments, directives, footnote marks and maths within a line."""

from __future__ import annotations

import re

from markdown_it.rules_inline import StateInline

from chains.ingest.jsx import Tag, scan_comment, scan_expression, scan_tag

_FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]+\]")
# A name as remark-directive reads it. What follows decides whether the text shows: `:name` does, its label too.
_TEXT_DIRECTIVE = re.compile(
    r":([A-Za-z](?:[\w-]*[A-Za-z0-9])?)(?![\w:-])(?:\[([^\[\]]*)\])?(?:\{[^{}\n]*\})?", re.ASCII
)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]+|[\w.+-]+@[\w.-]+\.\w+)>")
# Maths needs remark-math; without it, what looks like maths is text, and these marks tell the two apart.
_MATHS = re.compile(r"\$\$?(?=[^\s$])([^$\n]*[\\^_][^$\n]*?)(?<=[^\s$])\$\$?(?!\d)")

# The parts of MDX: tags, and the sources of expressions.
Part = Tag | str


def scan_part(text: str, position: int) -> tuple[Part, int] | None:
    if text[position] == "<":
        tag = scan_tag(text, position)
        return (tag, tag.end) if tag else None
    end = scan_expression(text, position) if text[position] == "{" else None
    return (text[position + 1 : end - 1], end) if end else None


def footnote_mark(state: StateInline, silent: bool) -> bool:
    return _skip(state, _FOOTNOTE_MARK, "[")


def text_directive(state: StateInline, silent: bool) -> bool:
    position = state.pos
    if state.src[position] != ":" or state.src[max(0, position - 1) : position] == ":":
        return False
    match = _TEXT_DIRECTIVE.match(state.src, position, state.posMax)
    if match is None:
        return False
    if not silent:
        token = state.push("directive", "", 0)
        token.content, token.meta = f":{match.group(1)}", {"label": match.group(2) or ""}
    state.pos = match.end()
    return True


def maths(state: StateInline, silent: bool) -> bool:
    match = _MATHS.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "$" else None
    if match is None:
        return False
    if not silent:
        token = state.push("maths", "", 0)
        token.content, token.meta = match.group(), {"formula": match.group(1)}
    state.pos = match.end()
    return True


def comment_inline(state: StateInline, silent: bool) -> bool:
    end = scan_comment(state.src, state.pos)
    if end is None:
        return False
    if not silent:
        state.push("comment", "", 0).content = state.src[state.pos + 4 : end - 3]
    state.pos = end
    return True


def mdx_inline(state: StateInline, silent: bool) -> bool:
    source, position = state.src, state.pos
    if source[position] not in "<{" or source.startswith("{#", position):  # Docusaurus escapes `{#id}` of headings
        return False
    autolink = _AUTOLINK.match(source, position)
    scanned = None if autolink else scan_part(source, position)
    if autolink is None and scanned is None:
        return False
    if not silent and autolink is not None:
        state.push("text", "", 0).content = autolink.group(1)
    elif not silent and scanned is not None:
        _push_part(state, scanned[0])
    state.pos = autolink.end() if autolink else scanned[1] if scanned else position
    return True


def _push_part(state: StateInline, part: Part) -> None:
    if isinstance(part, Tag):
        state.push("tag", "", 0).meta = {"tag": part}
    else:
        token = state.push("expression", "", 0)
        token.content, token.meta = part, {"text": ""}


def _skip(state: StateInline, pattern: re.Pattern[str], first: str) -> bool:
    match = pattern.match(state.src, state.pos, state.posMax) if state.src[state.pos] == first else None
    if match is not None:
        state.pos = match.end()
    return match is not None
