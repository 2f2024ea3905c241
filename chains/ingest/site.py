"""A whole Docusaurus site, or the part of it that a path means: its pages in the chosen versions and languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path

from chains.ingest.config import SiteConfig, find_configs
from chains.ingest.docusaurus import Docs
from chains.ingest.editions import Selection, editions, in_version, instance_folders, version_names
from chains.ingest.page import Page, Unread


@dataclass(frozen=True)
class Overrides:
    """What the author says against, or in place of, the configuration."""

    site_url: str | None = None
    route_base_path: str | None = None
    trailing_slash: bool | None = None
    base_url: str | None = None


class Site:
    """The pages below `path`: a site's folder, one of its docs folders, a folder in one, or plain Markdown.

    Naming a site or the docs folder of one means its chosen `selection`; a folder in it, or one of `versioned_docs`,
    means these files. Nothing is read before `files`, `pages` or `total` are asked for.

    Raises:
        IngestError: a version or language that the site does not have.
        SettingsError: an override is not an address.
    """

    def __init__(self, path: Path, selection: Selection, overrides: Overrides, *, may_be_empty: bool = False) -> None:
        path = path.resolve()
        self._may_be_empty = may_be_empty
        configs = [_overridden(config, overrides) for config in find_configs(path)]
        self.docs = [docs for config in configs for docs in _docs(path, config, selection)]
        self._root = configs[0].root or configs[0].docs
        part = any(docs.within for docs in self.docs) or not any(path in (c.docs, *c.docs.parents) for c in configs)
        whole = not part and (path != configs[0].docs or configs[0].alone)
        self._folders = None if whole else _own_folders(configs, self.docs, part=part)

    def total(self) -> int:
        """The number of files.

        Raises:
            IngestError: there is none, and it may not be empty.
        """
        return sum(len(docs.files()) for docs in self._filled())

    def unread(self) -> Iterator[Unread]:
        """One after the other."""
        for docs in self._filled():
            yield from docs.unread()

    def pages(self) -> Iterator[Page | None]:
        """The same, read; None for drafts and empty pages."""
        for page in self.unread():
            yield page.read()

    @property
    def failed(self) -> int:
        """None: a file that cannot be opened ends a reading."""
        return 0

    @property
    def language(self) -> str | None:
        """The first edition's, where the configuration says one."""
        config = self.docs[0].config
        return config.language if config.i18n.get("defaultLocale") else None

    def _filled(self) -> list[Docs]:
        return [docs for docs in self.docs if docs.holds_files()] if self._may_be_empty else self.docs

    def owns(self, page: str) -> bool:
        """Whether a page of this path would be read here, so that its absence means that it is gone."""
        if "://" in page or page.lower().endswith(".pdf"):
            return False
        return self._folders is None or any(_below(page, folder, self._root) for folder in self._folders)


def _overridden(config: SiteConfig, said: Overrides) -> SiteConfig:
    """The route is that of the site's first docs folder."""
    first = config.docs == (config.root or config.docs)
    route = said.route_base_path if first else None
    return config.overridden(said.site_url, route, said.trailing_slash).based_at(said.base_url)


def _docs(path: Path, config: SiteConfig, selection: Selection) -> Iterator[Docs]:
    for version in version_names(config):
        folder = in_version(config, version).docs
        inside = folder in path.parents
        if inside or (path == folder != config.docs):
            selection = replace(selection, versions=version)
            within = path.relative_to(folder).as_posix() if inside else ""
            yield from (Docs(edition, within) for edition in _chosen(config, selection))
            return
    yield from map(Docs, _chosen(config, selection))


def _chosen(config: SiteConfig, selection: Selection) -> Iterator[SiteConfig]:
    for edition in editions(config, selection):
        if edition.translated_only and selection.untranslated:
            yield replace(edition, translated_only=False)
        elif edition.translations is not None or not edition.translated_only:
            yield edition


def _own_folders(configs: Sequence[SiteConfig], docs: Sequence[Docs], *, part: bool) -> list[Path]:
    if part:
        folders = [folder / each.within for each in docs for folder in (each.config.docs, each.config.translations)
                   if folder is not None]  # fmt: skip
        return list(dict.fromkeys(folders))
    return [folder for config in configs for folder in instance_folders(config)]


def _below(page: str, folder: Path, root: Path) -> bool:
    above = relpath(folder, root)
    return not page.startswith("../") if above == "." else page.startswith(f"{Path(above).as_posix()}/")
