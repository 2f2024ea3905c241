"""A page of a website to its main text: headings with their anchors, paragraphs, items, code and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from lxml import etree, html
from lxml.html import HtmlElement

from chains.ingest.addresses import join
from chains.ingest.page import Block, Heading, Kind, Page, sections

# The main text, the surest place first; the first two are Docusaurus's.
_MAIN = (
    "//article//*[contains(concat(' ', normalize-space(@class), ' '), ' theme-doc-markdown ')]",
    "//article//*[contains(concat(' ', normalize-space(@class), ' '), ' markdown ')]",
    "//main//article",
    "//article",
    "//main",
    "//*[@role='main']",
    "//*[@id='content' or @id='main-content']",
    "//body",
)
_NOT_TEXT = ("script", "style", "noscript", "template", "svg", "nav", "header", "footer", "aside", "form", "button",
             "iframe", "object", "select", "dialog")  # fmt: skip
# What stands around a text, by its role or name, unless the text's title is in it.
_AROUND = frozenset(("navigation", "banner", "contentinfo", "complementary", "search", "nav", "navbar", "sidebar",
                     "toc", "table-of-contents", "breadcrumb", "pagination", "footer", "site-header",
                     "site-footer"))  # fmt: skip
_HIDDEN = re.compile(
    r"(^|\s)(hash-link|headerlink|anchor|sr-only|visually-hidden|theme-doc-toc\S*|breadcrumbs\S*)(\s|$)"
)
# What Docusaurus makes of pages that are in it already.
_LISTS = re.compile(r"\b(docs-tags-list-page|docs-tag-doc-list-page|blog-tags-list-page|blog-tags-post-list-page|"
                    r"blog-archive-page|blog-list-page|search-page-wrapper)\b")  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = {"a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "data", "del", "dfn", "em", "i", "img", "ins", "kbd",
           "label", "mark", "math", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var",
           "wbr"}  # fmt: skip
_DEEPEST = 200  # elements within elements; what lies deeper is read as one text


def read_html(address: str, body: bytes, encoding: str | None) -> Page | None:
    """The page at `address`; None for one without text, that asks not to be indexed, or that lists others."""
    if not body.strip():
        return None
    try:
        root = html.document_fromstring(body, parser=_parser(body, encoding))
    except etree.ParserError:  # nothing but remarks
        return None
    if _asks_for_silence(root) or _LISTS.search(str(root.get("class") or "")):
        return None
    main = next((place for path in _MAIN if (place := _most_of(_elements(root, path))) is not None), None)
    if main is None:
        return None
    title = _title(root, main)
    found = sections(title, list(_events(main)))
    if not any(section.blocks for section in found):
        return None
    return Page(
        path=address,
        url=_canonical(root, address),
        title=title,
        breadcrumb=(),
        sections=found,
        version=_meta(root, "docsearch:version") or _meta(root, "docusaurus_version") or "current",
        language=(root.get("lang") or "").strip() or "en",
    )


def _parser(body: bytes, said: str | None) -> html.HTMLParser:
    """What reads as UTF-8 is that, whatever the server says; else the server's word, else the page's."""
    encoding = said
    if not body.isascii():
        with suppress(UnicodeDecodeError):
            body.decode()
            encoding = "utf-8"
    try:
        return html.HTMLParser(encoding=encoding, no_network=True, huge_tree=False)
    except LookupError:  # a name that nobody knows
        return html.HTMLParser(no_network=True, huge_tree=False)


def _most_of(places: list[HtmlElement]) -> HtmlElement | None:
    """The place with most of their text: where cards or comments are elements of the same kind, there may be none."""
    outer = [each for each in places if not any(above in places for above in each.iterancestors())]
    sized = [(len(_text(each)), each) for each in outer]
    length, place = max(sized, key=lambda each: each[0], default=(0, None))
    return place if length and 3 * length >= 2 * sum(size for size, _ in sized) else None


def _asks_for_silence(root: HtmlElement) -> bool:
    return bool({"noindex", "none"} & set(re.split(r"[\s,]+", _meta(root, "robots").lower())))


def _meta(root: HtmlElement, name: str) -> str:
    return next((str(meta.get("content") or "").strip() for meta in root.iter("meta") if meta.get("name") == name), "")


def _elements(root: HtmlElement, path: str) -> list[HtmlElement]:
    return list(root.xpath(path))


def _canonical(root: HtmlElement, address: str) -> str:
    """What the page calls its address: on its own host, or the same path on another, as a copy being tried has it."""
    links = [str(link.get("href") or "").strip() for link in _elements(root, "//link[@rel='canonical']")]
    said = join(address, links[0]) if links and links[0] else address
    told, own = urlsplit(said), urlsplit(address)
    fits = told.netloc == own.netloc or told.path.strip("/") == own.path.strip("/")
    return said if told.scheme in ("http", "https") and fits else address


def _title(root: HtmlElement, main: HtmlElement) -> str:
    """The first heading, which may stand in a header above the text; else that of the window, without the site's."""
    first = [_text(heading) for place in (main, root) for heading in _elements(place, ".//h1")]
    named = [re.split(r"\s[|·–—]\s", _text(title))[0] for title in _elements(root, "//title")]
    return next((text for text in (*first, *named) if text), "Untitled")


