"""What Docusaurus reads on top of CommonMark, as rules for markdown-it."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, list_block

from chains.ingest import mdx_inline as rules
from chains.ingest.dialect import Format
from chains.ingest.jsx import is_complete, scan_comment
from chains.ingest.mdx_inline import Part, scan_part

_ESM = re.compile(
    r"import\s*(?:['\"{*]|type\s|[\w$]+\s*(?:,|\s+from\b))"
    r"|export\s+(?:const|let|var|function|default|async|class|type|interface|enum|[{*])"
)
_ADMONITION = re.compile(r":{3,}[ \t]*([A-Za-z][\w-]*)?(?:[ \t]*\[(.*)\]|[ \t]+([^{\s].*?))?[ \t]*(?:\{(.*)\})?[ \t]*$")
_ADMONITION_TITLE = re.compile(r"title\s*=\s*\"([^\"]*)\"")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:[ \t]*")
_MDX_CODE_BLOCK = re.compile(r"^ *(`{3,4}) *mdx-code-block\n(.*?)\n *\1 *$", re.DOTALL | re.MULTILINE)
_LONG_TAG = 40  # lines
_INTERRUPTS: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}


def parser(format: Format) -> MarkdownIt:
    """A parser of one of Docusaurus's two formats. Its tokens besides markdown-it's own: `esm`, `mdx` (meta `parts`),
    `admonition_open` before the paragraph of a title, and inline `tag`, `expression`, `directive`, `maths`."""
    markdown = MarkdownIt("commonmark", {"html": format == "md"}).enable(["table", "strikethrough"])
    block, inline = markdown.block.ruler, markdown.inline.ruler
    block.before("table", "comment", _comment_block, _INTERRUPTS)
    block.before("table", "admonition", _admonition, _INTERRUPTS)
    block.before("table", "maths_block", _maths_block, _INTERRUPTS)
    block.before("reference", "footnote", _footnote, _INTERRUPTS)
    inline.before("link", "footnote_mark", rules.footnote_mark)
    inline.before("link", "directive", rules.text_directive)
    inline.before("escape", "maths", rules.maths)
    if format == "mdx":
        markdown.disable(["code", "html_block", "html_inline", "autolink"])
        block.at("list", _list, _INTERRUPTS)
        block.before("table", "esm", _esm)
        block.before("table", "mdx", _mdx_block, _INTERRUPTS)
        inline.before("link", "comment_inline", rules.comment_inline)
        inline.before("link", "mdx_inline", rules.mdx_inline)
    else:
        inline.before("html_inline", "comment_inline", rules.comment_inline)
    return markdown


def unwrapped(text: str) -> str:
    """`text` with the insides of its `mdx-code-block` fences, which hide JSX from other tools, in their place."""
    return _MDX_CODE_BLOCK.sub(r"\2", text)


def _esm(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`import` and `export` stand at the first column of the page and last until a blank line that completes them."""
    if silent or state.level or state.blkIndent or state.sCount[start] or not _ESM.match(_line(state, start)):
        return False
    line = start + 1
    while line < end and not (state.isEmpty(line) and is_complete(_lines(state, start, line))):
        line += 1
    token = state.push("esm", "", 0)
    token.content = _lines(state, start, line)
    state.line = line
    return True


def _list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lists stand as far to the right as their JSX does; four columns are no code in MDX."""
    before, state.listIndent = state.listIndent, -1
    try:
        return list_block(state, start, end, silent)
    finally:
        state.listIndent = before


def _comment_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start) or not _line(state, start).startswith("<!--"):
        return False
    text = _lines(state, start, end).lstrip()
    stop = scan_comment(text, 0)
    if stop is None or text[stop:].partition("\n")[0].strip():
        return False
    if not silent:
        state.line = start + text.count("\n", 0, stop) + 1
    return True


def _mdx_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines that hold nothing but tags and expressions."""
    if not _line(state, start).startswith(("<", "{")):
        return False
    # Most tags end on their line; reading on to the end of the page for each would be quadratic.
    for last in (start + 1, min(start + _LONG_TAG, end), end):
        text = _lines(state, start, last)
        parts, stop = _scan_parts(text)
        if stop is not None:
            break
    if stop is None or not parts:
        return False
    if not silent:
        token = state.push("mdx", "", 0)
        token.meta = {"parts": parts}
        state.line = start + text.count("\n", 0, stop) + 1
    return True


def _scan_parts(text: str) -> tuple[list[Part], int | None]:
    """The parts and where they end: none when other text stands beside them, no end when one may go on below."""
    parts: list[Part] = []
    position = len(text) - len(text.lstrip())
    while position < len(text) and text[position] != "\n":
        scanned = scan_part(text, position)
        if scanned is None:
            return [], None if text[position] in "<{" else position
        part, position = scanned
        parts.append(part)
        position += len(text[position:]) - len(text[position:].lstrip(" \t"))
    return parts, position


def _admonition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The first or last line of `:::note Title` ... `:::`; what stands between is read as if they were not there."""
    match = None if state.is_code_block(start) else _ADMONITION.match(_line(state, start))
    if match is None:
        return False
    if not silent:
        state.line = start + 1
        name, label, title, attributes = match.groups()
        named = _ADMONITION_TITLE.search(attributes or "")
        _push_title(state, name, label or title or (named.group(1) if named else ""))
    return True


def _push_title(state: StateBlock, name: str | None, title: str) -> None:
    if name is None:
        return
    state.push("admonition_open", "", 0).info = name
    state.push("paragraph_open", "p", 1)
    inline = state.push("inline", "", 0)
    inline.content, inline.children = title.strip(), []
    state.push("paragraph_close", "p", -1)


def _maths_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start) or not _line(state, start).startswith("$$"):
        return False
    line = start
    if _line(state, start).count("$$") < 2:
        line = next((n for n in range(start + 1, end) if _line(state, n).rstrip().endswith("$$")), end)
    if line == end:
        return False
    if not silent:
        state.push("maths_block", "", 0).content = _lines(state, start, line + 1)
        state.line = line + 1
    return True


def _footnote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Takes the mark off `[^1]: text`, so that the text is a paragraph and not a link's target."""
    match = _FOOTNOTE.match(_line(state, start))
    if match is not None and silent:
        return True
    if match is not None:
        state.bMarks[start] += state.tShift[start] + len(match.group())
        state.tShift[start] = 0
    return False


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _lines(state: StateBlock, start: int, end: int) -> str:
    return state.getLines(start, end, state.blkIndent, False)
