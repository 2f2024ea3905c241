"""JavaScript and TypeScript to tokens. A JSX element is one token, and so is a template: both hold sources again."""

from __future__ import annotations

import re

from chains.ingest.jsx import scan_element, scan_template

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<number>\d[\w.]*)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<mark>=>|\.\.\.|\?\?|\?\.(?!\d)|&&|\|\||===|!==|==|!=|<=|>=|.)""",
    re.DOTALL | re.VERBOSE,
)
_BEFORE_VALUES = frozenset(("return", "default", "case", "in", "of"))

OPEN, CLOSE = "([{", ")]}"

# A kind (string, template, number, name, jsx or mark) and the text.
Token = tuple[str, str]


def tokenize(source: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        kind, end = _next_token(source, position, tokens)
        if kind != "skip":
            tokens.append((kind, source[position:end]))
        position = end
    return tokens


def _next_token(source: str, position: int, before: list[Token]) -> tuple[str, int]:
    character = source[position]
    if character == "`":
        return "template", scan_template(source, position)
    if character == "<" and _expects_value(before):
        end = scan_element(source, position)
        if end is not None:
            return "jsx", end
    match = _TOKEN.match(source, position)
    assert match is not None  # the last alternative takes any character
    return match.lastgroup or "", match.end()


def _expects_value(before: list[Token]) -> bool:
    """Whether a value may begin here, so that `<` opens an element and is no comparison and no type's parameter."""
    if not before:
        return True
    kind, text = before[-1]
    return text in _BEFORE_VALUES if kind == "name" else kind == "mark" and text not in (")", "]", "}")


class TokenReader:
    """A position among tokens."""

    def __init__(self, tokens: list[Token], at: int) -> None:
        self.tokens = tokens
        self.at = at

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def text(self) -> str:
        kind, text = self.peek()
        return text if kind in ("mark", "name") else "" if not kind else "\0"

    def next(self) -> str:
        _, text = self.peek()
        self.at += 1
        return text

    def take(self, mark: str) -> bool:
        if self.text() != mark:
            return False
        self.at += 1
        return True

    def finish_item(self, before: int) -> None:
        """Step over what was not understood, up to the end of this item."""
        self.skip_value()
        if not self.take(",") and self.at == before:
            self.at += 1

    def close(self, mark: str) -> None:
        self.skip_value()
        self.take(mark)

    def skip_value(self) -> None:
        while self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            if kind == "mark" and text in ",;" + CLOSE:
                return
            if kind == "mark" and text in OPEN:
                self.skip_brackets()
            else:
                self.at += 1

    def skip_to(self, *marks: str) -> None:
        while self.at < len(self.tokens) and self.text() not in marks:
            self.at += 1

    def skip_brackets(self) -> None:
        """Over a bracket and all that it holds."""
        depth = 0
        while self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            self.at += 1
            depth += (text in OPEN) - (text in CLOSE) if kind == "mark" else 0
            if depth == 0:
                return
