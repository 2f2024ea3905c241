"""Finds the configuration in a Docusaurus configuration file without running it.

Values are read as a production build with an empty environment would see them: `process.env.NODE_ENV` is "production",
every other variable is undefined. Whatever else stands there, calls and functions above all, becomes `UNKNOWN`.
"""

from __future__ import annotations

from typing import Any

from chains.ingest.javascript_functions import find_constants, find_default
from chains.ingest.javascript_operations import UNKNOWN
from chains.ingest.javascript_scope import Scope
from chains.ingest.javascript_tokens import Token, tokenize


def read_configuration(source: str, keys: tuple[str, ...] = ("baseUrl", "url", "presets")) -> dict[str, Any]:
    """The object that looks like a site's configuration: the first with the first of `keys`, else with the next.

    Returns an empty dict when there is none.
    """
    objects = read_objects(source)
    for key in keys:
        for candidate in objects:
            if key in candidate:
                return candidate
    return {}


def read_default(source: str) -> Any:
    """The value of `export default`, or of `module.exports =`."""
    tokens = tokenize(source)
    at = find_default(tokens)
    return UNKNOWN if at is None else Scope(tokens, find_constants(tokens)).value_at(at)


def read_objects(source: str) -> list[dict[str, Any]]:
    """Every object that is assigned, exported, returned or passed; nested ones are part of the one around them."""
    tokens = tokenize(source)
    scope = Scope(tokens, find_constants(tokens))
    starts = [at for at in range(len(tokens)) if _starts_object(tokens, at)]
    return [value for at in starts if isinstance(value := scope.value_at(at), dict)]


def _starts_object(tokens: list[Token], at: int) -> bool:
    before = tokens[at - 1][1] if at else ""
    return tokens[at] == ("mark", "{") and before in ("=", "default", "return", "(")
