"""How a site reads its Markdown files: what `markdown` in its configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["mdx", "md"]


@dataclass(frozen=True)
class Dialect:
    """`format`, whether `<!-- #id -->` names a heading, `anchors.maintainCase`, and the comments that mark code."""

    format: Literal["mdx", "md", "detect"] = "mdx"
    html_comment_ids: bool = False
    keep_case: bool = False
    magic: tuple[str, ...] = ("highlight-next-line", "highlight-start", "highlight-end")

    def of_file(self, name: str, own: str | None) -> Format:
        """The format of one file; `own` is what its front matter says."""
        format = own if own in ("mdx", "md", "detect") else self.format
        if format == "detect":
            return "mdx" if name.endswith(".mdx") else "md"
        return "md" if format == "md" else "mdx"
