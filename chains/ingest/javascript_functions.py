"""Calls of the functions that were read: a component's, or the one that `map` gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chains.ingest.javascript_operations import UNKNOWN, Alternatives, text_of
from chains.ingest.javascript_scope import Function, Scope
from chains.ingest.javascript_tokens import Token, TokenReader
from chains.ingest.javascript_values import ValueReader

_DECLARATIONS = ("const", "let", "var")


def find_constants(tokens: Sequence[Token], start: int = 0, end: int | None = None) -> dict[str, int]:
    """Where the value of each `const name = value` and of each `function name` begins; where the pattern of
    `const {name} = value` begins, as a negative number."""
    found: dict[str, int] = {}
    stop = len(tokens) if end is None else end
    for at in range(start, stop - 1):
        kind, text = tokens[at]
        if kind != "name":
            continue
        if tokens[at + 1][0] != "name":
            for name, value in _unpacked(tokens, at) if text in _DECLARATIONS else _static(tokens, at):
                found.setdefault(name, value)
            continue
        if text in _DECLARATIONS:
            equals = next((n for n in range(at + 2, min(at + 60, stop)) if tokens[n][1] in ("=", ";")), None)
            if equals is not None and tokens[equals][1] == "=":
                found.setdefault(tokens[at + 1][1], equals + 1)
        elif text in ("function", "class"):
            found.setdefault(tokens[at + 1][1], at)
    return found


def _static(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, int]]:
    """`Exercise.Note = value` under `.Note`."""
    match [text for _, text in tokens[at + 1 : at + 4]]:
        case [".", name, "="] if name != "exports":
            yield f".{name}", at + 4


def _unpacked(tokens: Sequence[Token], at: int) -> Iterator[tuple[str, int]]:
    """The names in `const {a, b: c, d = 1} = value`."""
    reader = TokenReader(list(tokens), at + 1)
    if reader.text() not in ("{", "["):
        return
    reader.skip_brackets()
    end, reader.at = reader.at, at + 2
    while reader.at < end:
        kind, name = reader.peek()
        reader.at += 1
        if kind == "name" and reader.text() != ":":
            yield name, -(at + 1)
        if reader.text() == "=":
            reader.skip_value()


def unpack(scope: Scope, at: int) -> dict[str, Any]:
    """The names of `{a, b: c} = value`, whose pattern begins at `at`, with what they stand for."""
    reader = ValueReader(scope, at)
    reader.skip_brackets()
    reader.skip_to("=")
    names: dict[str, Any] = {}
    _bind(ValueReader(scope, at), scope.value_at(reader.at + 1), names)
    return names


def find_default(tokens: Sequence[Token]) -> int | None:
    """Where the value of `export default`, or of `module.exports =`, begins."""
    for at in range(1, len(tokens) - 1):
        if tokens[at][1] == "default" and tokens[at - 1][1] == "export":
            return at + 1
        if tokens[at][1] == "exports" and tokens[at + 1][1] == "=":
            return at + 2
    return None


def call(function: Function, arguments: Sequence[Any]) -> Any:
    """What the function returns; of several returns, all."""
    if function.scope.depth > 30:
        return UNKNOWN
    this = {"this": {"props": arguments[0] if arguments else {}, "state": UNKNOWN}} if function.renders else {}
    scope = function.scope.bind({**_bound(function, arguments), **this})
    if function.body >= len(scope.tokens) or scope.tokens[function.body][1] != "{":
        return scope.value_at(function.body)
    end = TokenReader(scope.tokens, function.body)
    end.skip_brackets()
    local = scope.bind({}, find_constants(scope.tokens, function.body, end.at))
    values = [local.value_at(at + 1) for at in _returns(scope.tokens, function.body, end.at)]
    return values[0] if len(values) == 1 else Alternatives(value for value in values if value is not None)


def _returns(tokens: Sequence[Token], start: int, end: int) -> list[int]:
    """The `return`s of a body, without those of the functions in it."""
    found: list[int] = []
    at = start + 1
    while at < end:
        text = tokens[at][1]
        if tokens[at] == ("name", "return"):
            found.append(at)
        reader = TokenReader(list(tokens), at)
        if text == "=>" and tokens[at + 1][1] == "{":
            reader.at += 1
            reader.skip_brackets()
        elif text == "function":
            while reader.text() != "{" and reader.at < end:
                reader.at += 1
            reader.skip_brackets()
        else:
            reader.at += 1
        at = reader.at
    return found


def _bound(function: Function, arguments: Sequence[Any]) -> dict[str, Any]:
    """The parameters' names with what they stand for."""
    reader = ValueReader(function.scope, function.parameters)
    if reader.text() != "(":
        return {reader.next(): arguments[0] if arguments else UNKNOWN}
    reader.at += 1
    names: dict[str, Any] = {}
    for index in range(20):
        if reader.text() in (")", ""):
            break
        _bind(reader, arguments[index] if index < len(arguments) else UNKNOWN, names)
        reader.skip_value()
        reader.take(",")
    return names


