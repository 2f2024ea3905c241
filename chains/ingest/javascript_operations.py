"""What operators and methods make of JavaScript values that are known, at least in part."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final


class Unknown:
    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = Unknown()


class Alternatives(list[Any]):
    """What something unknown decides between; the last is what mostly shows first: `open ? hint : 'Show the hint'`."""


class Markup(str):
    """HTML, where a plain string is a text."""


def operate(operator: str, left: Any, right: Any, lenient: bool) -> Any:
    """The value of `left operator right`. In a `lenient` scope what is unknown counts as both true and false."""
    unknown = left is UNKNOWN or right is UNKNOWN
    match operator:
        case "||":
            return left or right
        case "??":
            return right if left is None or left is UNKNOWN else left
        case "&&":
            return right if left or (left is UNKNOWN and lenient) else left
        case "==" | "===":
            return UNKNOWN if unknown and lenient else left == right
        case "!=" | "!==":
            return UNKNOWN if unknown and lenient else left != right
    return UNKNOWN if unknown else _calculate(operator, left, right)


def _calculate(operator: str, left: Any, right: Any) -> Any:
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        texts = [text_of(left), text_of(right)]
        return UNKNOWN if None in texts else "".join(text or "" for text in texts)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return UNKNOWN
    operations: dict[str, Callable[[], Any]] = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right if right else UNKNOWN,
        "%": lambda: left % right if right else UNKNOWN,
        "<": lambda: left < right,
        ">": lambda: left > right,
        "<=": lambda: left <= right,
        ">=": lambda: left >= right,
    }
    return operations[operator]()


def text_of(value: Any) -> str | None:
    """A string, or a number as JavaScript writes it; None for what is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Alternatives):
        return next((text for item in reversed(value) if (text := text_of(item)) is not None), None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if value == int(value) else str(value)


def number_of(text: str) -> Any:
    """A number as it is written; hexadecimal ones and the like are not read."""
    if text.isdecimal():
        return int(text)
    return float(text) if text.replace(".", "", 1).isdecimal() else UNKNOWN


def member(value: Any, key: Any) -> Any:
    """`value[key]`: of an object, a list, or a method of a string."""
    if isinstance(value, dict):
        return value.get(key) if isinstance(key, str) else value.get(str(key))
    if isinstance(value, list | str) and key == "length":
        return len(value)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    methods = STRING_METHODS if isinstance(value, str) else NUMBER_METHODS if isinstance(value, int | float) else {}
    if isinstance(key, str) and key in methods:
        return partial(methods[key], value)
    return _list_method(value, key)


def _list_method(value: Any, key: Any) -> Any:
    if not isinstance(value, list):
        return UNKNOWN
    from chains.ingest.javascript_functions import LIST_METHODS

    method = LIST_METHODS.get(key) if isinstance(key, str) else None
    return UNKNOWN if method is None else partial(method, value)


STRING_METHODS: dict[str, Callable[..., Any]] = {
    "toUpperCase": lambda text: text.upper(),
    "toLowerCase": lambda text: text.lower(),
    "trim": lambda text: text.strip(),
    "toString": lambda text: text,
    "repeat": lambda text, times: text * times,
    "charAt": lambda text, at=0: text[at : at + 1],
    "slice": lambda text, start=0, end=None: text[start:end],
    "substring": lambda text, start=0, end=None: text[start:end],
    "startsWith": lambda text, start: text.startswith(start),
    "endsWith": lambda text, end: text.endswith(end),
    "includes": lambda text, part: part in text,
    "padStart": lambda text, length, fill=" ": text.rjust(length, fill),
    "split": lambda text, mark="", *_: list(text) if mark == "" else text.split(mark),
    "replace": lambda text, old, new: text.replace(old, new, 1) if isinstance(new, str) else text,
    "replaceAll": lambda text, old, new: text.replace(old, new) if isinstance(new, str) else text,
}
NUMBER_METHODS: dict[str, Callable[..., Any]] = {
    "toFixed": lambda number, digits=0: f"{number:.{digits}f}",
    "toString": lambda number: text_of(number),
    "toLocaleString": lambda number, *_: f"{number:,.3f}".rstrip("0").rstrip("."),
}
