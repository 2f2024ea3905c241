"""A folder of Docusaurus docs to pages: which files are pages, and each one's address, title and text."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from chains.ingest import slugs
from chains.ingest.config import SiteConfig
from chains.ingest.errors import IngestError
from chains.ingest.globs import matcher
from chains.ingest.markdown import Event, read_markdown
from chains.ingest.page import Heading, Page, sections

log = logging.getLogger(__name__)

_DEEPEST_PARTIAL = 5
_CATEGORY_FILES = ("_category_.json", "_category_.yml", "_category_.yaml")


@dataclass(frozen=True)
class Docs:
    """The docs of a site, or those below `within`, a folder relative to `config.docs` ("" for all)."""

    config: SiteConfig
    within: str = ""

    @classmethod
    def at(cls, path: Path, config: SiteConfig) -> Docs:
        """The docs that `path` means: those below it, or all of the site's when it lies above them."""
        path = path.resolve()
        inside = config.docs in path.parents
        return cls(config, path.relative_to(config.docs).as_posix() if inside else "")

    def files(self) -> list[PurePosixPath]:
        """The pages' files, sorted.

        Raises:
            IngestError: there is none.
        """
        included, excluded = matcher(self.config.include), matcher(self.config.exclude)
        names = sorted(name for name in self._names() if included(name) and not excluded(name))
        if not names:
            raise IngestError(f"{self.config.docs / self.within}: no Markdown page in it. Name the folder of the docs.")
        return [PurePosixPath(name) for name in names]

    def read(self, file: PurePosixPath) -> Page | None:
        """The page in `file`; None when it is a draft, is unlisted or holds no text."""
        source = read_source(self.config.docs / file)
        if source is None or _is_true(source.front_matter, "draft") or _is_true(source.front_matter, "unlisted"):
            return None
        events = self._events(self.config.docs / file, source, 0)
        title = _title(events, source.front_matter) or self._id(file, source.front_matter)
        found = sections(title, events)
        url = self._url(file, source.front_matter)
        return Page(file.as_posix(), url, title, self._breadcrumb(file), found) if found else None

    def _names(self) -> Iterator[str]:
        """Paths of visible files. Links are followed, as Docusaurus does, but none that leads into a circle."""
        seen: set[Path] = set()
        for folder, folders, files in os.walk(self.config.docs / self.within, followlinks=True):
            here = Path(folder)
            if here.resolve() in seen:
                folders.clear()
                continue
            seen.add(here.resolve())
            folders[:] = sorted(name for name in folders if name[0] != "." and name != "node_modules")
            yield from ((here / name).relative_to(self.config.docs).as_posix() for name in files if name[0] != ".")

    def _events(self, file: Path, source: Source, depth: int) -> list[Event]:
        def partial(path: str) -> list[Event]:
            target = self._imported(file, path)
            imported = read_source(target) if target.is_file() and depth < _DEEPEST_PARTIAL else None
            return self._events(target, imported, depth + 1) if imported else []

        dialect = self.config.dialect
        return read_markdown(source.body, dialect.of_file(file.name, source.own_format), dialect, partial)

    def _imported(self, file: Path, path: str) -> Path:
        if path.startswith("@site/"):
            return (self.config.site or self.config.docs) / path.removeprefix("@site/")
        return file.parent / path

    def _id(self, file: PurePosixPath, front_matter: Mapping[str, str]) -> str:
        strip = self.config.strip_prefixes and slugs.parses_prefixes(front_matter)
        return front_matter.get("id") or (slugs.strip_number_prefix(file.stem) if strip else file.stem)

    def _url(self, file: PurePosixPath, front_matter: Mapping[str, str]) -> str:
        config = self.config
        path = slugs.join_path(config.route(), slugs.page_slug(file, front_matter, config.strip_prefixes))
        path = slugs.apply_trailing_slash(path, config.trailing_slash, config.base_url)
        return (config.url or "").rstrip("/") + slugs.encode_path(path)

    def _breadcrumb(self, file: PurePosixPath) -> tuple[str, ...]:
        folders = [folder for folder in reversed(file.parents) if folder.name]
        return tuple(self._labels.setdefault(folder, self._label(folder)) for folder in folders)

    def _label(self, folder: PurePosixPath) -> str:
        for name in _CATEGORY_FILES:
            label = _category(self.config.docs / folder / name).get("label")
            if isinstance(label, str) and label:
                return label
        return slugs.strip_number_prefix(folder.name) if self.config.strip_prefixes else folder.name

    @cached_property
    def _labels(self) -> dict[PurePosixPath, str]:
        return {}


def require_folder(path: Path) -> None:
    """
    Raises:
        IngestError: `path` is not a folder.
    """
    if not path.is_dir():
        problem = "not a folder" if path.exists() else "no such folder"
        raise IngestError(f"{path}: {problem}. Name a folder of docs.")


@dataclass(frozen=True)
class Source:
    """A file taken apart. Front matter values are texts as they are written, as Docusaurus takes `id: 1`."""

    body: str
    front_matter: Mapping[str, str] = field(default_factory=dict)
    own_format: str | None = None


def read_source(file: Path) -> Source | None:
    """Read a Markdown file; None, with a warning, when it is binary. What can be read of a faulty one is read.

    Raises:
        IngestError: the file cannot be opened; leaving it out would take its page out of the index.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise IngestError(f"{file}: {error.strerror}. Make it readable, or exclude it.") from error
    if b"\0" in raw:
        log.warning("%s:%d: binary, not Markdown; the file is left out", file, _line_of(raw, raw.index(b"\0")))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        log.warning("%s:%d: not UTF-8; unreadable characters are replaced", file, _line_of(raw, error.start))
        text = raw.decode("utf-8-sig", errors="replace")
    return _split(file, text.replace("\r\n", "\n").replace("\r", "\n"))


def _split(file: Path, text: str) -> Source:
    handler = YAMLHandler()
    if not text.startswith("---\n") or "\n---" not in text[3:]:
        return Source(text)
    front_matter, body = handler.split(text)
    try:
        # BaseLoader keeps every scalar a text: `title: Yes` and `id: 007` are what they say.
        values = handler.load(front_matter, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 + mark.line if mark else 1
        log.warning("%s:%d: the front matter is not YAML (%s); it is ignored", file, line, _reason(error))
        return Source(body.strip())
    return _source(body.strip(), values if isinstance(values, dict) else {})


def _source(body: str, values: dict[str, Any]) -> Source:
    mdx = values.get("mdx")
    own_format = mdx.get("format") if isinstance(mdx, dict) else None
    return Source(body, {key: value for key, value in values.items() if isinstance(value, str)}, own_format)


def _reason(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or "unreadable")


def _line_of(raw: bytes, position: int) -> int:
    return raw.count(b"\n", 0, position) + 1


def _title(events: list[Event], front_matter: Mapping[str, str]) -> str | None:
    """`title`, else the page's first heading if it is a first-level one."""
    first = next((event for event in events if isinstance(event, Heading)), None)
    return front_matter.get("title") or (first.text if first and first.level == 1 else None)


def _is_true(front_matter: Mapping[str, str], key: str) -> bool:
    return front_matter.get(key, "").lower() == "true"


def _category(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        values = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except FileNotFoundError:
        return {}
    except (ValueError, yaml.YAMLError) as error:
        log.warning("%s: not readable (%s); its label is ignored", file, type(error).__name__)
        return {}
    return values if isinstance(values, dict) else {}
