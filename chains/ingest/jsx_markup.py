"""What an element shows: HTML, with the values of its expressions and the elements that its components return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from chains.ingest.javascript_functions import call
from chains.ingest.javascript_operations import UNKNOWN, Alternatives, Markup, member, text_of
from chains.ingest.javascript_scope import Function, Scope
from chains.ingest.jsx import Tag, scan_expression, scan_tag
from chains.ingest.shown import shown_values

CHILDREN = Markup("\x01")  # where the children of a component stand that are read later
_PARTIAL = re.compile("\x02(\\d+)\x02")

_VOID = frozenset(("br", "hr", "img", "input", "wbr"))
_HIDDEN = frozenset(("script", "style", "svg", "head", "Head"))
_TRANSPARENT = frozenset(("BrowserOnly", "Translate", "Fragment", "Suspense", "Link", "Tabs", "MDXContent"))
_COMMENT = re.compile(r"\s*(?:/\*.*?\*/\s*)*", re.DOTALL)


@dataclass(frozen=True)
class Partial:
    """A Markdown file that is used as a component."""

    file: Path


class Renderer:
    """Renders elements. Partials become marks in the HTML: `parts` gives them back, with what they were given."""

    def __init__(self) -> None:
        self._partials: list[tuple[Partial, dict[str, Any]]] = []

    def render(self, source: str, scope: Scope) -> Markup:
        return _Element(self, source, scope).read(0)[0]

    def show(self, component: Any, props: Mapping[str, Any]) -> Markup | None:
        """What a component with these properties shows; None when it is not known."""
        if isinstance(component, Partial):
            self._partials.append((component, dict(props)))
            return Markup(f"\x02{len(self._partials) - 1}\x02")
        if isinstance(component, Function):
            return html_of(call(component, [dict(props)]))
        return None

    def parts(self, html: str) -> Iterator[str | tuple[Partial, dict[str, Any]]]:
        """The HTML between the partials, and the partials."""
        pieces = _PARTIAL.split(html)
        for index, piece in enumerate(pieces):
            yield self._partials[int(piece)] if index % 2 else piece


def html_of(value: Any) -> Markup:
    """A value among children: texts escaped, lists one after the other, and nothing for what React leaves out."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, list):
        return Markup((" " if isinstance(value, Alternatives) else "").join(map(html_of, value)))
    if isinstance(value, Function):
        return html_of(call(value, []))
    text = text_of(value)
    return Markup("" if text is None else escape(text, quote=False))


def properties(tag: Tag, scope: Scope) -> dict[str, Any]:
    """A tag's attributes with their values."""
    values: dict[str, Any] = dict(tag.texts)
    for name, source in tag.expressions.items():
        value = scope.evaluate(source.removeprefix("..."))
        if name == "...":
            values.update(value if isinstance(value, dict) else {})
        else:
            values[name] = value
    return values


def component_named(name: str, scope: Scope) -> Any:
    """What `Tabs`, or `props.Icon`, stands for."""
    first, *rest = name.split(".")
    value = scope.look_up(first)
    for step in rest:
        value = value.scope.look_up(f".{step}") if isinstance(value, Function) else member(value, step)
    return value


class _Element:
    def __init__(self, renderer: Renderer, source: str, scope: Scope) -> None:
        self.renderer = renderer
        self.source = source
        self.scope = scope

    def read(self, position: int) -> tuple[Markup, int]:
        """The element that begins at `position`, and where it ends."""
        tag = scan_tag(self.source, position)
        if tag is None or tag.closing:
            return Markup(""), len(self.source)
        children, end = (Markup(""), tag.end) if tag.self_closing else self._children(tag.end)
        return self._shown(tag, children), end

    def _children(self, position: int) -> tuple[Markup, int]:
        parts: list[str] = []
        while position < len(self.source):
            match self.source[position]:
                case "{":
                    end = scan_expression(self.source, position) or len(self.source)
                    parts.append(self._expression(self.source[position + 1 : end - 1]))
                case "<":
                    tag = scan_tag(self.source, position)
                    if tag is not None and tag.closing:
                        return Markup("".join(parts)), tag.end
                    piece, end = self.read(position)
                    parts.append(piece)
                case _:
                    end = _text_end(self.source, position)
                    parts.append(_jsx_text(self.source[position:end]))
            position = end
        return Markup("".join(parts)), position

    def _expression(self, source: str) -> Markup:
        return Markup("") if _COMMENT.fullmatch(source) else html_of(self.scope.evaluate(source))

    def _shown(self, tag: Tag, children: Markup) -> Markup:
        props = properties(tag, self.scope)
        if tag.name in _HIDDEN:
            return Markup("")
        if not tag.name or tag.name in _TRANSPARENT:
            return children
        if tag.name[0].islower() and "." not in tag.name:
            return _host(tag.name, props, children)
        component = component_named(tag.name, self.scope)
        if children:
            props["children"] = children
        shown = self.renderer.show(component, props)
        return shown if shown is not None else unknown_component(tag.name, props, children)


def unknown_component(name: str, props: Mapping[str, Any], children: Markup) -> Markup:
    """A component of the theme or of a package."""
    if name == "Heading":
        return _host(text_of(props.get("as")) or "h2", props, children)
    if name == "CodeBlock":
        return Markup(f"<pre>{children}</pre>")
    texts = "".join(f"<p>{html_of(text)}</p>" for text in shown_values(props) if text != children)
    return Markup(f"<div>{texts}{children}</div>")


def _host(name: str, props: Mapping[str, Any], children: Markup) -> Markup:
    raw = member(props.get("dangerouslySetInnerHTML"), "__html") if "dangerouslySetInnerHTML" in props else UNKNOWN
    inner = raw if isinstance(raw, str) else children or html_of(props.get("children"))
    kept = "".join(
        f' {key}="{escape(value)}"' for key in ("id", "alt") if isinstance(value := props.get(key), str) and value
    )
    return Markup(f"<{name}{kept}/>" if name in _VOID else f"<{name}{kept}>{inner}</{name}>")


def _text_end(source: str, position: int) -> int:
    found = [end for mark in "{<" if (end := source.find(mark, position + 1)) >= 0]
    return min(found, default=len(source))


def _jsx_text(text: str) -> str:
    """As JSX reads it: the blanks around a line break go, and so do empty lines."""
    lines = text.split("\n")
    last = len(lines) - 1
    kept = [
        (line.lstrip() if index else line).rstrip() if index < last else (line.lstrip() if index else line)
        for index, line in enumerate(lines)
    ]
    return " ".join(line for line in kept if line)