def _events(main: HtmlElement) -> Iterator[Block | Heading]:
    """Headings and blocks in reading order; text beside blocks is a paragraph of its own."""
    loose: list[str] = []
    for event in _walk(main, 0):
        if isinstance(event, str):
            loose.append(event)
            continue
        yield from _paragraph(loose)
        loose.clear()
        if isinstance(event, Heading) or event.text:
            yield event
    yield from _paragraph(loose)


def _walk(element: HtmlElement, depth: int) -> Iterator[Block | Heading | str]:
    if element.text:
        yield element.text
    for child in element:
        if _shown(child):
            yield from _child(child, depth)
        if child.tail:
            yield child.tail


def _child(child: HtmlElement, depth: int) -> Iterator[Block | Heading | str]:
    tag = str(child.tag)
    if tag in _HEADINGS:
        yield Heading(_HEADINGS[tag], _text(child), str(child.get("id") or _inner_id(child)))
    elif tag == "pre":
        yield Block(Kind.CODE, f"```\n{_code(child)}\n```")
    elif tag == "table":
        yield Block(Kind.TABLE, _table(child))
    elif tag in ("ul", "ol") and depth < _DEEPEST:
        yield from _items(child, depth)
    elif tag in _INLINE and not _holds_blocks(child):
        yield (
            f"`{_text(child)}`"
            if tag == "code" and _text(child)
            else "\n"
            if tag == "br"
            else _text(child, strip=False)
        )
    elif depth < _DEEPEST:
        yield Block(Kind.TEXT, "")
        yield from _walk(child, depth + 1)
        yield Block(Kind.TEXT, "")
    else:
        yield _text(child)


def _items(listed: HtmlElement, depth: int) -> Iterator[Block | Heading | str]:
    for item in filter(_shown, listed):
        loose: list[str] = []
        inner: list[Block | Heading] = []
        for event in _walk(item, depth + 1):
            if isinstance(event, str):
                loose.append(event)
            elif isinstance(event, Heading) or event.text:
                inner.append(event)
        own = " ".join("".join(loose).split())
        if not own and inner and isinstance(inner[0], Block) and inner[0].kind is Kind.TEXT:
            own = inner.pop(0).text
        if own:
            yield Block(Kind.ITEM, f"- {own}")
        yield from inner


def _paragraph(loose: list[str]) -> Iterator[Block]:
    text = re.sub(r"[ \t\r\f\v]*\n\s*|[ \t\r\f\v]+", " ", "".join(loose)).strip()
    if text:
        yield Block(Kind.TEXT, text)


def _shown(element: HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element.tag in _NOT_TEXT:
        return False
    hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true"
    return not hidden and not _HIDDEN.search(element.get("class") or "") and not _is_around(element)


def _is_around(element: HtmlElement) -> bool:
    told = f"{element.get('role') or ''} {element.get('class') or ''} {element.get('id') or ''}".lower().split()
    return not _AROUND.isdisjoint(told) and next(element.iter("h1"), None) is None


def _holds_blocks(element: HtmlElement) -> bool:
    return any(isinstance(each.tag, str) and each.tag not in _INLINE for each in element.iterdescendants())


def _text(element: HtmlElement, *, strip: bool = True) -> str:
    text = re.sub(r"\s+", " ", "".join(_texts(element))).replace("\u200b", "")
    return text.strip() if strip else text


def _texts(element: HtmlElement) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if _shown(child):
            yield from _texts(child)
        yield child.tail or ""


def _inner_id(heading: HtmlElement) -> str:
    """Where it is not on the heading: on something in it, or on the section around it."""
    above = heading.getparent()
    places = [*heading.iterdescendants(), *([above] if above is not None and above.tag == "section" else [])]
    return next((str(place.get("id")) for place in places if place.get("id")), "")


def _code(pre: HtmlElement) -> str:
    """Lines as they stand, also where each is an element that ends in <br>."""
    for line_break in pre.iter("br"):
        line_break.tail = f"\n{line_break.tail or ''}"
    return "".join(str(text) for text in pre.itertext()).strip("\n").replace("\u200b", "")


def _table(table: HtmlElement) -> str:
    cells = ([cell for cell in row if cell.tag in ("th", "td")] for row in table.iter("tr"))
    rows = [[_text(cell).replace("|", "\\|") for cell in row] for row in cells]
    rows = [row for row in rows if any(row)]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])
