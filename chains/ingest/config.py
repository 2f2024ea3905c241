"""Where a docs folder is and what its pages' addresses begin with: the site's configuration, read and not run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chains.errors import SettingsError
from chains.ingest.dialect import Dialect
from chains.ingest.javascript import read_configuration
from chains.ingest.slugs import join_path

_CONFIG_NAMES = tuple(f"docusaurus.config.{suffix}" for suffix in ("ts", "mts", "cts", "js", "mjs", "cjs"))
_INCLUDE = ("**/*.{md,mdx}",)
_EXCLUDE = ("**/_*.{js,jsx,ts,tsx,md,mdx}", "**/_*/**", "**/*.test.{js,jsx,ts,tsx}", "**/__tests__/**")
_FARTHEST = 2


@dataclass(frozen=True)
class SiteConfig:
    """What a Docusaurus configuration says about its docs; the defaults are Docusaurus's own.

    `url` is None when nobody said it; `url_said`: the author did, not the configuration. `docs` is the folder that
    addresses are relative to, and `root` the one that paths are relative to, the same in all versions and languages.
    `site` holds the configuration; `@site/` in imports means it. `trailing_slash` None leaves slugs as they are.
    A file in `translations` stands for the one at the same place in `docs`. `instance` is the id of the docs plugin,
    `alone` whether the site has no other, `options` are what the configuration gives it.
    """

    docs: Path
    site: Path | None = None
    root: Path | None = None
    url: str | None = None
    url_said: bool = False
    base_url: str = "/"
    route_base_path: str = "docs"
    instance: str = "default"
    alone: bool = True
    version: str = "current"
    version_path: str = ""
    trailing_slash: bool | None = None
    language: str = "en"
    translations: Path | None = None
    translated_only: bool = False
    include: tuple[str, ...] = _INCLUDE
    exclude: tuple[str, ...] = _EXCLUDE
    strip_prefixes: bool = True
    dialect: Dialect = field(default_factory=Dialect)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    i18n: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def route(self) -> str:
        """The path below which every page lies."""
        return join_path(self.base_url, self.route_base_path, self.version_path)

    def overridden(
        self, site_url: str | None, route_base_path: str | None, trailing_slash: bool | None = None
    ) -> SiteConfig:
        """`site_url` replaces the site's `url`; one with a path, `https://host/book/`, its `baseUrl` as well.

        Raises:
            SettingsError: `site_url` is not an http(s) address.
        """
        config = self if route_base_path is None else replace(self, route_base_path=route_base_path)
        config = config if trailing_slash is None else replace(config, trailing_slash=trailing_slash)
        if site_url is None:
            return config
        parts = urlsplit(site_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise SettingsError("SITE_URL: set it to the address of the site, such as https://docs.example.com.")
        base_url = join_path(parts.path, "/") if parts.path.strip("/") else config.base_url
        return replace(config, url=f"{parts.scheme}://{parts.netloc}", url_said=True, base_url=base_url)

    def based_at(self, base_url: str | None) -> SiteConfig:
        """`base_url` is the path of the site on its host, with or without slashes around it."""
        if base_url is None:
            return self
        if "://" in base_url or "?" in base_url or "#" in base_url:
            raise SettingsError("--base-url: it is a path, such as /book/. The address of the site is --site-url.")
        return replace(self, base_url=join_path("/", base_url, "/"))


def find_config(path: Path) -> SiteConfig:
    """The nearest configuration in `path` or up to two folders above or below it; without one, Docusaurus's defaults.

    A configuration whose docs folder has nothing to do with `path` counts only when no other is found. So a folder
    beside `path` may hold it too, as in `website/docusaurus.config.js` for `docs`.
    """
    return find_configs(path)[0]


def find_configs(path: Path) -> list[SiteConfig]:
    """The same for every docs folder that the configuration names and `path` means, the preset's first."""
    path = path.resolve()
    nearby = list(_nearby(path))
    for file in nearby:
        related = [config for config in _configs(file) if config.docs.is_dir() and _related(config, path)]
        if related:
            return related
    every = (config for file in nearby for config in _configs(file))
    fallback = next((config for config in every if config.site in (path, *path.parents)), None)
    return [replace(fallback, docs=path, root=path) if fallback else SiteConfig(docs=path)]


def _nearby(path: Path) -> Iterator[Path]:
    above = path.parents
    yield from _config_in(path)
    for distance in range(1, _FARTHEST + 1):
        folders = _below(path, distance)
        folders += [above[distance - 1]] if len(above) >= distance else []
        folders += _below(path.parent, 1) if distance == _FARTHEST else []
        for folder in folders:
            yield from _config_in(folder)


