"""The methods of JavaScript's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chains.ingest.javascript_functions import call
from chains.ingest.javascript_operations import UNKNOWN, text_of
from chains.ingest.javascript_scope import Function


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
