"""Finds the configuration in a Docusaurus configuration file without running it.

Values are read as a production build with an empty environment would see them: `process.env.NODE_ENV` is "production",
every other variable is undefined. Whatever else stands there, calls and functions above all, becomes `UNKNOWN`.
"""

from __future__ import annotations

from typing import Any

from chains.ingest.javascript_values import Token, ValueReader, tokenize


def read_configuration(source: str) -> dict[str, Any]:
    """The object that looks like a site's configuration: the first with `baseUrl`, else with `url`, else `presets`.

    Returns an empty dict when there is none.
    """
    tokens = tokenize(source)
    constants = _find_constants(tokens)
    starts = [at for at in range(len(tokens)) if _starts_object(tokens, at)]
    objects = [ValueReader(tokens, at, constants).value() for at in starts]
    for key in ("baseUrl", "url", "presets"):
        for candidate in objects:
            if isinstance(candidate, dict) and key in candidate:
                return candidate
    return {}


def _starts_object(tokens: list[Token], at: int) -> bool:
    """An object that is assigned, exported, returned or passed; nested ones are read with the one around them."""
    before = tokens[at - 1][1] if at else ""
    return tokens[at][1] == "{" and before in ("=", "default", "return", "(")


def _find_constants(tokens: list[Token]) -> dict[str, int]:
    """Where the value of each `const name = value` begins."""
    found: dict[str, int] = {}
    for at, (_, text) in enumerate(tokens):
        if text in ("const", "let", "var") and at + 1 < len(tokens) and tokens[at + 1][0] == "name":
            equals = next((n for n in range(at + 2, min(at + 40, len(tokens))) if tokens[n][1] == "="), None)
            if equals is not None:
                found.setdefault(tokens[at + 1][1], equals + 1)
    return found
