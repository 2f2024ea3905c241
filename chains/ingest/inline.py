"""The text of a line: as a reader sees it, and as Docusaurus makes an anchor of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape

from markdown_it.token import Token

from chains.ingest.jsx import Tag, scan_comment, scan_tag
from chains.ingest.slugs import custom_id

_COMMENT_ID = re.compile(r"/\*\s*#(\S+).*\*/", re.DOTALL)
_TAG_LIKE = re.compile(r"</?[A-Za-z!][^<>\n]*>|</?>")
_HIDDEN_ELEMENT = re.compile(r"<(script|style|svg|head)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_CODE_ELEMENT = re.compile(r"<code\b[^>]*>(.*?)</code\s*>", re.DOTALL | re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^>]*>")
_HELD = re.compile("\x03(\\d+)\x03")
_HEADING_TAG = re.compile(r"h[1-6]")
_BLANKS = re.compile(r"[ \t]+")

_SHORT_NAME = re.compile(r"(?<!\w):[a-z0-9_+-]*[a-z+-][a-z0-9_+-]*:(?!\w)")
_NEW_LINE_TAGS = re.compile(
    r"br|hr|p|div|li|ul|ol|tr|table|thead|tbody|section|article|h[1-6]|dl|dt|dd|aside|header|footer|main|blockquote"
    r"|figure|figcaption|fieldset|legend|details"
)
_SPACE_TAGS = re.compile(r"td|th|summary|option|button|label")


def shown(tokens: Sequence[Token] | None) -> str:
    """The text without links, emphasis, tags and expressions. Code keeps its backticks.

    What pictures show stands behind it, in a line of its own: no sentence is interrupted.
    """
    text, pictures = "", ""
    for token in tokens or ():
        if _is_picture(token):
            pictures += f"{_shown(token)} "
        else:
            text += _shown(token)
    return tidy(f"{text}\n{pictures}")


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
        return plain(tokens[:-1]), "", explicit
    text, explicit = custom_id(slugged(tokens))
    visible = plain(tokens)
    return custom_id(visible)[0] if explicit is not None else visible, text, explicit


def split_at_headings(tokens: Sequence[Token]) -> Iterator[tuple[Tag | None, Sequence[Token]]]:
    """The line's parts: what is `<h2>heading</h2>` with its opening tag, the rest with None."""
    start, at = 0, 0
    while at < len(tokens):
        end = _heading_end(tokens, at)
        if end is None:
            at += 1
            continue
        if at > start:
            yield None, tokens[start:at]
        yield tokens[at].meta["tag"], tokens[at + 1 : end]
        start = at = end + 1
    if start < len(tokens):
        yield None, tokens[start:]


def heading_level(tag: Tag) -> int:
    """1 to 6 of an element that opens a heading, the theme's own among them; else 0."""
    name = (tag.text_of("as") or "h2") if tag.name == "Heading" else tag.name
    return int(name[1]) if _HEADING_TAG.fullmatch(name) and not tag.closing else 0


def _heading_end(tokens: Sequence[Token], at: int) -> int | None:
    """Where the heading that begins at `at` is closed."""
    tag: Tag | None = tokens[at].meta["tag"] if tokens[at].type == "tag" else None
    if tag is None or not heading_level(tag):
        return None
    closing = (n for n in range(at + 1, len(tokens)) if tokens[n].type == "tag")
    return next((n for n in closing if tokens[n].meta["tag"].closing and tokens[n].meta["tag"].name == tag.name), None)


def html_text(source: str) -> str:
    """The text of raw HTML; what is `<code>` stands between backticks."""
    spans: list[str] = []

    def hold(match: re.Match[str]) -> str:
        code = tidy(unescape(_ANY_TAG.sub("", match.group(1)))).replace("\n", " ")
        spans.append(code_span(code) if code else "")
        return f"\x03{len(spans) - 1}\x03"

    text = _plain_html(_CODE_ELEMENT.sub(hold, _HIDDEN_ELEMENT.sub("", source)))
    return _HELD.sub(lambda match: spans[int(match.group(1))], text)


def _plain_html(source: str) -> str:
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
    """What an element's tag itself shows: an image its alternative text, a line break a new line."""
    name = tag.name.lower()
    if _NEW_LINE_TAGS.fullmatch(name):
        return "\n"
    if _SPACE_TAGS.fullmatch(name):
        return " "
    if tag.closing:
        return ""
    return quote_tags(tag.text_of("alt"))


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


def _emoji(match: re.Match[str]) -> str:
    """`:rocket:` as Docusaurus shows it; what is no emoji's name stays."""
    import emoji

    return emoji.emojize(match.group(), language="alias")


def _is_picture(token: Token) -> bool:
    return token.type == "image" or (
        token.type == "tag" and "text" not in token.meta and token.meta["tag"].name.lower() == "img"
    )


def _shown(token: Token) -> str:
    match token.type:
        case "text":
            return quote_tags(_SHORT_NAME.sub(_emoji, token.content))
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
            return token.meta["text"] if "text" in token.meta else tag_text(token.meta["tag"])
        case "expression":
            return str(token.meta["text"])
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


def plain(tokens: Sequence[Token]) -> str:
    """One line, code without its backticks, as a table of contents shows it."""
    parts = [quote_tags(token.content) if token.type == "code_inline" else _shown(token) for token in tokens]
    return tidy("".join(parts)).replace("\n", " ")
