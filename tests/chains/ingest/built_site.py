"""A Docusaurus build, as its readers see it: addresses, anchors and texts, taken from the HTML."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path

BOOK = Path(__file__).parent / "book"
GOLDEN = BOOK / "built.json"

BLOCKS = re.compile(
    "p|li|td|th|h[1-6]|pre|div|section|article|header|summary|details|ul|ol|table|tr|blockquote|button|br|hr|dt|dd"
)
VOID = frozenset(("br", "hr", "img", "input", "wbr", "link", "meta", "source", "area", "base", "col", "embed"))
# Not the author's: what the theme adds to every page, and what screen readers alone get.
CHROME = re.compile(
    r"theme-doc-(?:breadcrumbs|version-badge|version-banner|toc-mobile|footer)|hash-link|buttonGroup|katex-html|language-mermaid|sr-only"
    r"|tocCollapsible|table-of-contents|pagination-nav|admonitionIcon|playgroundHeader|playgroundPreview|footnotes-label"
)
SILENT = frozenset(("script", "style", "svg", "nav", "footer", "mrow"))  # mrow: a formula drawn; its source follows


@dataclass
class BuiltPage:
    """`anchors` of h2 to h6, in order; `texts` of blocks, in order, with single blanks."""

    url: str
    title: str = ""
    anchors: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "url"}


def read_build(build: Path) -> dict[str, BuiltPage]:
    """The docs pages of a build by their URLs, without those that are unlisted."""
    found: dict[str, BuiltPage] = {}
    for file in sorted(build.rglob("*.html")):
        html = file.read_text(encoding="utf-8")
        canonical = re.search(r'<link[^>]*rel="?canonical"?[^>]*href="?([^" >]+)', html)
        if (
            canonical is None
            or file.name == "404.html"
            or "docs-wrapper" not in html
            or re.search(r'name="?robots"? content="?noindex', html)
        ):
            continue
        page = BuiltPage(canonical.group(1))
        _Reader(page).feed(html)
        found[page.url] = page
    return found


class _Reader(HTMLParser):
    """Reads `article .markdown`, or the generated index of a category."""

    def __init__(self, page: BuiltPage) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.open: list[tuple[str, bool, bool]] = []  # tag, whether it begins the content, whether it is skipped
        self.text = ""
        self.heading = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if BLOCKS.fullmatch(tag):
            self._end_block()
        if tag in VOID:
            return
        classes = values.get("class", "")
        begins = "theme-doc-markdown" in classes or "generatedIndexPage" in classes
        skipped = (
            tag in SILENT
            or bool(CHROME.search(classes))
            or values.get("aria-hidden") == "true"
            or "data-footnote-ref" in values
        )
        self.open.append((tag, begins, skipped))
        if re.fullmatch(r"h[2-6]", tag) and self._inside() and values.get("id", "footnote-label") != "footnote-label":
            self.page.anchors.append(values["id"])

    def handle_endtag(self, tag: str) -> None:
        if BLOCKS.fullmatch(tag):
            self._end_block(tag)
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at][0] == tag:
                del self.open[at:]
                return

    def handle_data(self, data: str) -> None:
        if self._inside():
            self.text += data

    def _inside(self) -> bool:
        return any(begins for _, begins, _ in self.open) and not any(skipped for _, _, skipped in self.open)

    def _end_block(self, tag: str = "") -> None:
        text = " ".join(self.text.replace("\u200b", "").split())
        self.text = ""
        if text:
            self.page.texts.append(text)
            if tag == "h1" and not self.page.title:
                self.page.title = text


def build(folder: Path) -> dict[str, BuiltPage]:
    """Build the book with Docusaurus, from the packages of npm, in an empty folder."""
    shutil.copytree(BOOK, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("built.json"))
    for command in (["npm", "install", "--no-audit", "--no-fund"], ["npx", "docusaurus", "build"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return read_build(folder / "build")


def as_json(pages: dict[str, BuiltPage]) -> str:
    return json.dumps({url: page.as_dict() for url, page in pages.items()}, ensure_ascii=False, indent=1) + "\n"


def golden() -> dict[str, BuiltPage]:
    pages = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return {url: BuiltPage(url, **page) for url, page in pages.items()}
