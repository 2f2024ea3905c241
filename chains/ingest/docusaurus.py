"""A folder of Docusaurus docs to pages: which files are pages, and each one's address, title and text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from chains.ingest import slugs
from chains.ingest.categories import Categories
from chains.ingest.components import Components
from chains.ingest.config import SiteConfig
from chains.ingest.errors import IngestError
from chains.ingest.globs import matcher
from chains.ingest.jsx_markup import Renderer
from chains.ingest.markdown import Event, read_markdown
from chains.ingest.modules import Modules
from chains.ingest.page import Block, Heading, Kind, Page, Section, Unread, sections
from chains.ingest.sidebar_trees import Entry, sidebar_file
from chains.ingest.sidebars import Card, Sidebars
from chains.ingest.source_file import Source, excerpt, first_heading, read_source
from chains.ingest.stamps import Stamps

_DEEPEST_PARTIAL = 8


@dataclass(frozen=True)
class Docs:
    """The docs of one edition of a site, or those below `within`, a folder relative to `config.docs` ("" for all)."""

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
        if not self._sorted_names:
            raise IngestError(
                f"{self.config.docs / self.within}: no Markdown page in it. Name the folder of the docs; if all of its "
                "pages are really gone, run it again with --delete-most."
            )
        return self._files

    @cached_property
    def _files(self) -> list[PurePosixPath]:
        files = map(PurePosixPath, self._sorted_names)
        return [file for file in files if not self.config.translated_only or self._translated(file)]

    def holds_files(self) -> bool:
        return bool(self._sorted_names)

    @cached_property
    def _sorted_names(self) -> list[str]:
        included, excluded = matcher(self.config.include), matcher(self.config.exclude)
        return sorted(name for name in self._names() if included(name) and not excluded(name))

    def unread(self) -> Iterator[Unread]:
        """Every page, those last that Docusaurus generates for categories."""
        for folder, files in groupby(self.files(), key=lambda file: file.parent):
            breadcrumb = self._categories.breadcrumb(folder / "page")
            for file in files:
                key = self.key(file)
                yield Unread(key, self._stamps.of(self.path_of(file), key, breadcrumb), partial(self.read, file))
        for page in self.indexes():
            yield Unread(page.path, "", partial(_itself, page))

    def read(self, file: PurePosixPath) -> Page | None:
        """The page in `file`; None when it is a draft, is unlisted or binary."""
        source = read_source(self.path_of(file))
        if source is None or not source.published:
            return None
        events = self._page_events(file, source)
        title = _title(events, source.front_matter) or self._id(file, source.front_matter)
        url = self._url(self._slug(file, source.front_matter))
        return self._page(self.key(file), url, title, self._categories.breadcrumb(file), events)

    def indexes(self) -> Iterator[Page]:
        """The pages that Docusaurus generates for categories, in the order of the sidebars."""
        if self.within or not self._generates_indexes():
            return
        for index in self._sidebars.indexes():
            texts = [index.description, *(f"{card.label}\n{card.description}".strip() for card in index.cards)]
            events: list[Event] = [Block(Kind.TEXT, text) for text in texts if text]
            yield self._page(f"{self.key(PurePosixPath(index.slug.strip('/')))}#generated-index",
                             self._url(index.slug), index.title, index.breadcrumb, events)  # fmt: skip

    def path_of(self, file: PurePosixPath) -> Path:
        """The file on disk: its translation if there is one."""
        return self._translated(file) or self.config.docs / file

    def key(self, file: PurePosixPath) -> str:
        """The file's path relative to the site's first docs folder."""
        folder = self.config.translations or self.config.docs
        if self.config.translations and not self.config.translated_only and not self._translated(file):
            folder = self.config.docs
        if folder not in self._above:
            self._above[folder] = Path(os.path.relpath(folder, self.config.root or self.config.docs)).as_posix()
        above = self._above[folder]
        return file.as_posix() if above == "." else f"{above}/{file.as_posix()}"

    @cached_property
    def _above(self) -> dict[Path, str]:
        return {}

    def _page(self, key: str, url: str, title: str, breadcrumb: tuple[str, ...], events: list[Event]) -> Page:
        found = sections(title, events) or (Section((title,), 0, "", ()),)  # a page without text shows its title
        return Page(key, url, title, breadcrumb, found, self.config.version, self.config.language)

    def _translated(self, file: PurePosixPath) -> Path | None:
        path = self.config.translations / file if self.config.translations else None
        return path if path is not None and path.is_file() else None

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
            below = here.relative_to(self.config.docs).as_posix()
            yield from (name if below == "." else f"{below}/{name}" for name in files if name[0] != ".")

    def _page_events(self, file: PurePosixPath, source: Source) -> list[Event]:
        return self._events(self.path_of(file), source, {}, 0, lambda: self._sidebars.cards(self._doc_id(file, source)))

    def _events(
        self, file: Path, source: Source, props: dict[str, Any], depth: int, cards: Callable[[], list[Card]]
    ) -> list[Event]:
        def part(target: Path, given: dict[str, Any]) -> list[Event]:
            imported = read_source(target) if depth < _DEEPEST_PARTIAL else None
            return self._events(target, imported, given, depth + 1, cards) if imported else []

        dialect = self.config.dialect
        components = Components(self._modules, self._renderer, file, source.values, props, cards)
        format = dialect.of_file(file.name, source.own_format)
        return read_markdown(source.body, format, dialect, components, part)

    def _id(self, file: PurePosixPath, front_matter: Mapping[str, str]) -> str:
        strip = self.config.strip_prefixes and slugs.parses_prefixes(front_matter)
        return front_matter.get("id") or (slugs.strip_number_prefix(file.stem) if strip else file.stem)

    def _doc_id(self, file: PurePosixPath, source: Source) -> str:
        strip = self.config.strip_prefixes and slugs.parses_prefixes(source.front_matter)
        folders = [slugs.strip_number_prefix(part) if strip else part for part in file.parent.parts]
        return "/".join([*folders, self._id(file, source.front_matter)])

    def _slug(self, file: PurePosixPath, front_matter: Mapping[str, str]) -> str:
        return slugs.page_slug(file, front_matter, self.config.strip_prefixes)

    def _url(self, slug: str) -> str:
        config = self.config
        path = slugs.apply_trailing_slash(slugs.join_path(config.route(), slug), config.trailing_slash, config.base_url)
        return (config.url or "").rstrip("/") + slugs.encode_path(path)

    def _entries(self) -> Iterator[Entry]:
        """Every page of the edition as sidebars know it, also those that are not translated."""
        everything = Docs(replace(self.config, translated_only=False))
        for file in everything.files():
            source = read_source(self.path_of(file))
            if source is None or not source.published:
                continue
            first = source.front_matter
            title = first.get("title") or first_heading(source.body) or self._id(file, first)
            description = first.get("description") or excerpt(source.body)
            yield Entry(self._doc_id(file, source), file, title, description, first)

    def _generates_indexes(self) -> bool:
        """Whether a category says so: reading all pages for the sidebars is not for nothing."""
        own = {file.parent for file in self.files()}
        folders = own | {above for folder in own for above in folder.parents}
        return sidebar_file(self.config) is not None or any(self._categories.of(folder) for folder in folders)

    @cached_property
    def _stamps(self) -> Stamps:
        return Stamps(self.config)

    @cached_property
    def _categories(self) -> Categories:
        return Categories(self.config)

    @cached_property
    def _sidebars(self) -> Sidebars:
        return Sidebars(self.config, list(self._entries()), self._categories)

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer()

    @cached_property
    def _modules(self) -> Modules:
        return Modules(self.config.site or self.config.docs, self._renderer, self.config.language)


def _itself(page: Page) -> Page:
    return page


def require_folder(path: Path) -> None:
    """
    Raises:
        IngestError: `path` is not a folder.
    """
    if not path.is_dir():
        problem = "not a folder" if path.exists() else "no such file or folder"
        raise IngestError(
            f"{path}: {problem}. Name a folder of docs, a PDF file, an http(s) address, or a file of addresses "
            "(.txt, or a sitemap's .xml)."
        )


def _title(events: list[Event], front_matter: Mapping[str, str]) -> str | None:
    """`title`, else the page's first heading if it is a first-level one."""
    first = next((event for event in events if isinstance(event, Heading)), None)
    return front_matter.get("title") or (first.text if first and first.level == 1 else None)