def _bind(reader: ValueReader, value: Any, names: dict[str, Any]) -> None:
    """A name, or `{a, b: c, d = 1, ...rest}`, or `[a, b]`, each with a default perhaps."""
    opening = reader.next()
    if opening == "{":
        _bind_members(reader, value if isinstance(value, dict) else {}, names)
    elif opening == "[":
        items = value if isinstance(value, list) else []
        for index in range(20):
            if reader.text() in ("]", ""):
                break
            _bind(reader, items[index] if index < len(items) else UNKNOWN, names)
            reader.take(",")
        reader.take("]")
    else:
        names[opening] = value
        if reader.take("="):
            default = reader.value()
            names[opening] = default if value is UNKNOWN or value is None else value


def _bind_members(reader: ValueReader, value: Mapping[str, Any], names: dict[str, Any]) -> None:
    left = dict(value)
    while reader.text() not in ("}", ""):
        if reader.take("..."):
            names[reader.next()] = left
        else:
            kind, key = reader.peek()
            reader.at += 1
            key = key[1:-1] if kind == "string" else key
            if not reader.take(":"):
                reader.at -= 1
            _bind(reader, left.pop(key, None), names)
        reader.skip_value()
        if not reader.take(","):
            break
    reader.take("}")


def _each(function: Any, item: Any, index: int) -> Any:
    if isinstance(function, Function):
        return call(function, [item, index])
    return function(item) if callable(function) else UNKNOWN


def _map(items: list[Any], function: Any = None, *_: Any) -> Any:
    return [_each(function, item, index) for index, item in enumerate(items)]


def _filter(items: list[Any], function: Any = None, *_: Any) -> Any:
    """What may pass stays."""
    return [item for index, item in enumerate(items) if (kept := _each(function, item, index)) or kept is UNKNOWN]


def _sort(items: list[Any], compare: Any = None, *_: Any) -> Any:
    return sorted(items, key=lambda item: text_of(item) or "") if compare is None else items


def _find(items: list[Any], function: Any = None, *_: Any) -> Any:
    """The first that may be meant."""
    return next(iter(_filter(items, function)), None)


def _some(items: list[Any], function: Any = None, *_: Any) -> Any:
    kept = [_each(function, item, index) for index, item in enumerate(items)]
    return True if any(kept) else UNKNOWN if UNKNOWN in kept else False


def _every(items: list[Any], function: Any = None, *_: Any) -> Any:
    kept = [_each(function, item, index) for index, item in enumerate(items)]
    return UNKNOWN if UNKNOWN in kept else all(kept)


def _reduce(items: list[Any], function: Any = None, *start: Any) -> Any:
    result, *rest = [*start[:1], *items]
    for item in rest:
        result = call(function, [result, item]) if isinstance(function, Function) else UNKNOWN
    return result


def _join(items: list[Any], mark: Any = ",", *_: Any) -> Any:
    return str(mark).join(text_of(item) or "" for item in items)


def _concat(items: list[Any], *more: Any) -> Any:
    return items + [item for other in more for item in (other if isinstance(other, list) else [other])]


LIST_METHODS: dict[str, Callable[..., Any]] = {
    "map": _map,
    "flatMap": _map,
    "filter": _filter,
    "join": _join,
    "slice": lambda items, start=0, end=None, *_: items[start:end],
    "concat": _concat,
    "sort": _sort,
    "find": _find,
    "some": _some,
    "every": _every,
    "reduce": _reduce,
    "flat": lambda items, *_: [one for item in items for one in (item if isinstance(item, list) else [item])],
    "keys": lambda items: list(range(len(items))),
    "fill": lambda items, value=None, *_: [value] * len(items),
    "indexOf": lambda items, wanted: items.index(wanted) if wanted in items else -1,
    "reverse": lambda items, *_: items[::-1],
    "includes": lambda items, wanted=None, *_: wanted in items,
}
