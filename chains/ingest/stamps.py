"""What a page's text depends on, in a few characters: the same stamp means that it need not be read again.

Reading 10,000 pages takes half a minute, telling by their bytes that they are unchanged takes two seconds.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

from chains.ingest.config import SiteConfig
from chains.ingest.modules import imported_names

# What a page may show besides its own text: imports, but for those of the theme, and components that are not its own.
_THEMES = ("@theme/", "@theme-original/", "@docusaurus/")
_COMPONENT = re.compile(r"<([A-Z][\w.]*)")
_OF_OTHERS = re.compile(r"DocCard|useDocusaurusContext")  # lists of cards tell of other pages
_BIGGEST = 1_000_000  # characters; longer ones are read every time


class Stamps:
    """The stamps of one edition's pages: of the file, where it is, and the configuration, and of this program."""

    def __init__(self, config: SiteConfig) -> None:
        self._components = any((config.site or config.docs).glob("src/theme/MDXComponents*"))
        self._shared = f"{program_digest()}\n{_portable(config)}"

    def of(self, file: Path, key: str, breadcrumb: tuple[str, ...]) -> str:
        """32 hexadecimal digits; "" for a page that may depend on other files, or that cannot be opened."""
        try:
            with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - half as long as Path.read_bytes
                raw = opened.read()
        except OSError:
            return ""
        text = raw.decode("utf-8", errors="replace")
        if len(text) > _BIGGEST or self._depends(text):
            return ""
        parts = f"{self._shared}\n{key}\n{breadcrumb}\n".encode()
        return hashlib.sha256(parts + raw).hexdigest()[:32]

    def _depends(self, text: str) -> bool:
        own_components = self._components and _COMPONENT.search(text)
        imports = not all(name.startswith(_THEMES) for name in imported_names(text))
        return bool(own_components) or imports or bool(_OF_OTHERS.search(text))


@cache
def program_digest() -> str:
    """Of the files of this package: another version may read the same page otherwise."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()


def _portable(config: SiteConfig) -> str:
    """The configuration with its folders as they lie to each other, so that another checkout gives the same."""
    root = config.site or config.docs
    values = []
    for each in fields(config):
        value = getattr(config, each.name)
        values.append(f"{each.name}={os.path.relpath(value, root) if isinstance(value, Path) else value!r}")
    return "\n".join(values)
