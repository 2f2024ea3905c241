"""Reads one JavaScript value from tokens: literals, objects, arrays, functions, conditions, sums, elements."""

from __future__ import annotations

from typing import Any

from chains.ingest.javascript_operations import UNKNOWN, Alternatives, Unknown, member, number_of, operate, text_of
from chains.ingest.javascript_scope import Function, Scope
from chains.ingest.javascript_tokens import CLOSE, TokenReader
from chains.ingest.jsx import scan_expression, unescape_text

_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_ENVIRONMENT = {"env": {"NODE_ENV": "production"}}
_RANKS = {
    operator: rank
    for rank, level in enumerate(
        (("??", "||"), ("&&",), ("===", "!==", "==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
    )
    for operator in level
}


class ValueReader(TokenReader):
    """A recursive descent; every method leaves the position after what it read."""

    def __init__(self, scope: Scope, at: int) -> None:
        super().__init__(scope.tokens, at)
        self.scope = scope

    def value(self) -> Any:
        """condition ? value : value, up to the comma or bracket that ends it."""
        condition = self._operation(0)
        if not self.take("?"):
            return condition
        chosen, other = self.value(), self.value() if self.take(":") else UNKNOWN
        if condition is UNKNOWN and self.scope.lenient:
            return Alternatives((chosen, other))
        return chosen if condition else other

    def _operation(self, least: int) -> Any:
        left = self._unary()
        while (rank := _RANKS.get(self.text(), -1)) >= least:
            operator = self.next()
            left = operate(operator, left, self._operation(rank + 1), self.scope.lenient)
        return left

    def _unary(self) -> Any:
        if self.take("!"):
            value = self._unary()
            return UNKNOWN if value is UNKNOWN and self.scope.lenient else not value
        if self.take("-"):
            value = self._unary()
            return -value if isinstance(value, int | float) else UNKNOWN
        value = self._postfix(self._primary())
        while self.text() in ("as", "satisfies"):  # TypeScript: what follows is a type
            self.skip_value()
        return value

    def _primary(self) -> Any:
        kind, text = self.peek()
        if not kind or (kind == "mark" and text in CLOSE + ",;"):
            return UNKNOWN
        self.at += 1
        match kind, text:
            case "string", _:
                return unescape_text(text[1:-1])
            case "template", _:
                return self._template(text[1:-1])
            case "number", _:
                return number_of(text)
            case "jsx", _:
                return self.scope.element(text, self.scope)
            case "name", _:
                return self._named(text)
            case _, "{":
                return self._object()
            case _, "[":
                return self.items("]")
            case _, "(":
                return self._parenthesis()
        self.skip_value()
        return UNKNOWN

    def _named(self, name: str) -> Any:
        if name in ("function", "async") and self.text() not in (".", "=>"):
            return self._function()
        if self.text() == "=>":
            return self._arrow(self.at - 1)
        if name == "class":
            return self._class()
        if name == "typeof":
            return _type_of(self._unary())
        if name == "new":
            self.skip_value()
            return UNKNOWN
        if name == "await":
            return self._unary()
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        return _ENVIRONMENT if name == "process" else self._looked_up(name)

    def _looked_up(self, name: str) -> Any:
        value = self.scope.look_up(name)
        if value is UNKNOWN and self.scope.lenient:
            from chains.ingest.javascript_globals import GLOBALS

            return GLOBALS.get(name, UNKNOWN)
        return value

    def _function(self) -> Any:
        self.skip_to("(")
        parameters = self.at
        self.skip_brackets()
        self.skip_to("{", "=>")
        return self._arrow(parameters)

    def _class(self) -> Any:
        """A component that is a class is what its `render` returns."""
        self.skip_to("{")
        start = self.at
        self.skip_brackets()
        for at in range(start, self.at - 2):
            if [text for _, text in self.tokens[at : at + 3]] == ["render", "(", ")"]:
                body = next(n for n in range(at + 3, self.at) if self.tokens[n][1] == "{")
                return Function(self.scope, at + 1, body, renders=True) if self.scope.lenient else UNKNOWN
        return UNKNOWN

    def _arrow(self, parameters: int) -> Any:
        self.take("=>")
        function = Function(self.scope, parameters, self.at)
        if self.text() == "{":
            self.skip_brackets()
        else:
            self.skip_value()
        return function if self.scope.lenient else UNKNOWN

    def _postfix(self, value: Any) -> Any:
        """`.name`, `['name']`, calls, and TypeScript's `!`."""
        while self.text() in (".", "?.", "[", "(", "!") or self._skip_types(value):
            mark = self.next()
            if mark == "[":
                key = self.value()
                self.close("]")
                value = member(value, key)
            elif mark == "(":
                value = self._call(value)
            elif mark != "!":
                value = member(value, self.next())
        return value

    def _skip_types(self, called: Any) -> bool:
        """TypeScript: `<number>` between a function and its arguments."""
        if self.text() != "<" or not (callable(called) or isinstance(called, Function)):
            return False
        depth = 0
        for at in range(self.at, min(self.at + 60, len(self.tokens) - 1)):
            depth += {"<": 1, ">": -1}.get(self.tokens[at][1], 0)
            if depth == 0:
                self.at = at + 1
                return self.text() == "("
        return False

    def _call(self, called: Any) -> Any:
        """`defineConfig({...})` is its object, and `path.resolve(__dirname, '..', 'docs')` a path."""
        arguments = self.items(")")
        if callable(called):
            from chains.ingest.javascript_globals import attempt

            return attempt(called, arguments)
        if isinstance(called, Function):
            from chains.ingest.javascript_functions import call

            return call(called, arguments)
        match arguments:
            case [str(path)] if path.startswith(".") and not self.scope.lenient:
                return path
            case [Function(), *_]:  # memo, forwardRef, observer
                return arguments[0]
            case [dict()] if not self.scope.lenient:
                return arguments[0]
            case [Unknown(), *steps] if steps and all(isinstance(step, str) for step in steps):
                return "/".join(steps)
        return UNKNOWN

    def _parenthesis(self) -> Any:
        opening = self.at - 1
        end = ValueReader(self.scope, opening)
        end.skip_brackets()
        if end.text() == ":":  # TypeScript: what the arrow gives
            end.skip_to("=>", *",;)}")
        if end.text() == "=>":
            self.at = end.at
            return self._arrow(opening)
        values = self.items(")")
        return values[-1] if values else UNKNOWN

    def items(self, end: str) -> list[Any]:
        items: list[Any] = []
        while self.text() not in (end, ""):
            before = self.at
            spread = self.take("...")
            value = self.value()
            items.extend(value if spread and isinstance(value, list) else [value])
            self.finish_item(before)
        self.take(end)
        return items

    def _object(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while self.text() not in ("}", ""):
            before = self.at
            if self.take("..."):
                spread = self.value()
                members.update(spread if isinstance(spread, dict) else {})
            else:
                self._member_of(members)
            self.finish_item(before)
        self.take("}")
        return members

    def _member_of(self, members: dict[str, Any]) -> None:
        kind, text = self.peek()
        self.at += 1
        key = text[1:-1] if kind == "string" else text
        if kind not in ("string", "name", "number"):
            self.skip_value()
        elif self.take(":"):
            members[key] = self.value()
        elif self.text() in (",", "}"):
            members[key] = self._named(key)

    def _template(self, body: str) -> Any:
        parts: list[str] = []
        position = 0
        while (opening := body.find("${", position)) >= 0:
            end = scan_expression(body, opening + 1) or len(body)
            value = self.scope.evaluate(body[opening + 2 : end - 1])
            if not isinstance(value, str | int) and not self.scope.lenient:
                return UNKNOWN
            parts += [unescape_text(body[position:opening]), text_of(value) or ""]
            position = end
        return "".join([*parts, unescape_text(body[position:])])


def _type_of(value: Any) -> Any:
    if isinstance(value, str | Unknown):
        return "string" if isinstance(value, str) else UNKNOWN
    types = {bool: "boolean", int: "number", float: "number", Function: "function"}
    return types.get(type(value), "object")
