"""Finds the configuration in a Docusaurus configuration file without running it.

Values are read as a production build with an empty environment would see them: `process.env.NODE_ENV` is "production",
every other variable is undefined. What cannot be known without running it becomes `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chains.ingest.javascript_functions import call, find_constants, find_default
from chains.ingest.javascript_operations import UNKNOWN
from chains.ingest.javascript_scope import Function, Scope
from chains.ingest.javascript_tokens import Token, tokenize

_KEYS = ("url", "baseUrl", "presets", "title")

# What a name stands for that another file exports.
Import = Callable[[str], Any]


def read_configuration(source: str, imported: Import = lambda name: UNKNOWN) -> dict[str, Any]:
    """The site's configuration: the default export or, where that is not known, the object that looks most like one.

    Returns an empty dict when there is none.
    """
    tokens = tokenize(source)
    scope = Scope(tokens, find_constants(tokens), imported=imported)
    exported = _default(scope)
    candidates = [exported] if isinstance(exported, dict) and _likeness(exported) else _objects(scope)
    best = max(candidates, key=_likeness, default={})
    return {**best, **_assigned(scope)} if _likeness(best) else {}


def read_default(source: str, imported: Import = lambda name: UNKNOWN) -> Any:
    """The value of `export default`, or of `module.exports =`; of a function, what it returns."""
    tokens = tokenize(source)
    return _default(Scope(tokens, find_constants(tokens), imported=imported))


def _default(scope: Scope) -> Any:
    at = find_default(scope.tokens)
    value = UNKNOWN if at is None else scope.value_at(at)
    return call(value, []) if isinstance(value, Function) else value


def _likeness(candidate: dict[str, Any]) -> int:
    return sum(key in candidate for key in _KEYS)


def _assigned(scope: Scope) -> dict[str, Any]:
    """`config.presets = ...` below the object."""
    return {name[1:]: scope.look_up(name) for name in scope.constants if name.startswith(".")}


def _objects(scope: Scope) -> list[dict[str, Any]]:
    """Every object that is assigned, exported, returned or passed; nested ones are part of the one around them."""
    starts = [at for at in range(len(scope.tokens)) if _starts_object(scope.tokens, at)]
    return [value for at in starts if isinstance(value := scope.value_at(at), dict)]


def _starts_object(tokens: list[Token], at: int) -> bool:
    before = tokens[at - 1][1] if at else ""
    return tokens[at] == ("mark", "{") and before in ("=", "default", "return", "(")
