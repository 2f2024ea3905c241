"""What every JavaScript module knows without an import, and React's hooks: as much of it as pages show texts with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chains.ingest.javascript_functions import call
from chains.ingest.javascript_operations import UNKNOWN, number_of, text_of
from chains.ingest.javascript_scope import Function


def _entries(value: Any, *_: Any) -> list[Any]:
    return [[key, item] for key, item in _pairs(value)]


def _keys(value: Any, *_: Any) -> list[Any]:
    return [key for key, _ in _pairs(value)]


def _values(value: Any, *_: Any) -> list[Any]:
    return [item for _, item in _pairs(value)]


def _pairs(value: Any) -> list[tuple[str, Any]]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [(str(key), item) for key, item in items]


def _assign(*objects: Any) -> Any:
    return {key: item for each in objects if isinstance(each, Mapping) for key, item in each.items()}


def _array_from(value: Any = None, function: Any = None, *_: Any) -> Any:
    length = value.get("length") if isinstance(value, Mapping) else None
    items = [None] * length if isinstance(length, int) else list(value) if isinstance(value, list | str) else None
    if items is None:
        return UNKNOWN
    return [call(function, [item, at]) for at, item in enumerate(items)] if isinstance(function, Function) else items


def _state(initial: Any = None, *_: Any) -> list[Any]:
    """A count or a text is what the page shows first; what is true or false at first may be the other way later."""
    value = call(initial, []) if isinstance(initial, Function) else initial
    return [value if isinstance(value, str | int | float) and not isinstance(value, bool) else UNKNOWN, UNKNOWN]


def _once(function: Any = None, *_: Any) -> Any:
    return call(function, []) if isinstance(function, Function) else UNKNOWN


def _text(value: Any = "", *_: Any) -> Any:
    return UNKNOWN if (text := text_of(value)) is None else text


_HOOKS: dict[str, Any] = {"useState": _state, "useMemo": _once}


class _Constructor(dict[str, Any]):
    """`String(7)` and `String.fromCharCode(65)`."""

    def __init__(self, called: Callable[..., Any], **members: Any) -> None:
        super().__init__(members)
        self._called = called

    def __call__(self, *arguments: Any) -> Any:
        return self._called(*arguments)


def _number(value: Any = 0, *_: Any) -> Any:
    return value if isinstance(value, int | float) else number_of(value.strip())


GLOBALS: Mapping[str, Any] = {
    **_HOOKS,
    "React": _HOOKS,
    "Object": {"entries": _entries, "keys": _keys, "values": _values, "assign": _assign, "freeze": lambda value: value},
    "Array": _Constructor(
        lambda length: [None] * length, **{"from": _array_from, "isArray": lambda value: isinstance(value, list)}
    ),
    "Math": {"max": max, "min": min, "round": lambda number: int(number + 0.5), "floor": lambda number: number // 1},
    "JSON": {"stringify": lambda value, _=None, indent=None: json.dumps(value, indent=indent, ensure_ascii=False)},
    "String": _Constructor(_text, fromCharCode=lambda *codes: "".join(map(chr, codes))),
    "Number": _Constructor(_number, isInteger=lambda value: isinstance(value, int)),
    "Boolean": bool,
    "parseInt": _number,
    "parseFloat": _number,
}


def attempt(called: Callable[..., Any], arguments: list[Any]) -> Any:
    """The result; unknown where an argument is nothing that the function takes, as one that is unknown itself."""
    try:
        return called(*arguments)
    except (TypeError, ValueError, AttributeError):
        return UNKNOWN
