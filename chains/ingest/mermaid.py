"""What a Mermaid diagram says: the texts on its nodes and arrows, without the marks that draw it."""

from __future__ import annotations

import re

_HEAD = re.compile(
    r"(?:graph|flowchart(?:-elk)?|sequenceDiagram|classDiagram(?:-v2)?|stateDiagram(?:-v2)?|erDiagram|journey|gantt"
    r"|pie(?:\s+showData)?|mindmap|timeline|gitGraph|quadrantChart|requirementDiagram|sankey(?:-beta)?"
    r"|xychart(?:-beta)?|block(?:-beta)?|C4\w+|packet(?:-beta)?|kanban|architecture(?:-beta)?|zenuml)\b"
    r"(?:\s+(?:TB|TD|BT|RL|LR))?[;:]?",
)
_DRAWING = re.compile(
    r"\s*(?:style|linkStyle|classDef|class\s+[\w,]+\s+\w+\s*$|click|direction|autonumber|activate|deactivate|dateFormat"
    r"|axisFormat|tickInterval|end\s*$|accTitle|todayMarker|excludes|%%)",
)
_KEYWORD = re.compile(
    r"^\s*(?:rect\s+rgba?\([^)]*\)|note\s+(?:over|left of|right of|for)\s+[\w, ]+:?"
    r"|(?:subgraph|participant|actor|title|section|alt|else|opt|loop|par|and|critical|break|rect|box|state|class"
    r"|namespace)\b)\s*",
    re.IGNORECASE,
)
_ARROW = re.compile(
    r"\s*(?:<?[-=.~]{2,}[->xo)]*\|?|[-=.]+>>?|<\|--|--\|>|\*--|o--|\.\.\|?>|[|}o]{1,2}--[|{o]{1,2})\s*[+-]?"
)
_LABEL = re.compile(r"\"([^\"]*)\"|\|([^|]*)\||[\[({>]+[/\\]?([^\[\](){}|]+?)[/\\]?[\])}]+")
_BREAK = re.compile(r"<br\s*/?>|\\n", re.IGNORECASE)
_ENTITY = re.compile(r"#(?:quot|\d+);")
_SHAPE = re.compile(r":::\w+|@\{[^}]*\}|<<|(?<![-=.])>>|~|\[\*\]|^\s*\}|\{\s*$")


def diagram_text(source: str) -> str:
    """The diagram's texts, one line each, each once; an unlabelled node is called by its name."""
    lines = [_line_text(line) for line in _body(source)]
    return "\n".join(dict.fromkeys(line for line in lines if line))


def _body(source: str) -> list[str]:
    """The lines without the configuration above them and without those that say how to draw."""
    if source.lstrip().startswith("---"):
        source = source.lstrip()[3:].partition("\n---")[2]
    lines = [_HEAD.sub("", line.strip(), count=1) for line in source.split("\n")]
    return [line for line in lines if line.strip() and not _DRAWING.match(line)]


def _line_text(line: str) -> str:
    line = _ENTITY.sub("", _BREAK.sub(" ", line)).rstrip(";").strip()
    line = _SHAPE.sub(" ", line)
    stripped = _KEYWORD.sub("", line, count=1)
    message = re.fullmatch(r"(.*?\S)\s*:\s+(.+)", stripped)
    if message is not None:
        return f"{_nodes(message.group(1))}: {message.group(2).strip()}"
    named = re.fullmatch(r"(?:\"([^\"]*)\"|\w+)\s+as\s+(.+)", stripped)
    if named is not None:
        return (named.group(1) or named.group(2)).strip()
    return _nodes(stripped)


def _nodes(line: str) -> str:
    """`A[Read] -->|yes| B` -> `Read, yes, B`."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(next(group for group in match.groups() if group is not None).strip(" \"'`"))
        return f" \x00{len(held) - 1}\x00 "

    marked = _ARROW.sub(" \x01 ", _LABEL.sub(hold, line))
    parts = [_part(part, held) for part in re.split(r"\x01|&|;", marked)]
    return ", ".join(part for part in parts if part)


def _part(part: str, held: list[str]) -> str:
    """The labels in it; a name alone stands for itself."""
    labels = [held[int(number)] for number in re.findall(r"\x00(\d+)\x00", part)]
    return ", ".join(label for label in labels if label) if labels else part.strip(" \"'`-=.>")
