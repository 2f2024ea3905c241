"""Names and what they stand for, where a JavaScript value is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chains.ingest.javascript_operations import UNKNOWN
from chains.ingest.javascript_tokens import Token, tokenize

_DEEPEST = 40


@dataclass(frozen=True)
class Scope:
    """Where names are looked up: among the bound, then the constants of these tokens, then what is imported.

    `lenient` is for texts: what depends on something unknown is shown either way. A configuration takes it as absent.
    """

    tokens: list[Token]
    constants: Mapping[str, int]
    bound: Mapping[str, Any] = field(default_factory=dict)
    imported: Callable[[str], Any] = lambda name: UNKNOWN
    element: Callable[[str, Scope], Any] = lambda source, scope: UNKNOWN
    lenient: bool = False
    depth: int = 0

    def bind(self, names: Mapping[str, Any], constants: Mapping[str, int] | None = None) -> Scope:
        """A scope within this one."""
        inner = {**self.constants, **(constants or {})}
        bound = {name: value for name, value in self.bound.items() if name not in (constants or {})}
        return replace(self, constants=inner, bound={**bound, **names}, depth=self.depth + 1)

    def value_at(self, at: int) -> Any:
        from chains.ingest.javascript_values import ValueReader

        return ValueReader(self, at).value()

    def look_up(self, name: str) -> Any:
        if self.depth > _DEEPEST:
            return UNKNOWN
        if name in self.bound:
            return self.bound[name]
        if name in self.constants:
            return self._constant(name, self.constants[name])
        return self.imported(name)

    def _constant(self, name: str, at: int) -> Any:
        from chains.ingest.javascript_functions import unpack

        return unpack(self.bind({}), -at).get(name, UNKNOWN) if at < 0 else self.bind({}).value_at(at)

    def evaluate(self, source: str) -> Any:
        """The value of an expression that stands elsewhere and sees the names of this scope."""
        tokens = tokenize(source)
        if self.depth > _DEEPEST or not tokens:
            return UNKNOWN
        return replace(self, tokens=[*self.tokens, *tokens], depth=self.depth + 1).value_at(len(self.tokens))


@dataclass(frozen=True)
class Function:
    """Where the parameters of a function or an arrow begin and where its body does.

    `renders`: it is a class's `render`, which finds its properties in `this`.
    """

    scope: Scope
    parameters: int
    body: int
    renders: bool = False