def _below(path: Path, distance: int) -> list[Path]:
    folders = [path]
    for _ in range(distance):
        folders = [child for folder in folders for child in _subfolders(folder)]
    return folders


def _subfolders(folder: Path) -> list[Path]:
    try:
        children = sorted(folder.iterdir())
        return [child for child in children if child.name[0] != "." and child.name != "node_modules" and child.is_dir()]
    except OSError:  # a folder above may be closed to us
        return []


def _config_in(folder: Path) -> Iterator[Path]:
    files = (folder / name for name in _CONFIG_NAMES)
    yield from (file for file in files if file.is_file())


def _related(config: SiteConfig, path: Path) -> bool:
    docs = config.docs
    if path in (docs, config.site) or path in docs.parents or docs in path.parents:
        return True
    versioned = (config.site or docs) / f"{'' if config.instance == 'default' else f'{config.instance}_'}versioned_docs"
    return versioned in (path, *path.parents)


def site_values(folder: Path) -> Mapping[str, Any]:
    """What the configuration in a site's folder says; nothing when there is none."""
    file = next(_config_in(folder), None)
    return read_configuration(file.read_text(encoding="utf-8", errors="replace")) if file else {}


def _configs(file: Path) -> list[SiteConfig]:
    """One per docs folder of the site, the preset's first."""
    values = read_configuration(file.read_text(encoding="utf-8", errors="replace"))
    site = SiteConfig(
        docs=file.parent,
        site=file.parent,
        url=text_at(values, "url"),
        base_url=join_path(text_at(values, "baseUrl") or "/", "/"),
        trailing_slash=values["trailingSlash"] if isinstance(values.get("trailingSlash"), bool) else None,
        language=text_at(mapping_of(values, "i18n"), "defaultLocale") or "en",
        dialect=_dialect(values),
        i18n=mapping_of(values, "i18n"),
    )
    found = [_with_docs(site, options) for options in _docs_options(values)]
    return [replace(config, root=found[0].docs, alone=len(found) == 1) for config in found]


def _with_docs(site: SiteConfig, options: Mapping[str, Any]) -> SiteConfig:
    folder = site.docs
    route = text_at(options, "routeBasePath")
    return replace(
        site,
        docs=(folder / (text_at(options, "path") or "docs").lstrip("/")).resolve(),
        route_base_path="docs" if route is None else route,
        instance=text_at(options, "id") or "default",
        options=options,
        include=_globs(options.get("include"), _INCLUDE),
        exclude=_globs(options.get("exclude"), _EXCLUDE),
        strip_prefixes=options.get("numberPrefixParser") is not False,
    )


def _docs_options(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name, options in _entries(values, "presets"):
        docs = options.get("docs", {})
        if re.search(r"(^|/)(preset-)?classic$", name) and docs is not False:
            yield docs if isinstance(docs, dict) else {}
    for name, options in _entries(values, "plugins"):
        if re.search(r"(^|/)(plugin-)?content-docs$", name):
            yield options


def _entries(values: Mapping[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = values.get(key)
    for entry in entries if isinstance(entries, list) else []:
        match entry:
            case [str(name), dict(options)]:
                yield name, options
            case str(name) | [str(name), *_]:
                yield name, {}


def _dialect(values: Mapping[str, Any]) -> Dialect:
    markdown = mapping_of(values, "markdown")
    compatible = mapping_of(markdown, "mdx1Compat").get("comments", not _is_v4(values))
    written = text_at(markdown, "format")
    return Dialect(
        format="md" if written == "md" else "detect" if written == "detect" else "mdx",
        html_comment_ids=compatible is False,
        keep_case=mapping_of(markdown, "anchors").get("maintainCase") is True,
        magic=tuple(_magic(values)) or Dialect.magic,
    )


def _magic(values: Mapping[str, Any]) -> Iterator[str]:
    """The comments that Docusaurus takes out of code, as the theme's configuration names them."""
    named = mapping_of(mapping_of(values, "themeConfig"), "prism").get("magicComments")
    for each in named if isinstance(named, list) else []:
        if isinstance(each, dict):
            block = mapping_of(each, "block")
            found = (text_at(each, "line"), text_at(block, "start"), text_at(block, "end"))
            yield from (name for name in found if name)


def _is_v4(values: Mapping[str, Any]) -> bool:
    flag = mapping_of(values, "future").get("v4")
    return flag is True or (isinstance(flag, dict) and flag.get("mdx1CompatDisabledByDefault") is True)


def _globs(value: Any, default: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else default


def mapping_of(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def text_at(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) else None
