"""The project's own pages: their files, headings, and the code blocks that say they can be run."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chains.ingest.slugs import Slugger, custom_id

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
SHELLS = ("bash", "sh", "shell", "console")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block; `mark` is what stands behind its language."""

    page: Path
    language: str
    mark: str
    code: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_blocks(page: Path) -> Iterator[CodeBlock]:
    """All of them in order, those of lists as well."""
    text = page.read_text()
    for fence in _FENCE.finditer(text):
        language, _, mark = fence["info"].partition(" ")
        line = text[: fence.start()].count("\n") + 1
        yield CodeBlock(page, language, mark, textwrap.dedent(fence["code"]), line)


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The ids that Docusaurus, and GitHub alike, give to the headings of a page."""
    slugger = Slugger()
    found = set()
    for _, heading in _HEADING.findall(prose(page)):
        text, own = custom_id(heading)
        found.add(own or slugger.slug(text.replace("`", "")))
    return found
