"""`process.env` in the sources of a site: browsers have no `process`, and the page stays blank."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from app.doctor.diagnosis import Diagnosis, failed, ok, warning

SOURCES = {".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte", ".html"}
NOT_SOURCES = {"node_modules", "build", "dist", "out", "coverage", "__tests__", "scripts", "api", "server"}
RUN_BY_NODE = re.compile(
    r"(docusaurus|sidebars|babel|vite|webpack|next|jest|tailwind|postcss|eslint)\b|.*\.(config|test|spec)\."
)
REMEDY = (
    "Tell production by the host's name: "
    "typeof window !== 'undefined' && !window.location.hostname.includes('localhost')."
)
SHOWN = 5

# Comments and plain texts, to be blanked; what a template's ${...} holds is code, so templates stay.
_ASIDE = re.compile(r"//[^\n]*|/\*.*?\*/|<!--.*?-->|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
# NODE_ENV is put in by every bundler when it builds.
_USE = re.compile(r"\bprocess\s*(?:\?\.|\.)\s*env\b(?!\s*\.\s*NODE_ENV\b)|\bprocess\s*\[\s*['\"]\s*env?")
_GUARD = re.compile(r"typeof\s+process\b")


def check_site(folder: Path) -> list[Diagnosis]:
    """Sources that browsers run. Configuration files and tests, which Node runs, may use `process.env`."""
    if not folder.is_dir():
        return [failed("site", f"{folder} is not a folder.", "Name the folder of the site's sources with --site.")]
    bad: list[str] = []
    guarded: list[str] = []
    number = 0
    for path in _sources(folder):
        number += 1
        text = path.read_text(encoding="utf-8", errors="replace")
        for line, safe in _uses(text):
            (guarded if safe else bad).append(f"{path.relative_to(folder)}:{line}")
    if bad:
        return [failed("site", f"process.env, which no browser has, is used in {_named(bad)}.", REMEDY)]
    if guarded:
        return [warning("site", f"process.env is always undefined in a browser: {_named(guarded)}.", REMEDY)]
    return [ok("site", f"No process.env in the {number} browser sources of {folder}.")]


def _sources(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in NOT_SOURCES and not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix in SOURCES and not RUN_BY_NODE.match(name):
                yield Path(where, name)


def _uses(text: str) -> Iterator[tuple[int, bool]]:
    """The line of each use, and whether the line asks first if there is a `process`."""
    code = _ASIDE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for use in _USE.finditer(code):
        begin = code.rfind("\n", 0, use.start()) + 1
        end = code.find("\n", use.end())
        yield code.count("\n", 0, use.start()) + 1, bool(_GUARD.search(code[begin : end if end >= 0 else None]))


def _named(places: list[str]) -> str:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more
