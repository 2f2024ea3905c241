"""The text of a line: as a reader sees it, and as Docusaurus makes an anchor of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from markdown_it.token import Token

from chains.ingest.jsx import Tag, scan_comment, scan_tag
from chains.ingest.slugs import custom_id

_COMMENT_ID = re.compile(r"/\*\s*#(\S+).*\*/", re.DOTALL)
_TAG_LIKE = re.compile(r"</?[A-Za-z!][^<>\n]*>|</?>")
_HIDDEN_ELEMENT = re.compile(r"<(script|style|svg|head)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_HEADING_TAG = re.compile(r"h[1-6]")
_BLANKS = re.compile(r"[ \t]+")

_NEW_LINE_TAGS = re.compile(r"br|hr|p|div|li|ul|ol|tr|table|thead|tbody|section|article|h[1-6]|dt|dd")
_SPACE_TAGS = re.compile(r"td|th|summary|option")
# Texts that components show: whatever they are called, these attributes are written for readers.
_SHOWN_ATTRIBUTES = ("title", "label", "heading", "question", "content", "description", "text", "answer", "caption")


def shown(tokens: Sequence[Token] | None) -> str:
    """The text without links, emphasis, tags and expressions. Code keeps its backticks."""
    return tidy("".join(map(_shown, tokens or ())))


def tidy(text: str) -> str:
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def slugged(tokens: Sequence[Token] | None) -> str:
    """The text that the slugger gets: mdast-util-to-string without the HTML that stands directly in the heading."""
    parts: list[str] = []
    depth = 0
    for token in tokens or ():
        depth += token.nesting
        if token.type != "html_inline" or depth:
            parts.append(_slugged(token))
    return "".join(parts)


def heading(tokens: list[Token], html_comment_ids: bool = False) -> tuple[str, str, str | None]:
    """A heading's shown text, the text for the slugger, and its explicit id if it has one."""
    comment = tokens[-1] if tokens else None
    explicit = _comment_id(comment, html_comment_ids) if comment else None
    if explicit is not None:
        return _plain(tokens[:-1]), "", explicit
    text, explicit = custom_id(slugged(tokens))
    visible = _plain(tokens)
    return custom_id(visible)[0] if explicit is not None else visible, text, explicit


def raw_heading(tokens: Sequence[Token]) -> tuple[Tag, str] | None:
    """The opening tag and the text of a line that is one `<h2>heading</h2>`."""
    tags: list[Tag] = [token.meta["tag"] for token in tokens if token.type == "tag"]
    whole = len(tokens) > 2 and tokens[0].type == tokens[-1].type == "tag"
    if not whole or not _HEADING_TAG.fullmatch(tags[0].name) or tags[-1].name != tags[0].name:
        return None
    return tags[0], _plain(tokens[1:-1])


def html_text(source: str) -> str:
    """The text of raw HTML."""
    source = _HIDDEN_ELEMENT.sub("", source)
    parts: list[str] = []
    position = 0
    while position < len(source):
        opening = source.find("<", position)
        if opening < 0:
            break
        parts.append(source[position:opening])
        piece, position = _html_piece(source, opening)
        parts.append(piece)
    return tidy(quote_tags(unescape("".join([*parts, source[position:]]))))


def tag_text(tag: Tag) -> str:
    """What a tag itself shows: an image its alternative text, a component its titles, a line break a new line."""
    name = tag.name.lower()
    if _NEW_LINE_TAGS.fullmatch(name):
        return "\n"
    if _SPACE_TAGS.fullmatch(name):
        return " "
    if tag.closing:
        return ""
    if tag.name[:1].isupper():
        return component_text(tag)
    return quote_tags(tag.text_of("alt"))


def component_text(tag: Tag) -> str:
    """The texts in a component's attributes, a line each."""
    texts = [tag.text_of(name) for name in ("alt", *_SHOWN_ATTRIBUTES)]
    return quote_tags("\n".join(text for text in texts if text))


def quote_tags(text: str) -> str:
    """Text that looks like a tag goes between backticks, or a Markdown reader would drop it."""
    return _TAG_LIKE.sub(lambda match: f"`{match.group()}`", text)


def code_span(code: str) -> str:
    marks = "`"
    while marks in code:
        marks += "`"
    pad = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{marks}{pad}{code}{pad}{marks}"


def fenced(info: str, code: str) -> str:
    marks = "```"
    while marks in code:
        marks += "`"
    return f"{marks}{info}\n{code}\n{marks}"


def _shown(token: Token) -> str:
    match token.type:
        case "text":
            return quote_tags(token.content)
        case "code_inline":
            return code_span(token.content)
        case "image":
            return quote_tags("".join(child.content for child in token.children or ()))
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "html_inline":
            tag = scan_tag(token.content, 0)
            return tag_text(tag) if tag else ""
    return _shown_extension(token)


def _shown_extension(token: Token) -> str:
    match token.type:
        case "tag":
            return tag_text(token.meta["tag"])
        case "expression":
            return quote_tags(token.meta["text"])
        case "directive":
            return f"{token.content} {token.meta['label']}".rstrip()
        case "maths":
            return token.content
    return ""


def _slugged(token: Token) -> str:
    match token.type:
        case "text" | "code_inline" | "html_inline" | "expression":
            return token.content
        case "image":
            return "".join(map(_slugged, token.children or ()))
        case "softbreak":
            return "\n"
        case "directive":
            return str(token.meta["label"])
        case "maths":
            return str(token.meta["formula"])
    return ""


def _comment_id(token: Token, html_comment_ids: bool) -> str | None:
    if token.type == "comment" and html_comment_ids:
        match = re.match(r"\s*#(\S+)", token.content)
    else:
        match = _COMMENT_ID.fullmatch(token.content.strip()) if token.type == "expression" else None
    return match.group(1) if match else None


def _html_piece(source: str, opening: int) -> tuple[str, int]:
    comment = scan_comment(source, opening)
    if comment is not None:
        return "", comment
    tag = scan_tag(source, opening)
    return (tag_text(tag), tag.end) if tag else ("<", opening + 1)


def _plain(tokens: Sequence[Token]) -> str:
    """One line, code without its backticks, as a table of contents shows it."""
    parts = [quote_tags(token.content) if token.type == "code_inline" else _shown(token) for token in tokens]
    return tidy("".join(parts)).replace("\n", " ")
