"""Reads one JavaScript value from tokens: literals, objects, arrays, named constants, conditions, string sums."""

from __future__ import annotations

import re
from typing import Any, Final


class _Unknown:
    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = _Unknown()

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<template>`(?:[^`\\]|\\.)*`)
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<number>\d[\w.]*)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<mark>=>|\.\.\.|\?\?|\?\.(?!\d)|&&|\|\||===|!==|==|!=|.)""",
    re.DOTALL | re.VERBOSE,
)
_INTERPOLATION = re.compile(r"\$\{([^{}]*)\}")
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_OPEN, _CLOSE = "([{", ")]}"
_ENVIRONMENT = {"env": {"NODE_ENV": "production"}}

Token = tuple[str, str]


def tokenize(source: str) -> list[Token]:
    return [(match.lastgroup or "", match.group()) for match in _TOKEN.finditer(source) if match.lastgroup != "skip"]


class ValueReader:
    """A recursive descent; every method leaves the position after what it read."""

    def __init__(self, tokens: list[Token], at: int, constants: dict[str, int], depth: int = 0) -> None:
        self.tokens = tokens
        self.at = at
        self.constants = constants
        self.depth = depth

    def value(self) -> Any:
        """condition ? value : value, up to the comma or bracket that ends it."""
        condition = self._either()
        if not self._take("?"):
            return condition
        chosen, other = self.value(), self.value() if self._take(":") else UNKNOWN
        return chosen if condition else other

    def _either(self) -> Any:
        left = self._both()
        while self._text() in ("||", "??"):
            nullish = self._next() == "??"
            right = self._both()
            left = right if (left is None or left is UNKNOWN if nullish else not left) else left
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._take("&&"):
            right = self._compared()
            left = right if left else left
        return left

    def _compared(self) -> Any:
        left = self._sum()
        while self._text() in ("===", "==", "!==", "!="):
            differs = self._next().startswith("!")
            left = (left != self._sum()) is differs
        return left

    def _sum(self) -> Any:
        left = self._unary()
        while self._take("+"):
            right = self._unary()
            left = left + right if isinstance(left, str) and isinstance(right, str) else UNKNOWN
        return left

    def _unary(self) -> Any:
        if self._take("!"):
            return not self._unary()
        value = self._postfix(self._primary())
        while self._text() in ("as", "satisfies"):  # TypeScript: what follows is a type
            self._skip_value()
        return value

    def _primary(self) -> Any:
        kind, text = self._peek()
        if text in _CLOSE or text in (",", ""):
            return UNKNOWN
        self.at += 1
        match kind, text:
            case "string", _:
                return re.sub(r"\\(.)", r"\1", text[1:-1])
            case "template", _:
                return self._template(text[1:-1])
            case "number", _:
                return int(text) if text.isdecimal() else UNKNOWN
            case "name", _:
                return self._named(text)
            case _, "{":
                return self._object()
            case _, "[":
                return self._items("]")
            case _, "(":
                return self._parenthesis()
        self._skip_value()
        return UNKNOWN

    def _named(self, name: str) -> Any:
        if name in ("function", "async", "class", "new", "await", "typeof") or self._text() == "=>":
            self._skip_value()
            return UNKNOWN
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name == "process":
            return _ENVIRONMENT
        if name in self.constants and self.depth < 10:
            return ValueReader(self.tokens, self.constants[name], self.constants, self.depth + 1).value()
        return UNKNOWN

    def _postfix(self, value: Any) -> Any:
        """`.name`, `['name']`, calls, and the arrow that makes a function of it all."""
        while self._text() in (".", "?.", "[", "(", "=>"):
            mark = self._next()
            if mark == "=>":
                self._skip_value()
                value = UNKNOWN
            elif mark == "[":
                key = self.value()
                self._close("]")
                value = _member(value, key)
            elif mark == "(":
                value = self._call()
            else:
                value = _member(value, self._next())
        return value

    def _call(self) -> Any:
        """Unknown, but for `defineConfig({...})`, which is its object, and `path.resolve(__dirname, '..', 'docs')`."""
        arguments = self._items(")")
        match arguments:
            case [dict()]:
                return arguments[0]
            case [_Unknown(), *steps] if steps and all(isinstance(step, str) for step in steps):
                return "/".join(steps)
        return UNKNOWN

    def _parenthesis(self) -> Any:
        values = self._items(")")
        return values[-1] if values else UNKNOWN

    def _items(self, end: str) -> list[Any]:
        items: list[Any] = []
        while self._text() not in (end, ""):
            before = self.at
            spread = self._take("...")
            value = self.value()
            items.extend(value if spread and isinstance(value, list) else [value])
            self._finish_item(before)
        self._take(end)
        return items

    def _object(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while self._text() not in ("}", ""):
            before = self.at
            if self._take("..."):
                spread = self.value()
                members.update(spread if isinstance(spread, dict) else {})
            else:
                self._member_of(members)
            self._finish_item(before)
        self._take("}")
        return members

    def _member_of(self, members: dict[str, Any]) -> None:
        kind, text = self._peek()
        self.at += 1
        key = text[1:-1] if kind == "string" else text
        if kind not in ("string", "name", "number"):
            self._skip_value()
        elif self._take(":"):
            members[key] = self.value()
        elif self._text() in (",", "}"):
            members[key] = self._named(key)

    def _finish_item(self, before: int) -> None:
        """Step over what was not understood, up to the end of this item."""
        self._skip_value()
        if not self._take(",") and self.at == before:
            self.at += 1

    def _close(self, mark: str) -> None:
        self._skip_value()
        self._take(mark)

    def _skip_value(self) -> None:
        depth = 0
        while self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            if kind == "mark" and depth == 0 and text in ",;" + _CLOSE:
                return
            if kind == "mark":
                depth += (text in _OPEN) - (text in _CLOSE)
            self.at += 1

    def _template(self, body: str) -> Any:
        parts = [_interpolated(part, self) for part in _INTERPOLATION.findall(body)]
        if not all(isinstance(part, str) for part in parts):
            return UNKNOWN
        values = iter(parts)
        return re.sub(r"\\(.)", r"\1", _INTERPOLATION.sub(lambda _: next(values), body))

    def _peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _text(self) -> str:
        kind, text = self._peek()
        return text if kind in ("mark", "name") else "" if not kind else "\0"

    def _next(self) -> str:
        _, text = self._peek()
        self.at += 1
        return text

    def _take(self, mark: str) -> bool:
        if self._text() != mark:
            return False
        self.at += 1
        return True


def _member(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return UNKNOWN


def _interpolated(source: str, reader: ValueReader) -> Any:
    tokens = [*reader.tokens, *tokenize(source)]
    return ValueReader(tokens, len(reader.tokens), reader.constants, reader.depth + 1).value()
