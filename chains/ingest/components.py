"""What the expressions and components of one page show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from chains.ingest.inline import html_text, quote_tags, tag_text
from chains.ingest.javascript_operations import Markup, text_of
from chains.ingest.jsx import Tag
from chains.ingest.jsx_markup import CHILDREN, Partial, Renderer, component_named, html_of, properties
from chains.ingest.modules import Modules
from chains.ingest.shown import shown_values
from chains.ingest.sidebars import Card

# Their properties are for programs.
SILENT = frozenset(("Translate", "Tabs", "Link", "BrowserOnly", "TOCInline"))


class Components:
    """The names of one file: what it imports and exports, its front matter, and the properties that it was given."""

    def __init__(
        self,
        modules: Modules,
        renderer: Renderer,
        file: Path,
        front_matter: Mapping[str, Any],
        props: dict[str, Any],
        cards: Callable[[], Sequence[Card]],
    ) -> None:
        self._modules = modules
        self._folder = file.parent
        self._names = {**modules.components(), "frontMatter": dict(front_matter), "props": props}
        self._cards = cards
        self._tab_labels: dict[str, str] = {}  # those of the last Tabs that has a value count
        self._script = ""
        self.left_over: list[str] = []  # of the line that was resolved last
        self.renderer = renderer
        self.scope = modules.module("", self._folder, self._names).scope

    def declare(self, source: str) -> None:
        """Take in `import` and `export` lines."""
        self._script += source + "\n"
        self.scope = self._modules.module(self._script, self._folder, self._names).scope

    def expression(self, source: str) -> str:
        """The HTML of `{source}`."""
        return html_of(self.scope.evaluate(source))

    def properties(self, tag: Tag) -> dict[str, Any]:
        return properties(tag, self.scope)

    def around(self, tag: Tag) -> tuple[str, str, list[str]] | None:
        """The HTML before and after the children of a component, and the texts among its properties that it does not
        show at first, as the solution behind a button; None for one that is not the site's own."""
        if not tag.name[:1].isupper() and "." not in tag.name:
            return None
        component = component_named(tag.name, self.scope)
        if isinstance(component, Partial):
            # Children of a partial are shown where it says {props.children}; here they follow it.
            return self.renderer.show(component, self.properties(tag)) or "", "", []
        props = self.properties(tag)
        html = self.renderer.show(component, props if tag.self_closing else {**props, "children": CHILDREN})
        if html is None:
            return None
        before, _, after = html.partition(CHILDREN)
        shown = _words(html_text(html))
        left = [text for text in _shown_texts(props) if _words(html_text(text)) not in shown]
        return before, after.replace(CHILDREN, ""), left

    def resolve(self, tokens: list[Token]) -> Iterator[str]:
        """Give the expressions and components of a line their texts; the partials among them are given back."""
        after: list[tuple[str, str]] = []
        self.left_over = []
        for token in tokens:
            if token.type == "expression":
                token.meta["text"] = html_text(self.expression(token.content))
            elif token.type == "tag":
                yield from self._resolve_tag(token, after)

    def _resolve_tag(self, token: Token, after: list[tuple[str, str]]) -> Iterator[str]:
        tag: Tag = token.meta["tag"]
        if tag.closing:
            if after and after[-1][0] == tag.name:
                token.meta["text"] = after.pop()[1]
            return
        around = self.around(tag)
        if around is None:
            token.meta["text"] = self.text_of_tag(tag)
            return
        before, behind, left = around
        self.left_over += left
        texts: list[str] = []
        for part in self.renderer.parts(before + CHILDREN):
            if isinstance(part, str):
                texts.append(_apart(part))
            else:
                yield self.renderer.show(*part) or ""
        token.meta["text"] = "".join(texts)
        if not tag.self_closing:
            after.append((tag.name, _apart(CHILDREN + behind)))

    def text_of_tag(self, tag: Tag) -> str:
        """What a tag itself shows, a component that is not the site's own the texts among its properties."""
        if not tag.name[:1].isupper() or tag.closing:
            return tag_text(tag)
        if tag.name == "DocCardList":
            return "\n".join(f"{card.label}\n{card.description}".strip() for card in self._cards_of(tag))
        if tag.name == "Tabs":
            self._tab_labels.update(self._labels(tag))
        if tag.name in SILENT:
            return ""
        if tag.name == "TabItem":
            value = self.value_text(tag, "value")
            label = self.value_text(tag, "label") or self._tab_labels.get(value) or value
            return label.removesuffix(":") + ":\n" if label else ""
        return quote_tags("\n".join(_shown_texts(self.properties(tag))))

    def _cards_of(self, tag: Tag) -> Sequence[Card]:
        """Those that the page lists itself, else those of its category."""
        items = self.properties(tag).get("items")
        if not isinstance(items, list):
            return self._cards()
        listed = (item for item in items if isinstance(item, dict))
        return [Card(_text(item.get("label")), _text(item.get("description"))) for item in listed]

    def _labels(self, tag: Tag) -> dict[str, str]:
        """The labels in `values={[{label: 'macOS', value: 'mac'}]}`, by value."""
        values = self.properties(tag).get("values")
        pairs = [pair for pair in values if isinstance(pair, dict)] if isinstance(values, list) else []
        return {text_of(pair.get("value")) or "": _text(pair.get("label")) for pair in pairs}

    def value_text(self, tag: Tag, name: str) -> str:
        """One property as a text; "" when it is none."""
        return _text(self.properties(tag).get(name))


def _text(value: Any) -> str:
    return html_text(value) if isinstance(value, Markup) else text_of(value) or ""


def _apart(html: str) -> str:
    """The text, with the blank or the line break that parts it from the children."""
    return html_text(html).replace(CHILDREN, "")


def _shown_texts(props: Mapping[str, Any]) -> list[str]:
    return [_text(value) for value in shown_values(props)]


def _words(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", text)).lower()
