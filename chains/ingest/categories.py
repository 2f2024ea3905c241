"""What `_category_` files, and their translations, say of the folders of the docs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from chains.ingest import slugs
from chains.ingest.config import SiteConfig

log = logging.getLogger(__name__)

_FILES = ("_category_.json", "_category_.yml", "_category_.yaml")


class Categories:
    """The categories of one edition. Each file is read once."""

    def __init__(self, config: SiteConfig) -> None:
        self._config = config
        self._read: dict[PurePosixPath, Mapping[str, Any]] = {}
        self._breadcrumbs: dict[PurePosixPath, tuple[str, ...]] = {}

    def of(self, folder: PurePosixPath) -> Mapping[str, Any]:
        """What the file in `folder` says; nothing when there is none. Docusaurus reads none beside translations."""
        if folder not in self._read:
            files = [self._config.docs / folder / name for name in _FILES]
            self._read[folder] = next((values for file in files if (values := _values(file))), {})
        return self._read[folder]

    def label(self, folder: PurePosixPath) -> str:
        said = self.of(folder).get("label")
        name = slugs.strip_number_prefix(folder.name) if self._config.strip_prefixes else folder.name
        return self.translated(str(said) if said else name)

    def breadcrumb(self, file: PurePosixPath) -> tuple[str, ...]:
        """The labels of the folders above a file."""
        if file.parent not in self._breadcrumbs:
            labels = (self.label(folder) for folder in reversed(file.parents) if folder.name)
            self._breadcrumbs[file.parent] = tuple(labels)
        return self._breadcrumbs[file.parent]

    def translated(self, label: str, key: str = "", of: str = "") -> str:
        """A category's label in the edition's language, or the text that `of` names: `.link.generated-index.title`."""
        found = self._messages.get(f"{key or label}{of}")
        return found or label

    def translates(self, key: str) -> bool:
        """Whether a category's own texts are there in the edition's language."""
        return any(name == key or name.startswith(f"{key}.link.") for name in self._messages)

    @cached_property
    def _messages(self) -> dict[str, str]:
        """Texts by what follows `sidebar.<name>.category.` in their keys."""
        folder = self._config.translations
        values = _values(folder.with_name(f"{folder.name}.json") if folder else None)
        return {
            key.partition(".category.")[2]: str(entry.get("message") or "")
            for key, entry in values.items()
            if ".category." in key and isinstance(entry, dict)
        }


def _values(file: Path | None) -> Mapping[str, Any]:
    try:
        values = _parsed(file.read_text(encoding="utf-8-sig")) if file else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, yaml.YAMLError) as error:
        log.warning("%s: not readable (%s); what it says is ignored", file, type(error).__name__)
        return {}
    return values if isinstance(values, dict) else {}


def _parsed(text: str) -> Any:
    """JSON with tabs, which YAML does not read here, or YAML: Docusaurus takes either in any of these files."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)
