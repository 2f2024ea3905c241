"""The versions and languages of a docs folder: where each one's files are and what its addresses begin with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chains.ingest.config import SiteConfig, mapping_of, text_at
from chains.ingest.errors import IngestError
from chains.ingest.slugs import join_path

CURRENT = "current"
_PLUGIN = "docusaurus-plugin-content-docs"


@dataclass(frozen=True)
class Selection:
    """Which of a site's editions are read.

    `versions` are `latest`, `all`, or names separated by commas; `languages` are `all` or names. `untranslated` also
    takes the copies that Docusaurus shows in other languages of pages that nobody has translated.
    """

    versions: str = "latest"
    languages: str = "all"
    untranslated: bool = False


def editions(config: SiteConfig, selection: Selection) -> list[SiteConfig]:
    """
    Raises:
        IngestError: a version or language that the site does not have.
    """
    versions = _chosen(selection.versions, version_names(config), "version", [last_version(config)])
    languages = _chosen(selection.languages, language_names(config), "language", [config.language])
    return [edition for version in versions for edition in _languages(in_version(config, version), languages)]


def version_names(config: SiteConfig) -> list[str]:
    """`current` and the released ones, the newest first, as far as the configuration includes them."""
    options = config.options
    released = [] if options.get("disableVersioning") is True else _released(config)
    current = [] if options.get("includeCurrentVersion") is False and released else [CURRENT]
    names = [*current, *(name for name in released if name != CURRENT)]
    only = options.get("onlyIncludeVersions")
    return [name for name in names if not isinstance(only, list) or name in only] or [CURRENT]


def last_version(config: SiteConfig) -> str:
    """The one at the docs' own route."""
    names = version_names(config)
    named = text_at(config.options, "lastVersion")
    return named if named in names else next((name for name in names if name != CURRENT), CURRENT)


def in_version(config: SiteConfig, version: str) -> SiteConfig:
    site = config.site or config.docs
    folder = config.docs if version == CURRENT else site / f"{_prefix(config)}versioned_docs" / f"version-{version}"
    return replace(config, docs=folder, version=version, version_path=_version_path(config, version))


def language_names(config: SiteConfig) -> list[str]:
    listed = config.i18n.get("locales")
    others = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return list(dict.fromkeys([config.language, *others]))


def translations(config: SiteConfig, language: str) -> Path | None:
    """The folder of the translated files of this version; None when there is none."""
    version = CURRENT if config.version == CURRENT else f"version-{config.version}"
    folder = _translated_instance(config, language) / version
    return folder if _of_language(config, language).get("translate") is not False and folder.is_dir() else None


def instance_folders(config: SiteConfig) -> list[Path]:
    """The folders that hold this instance's files, of all versions and languages."""
    versioned = (config.site or config.docs) / f"{_prefix(config)}versioned_docs"
    return [config.docs, versioned, *(_translated_instance(config, language) for language in language_names(config))]


def _translated_instance(config: SiteConfig, language: str) -> Path:
    root = (config.site or config.docs) / (text_at(config.i18n, "path") or "i18n")
    instance = "" if config.instance == "default" else f"-{config.instance}"
    return root / (text_at(_of_language(config, language), "path") or language) / f"{_PLUGIN}{instance}"


def _languages(config: SiteConfig, languages: Sequence[str]) -> Iterator[SiteConfig]:
    for language in languages:
        own = _of_language(config, language)
        segment = "" if language == config.language else language
        base_url = text_at(own, "baseUrl")
        yield replace(
            config,
            url=config.url if config.url_said or text_at(own, "url") is None else text_at(own, "url"),
            base_url=join_path(config.base_url, segment, "/") if base_url is None else join_path(base_url, "/"),
            language=language,
            translations=translations(config, language),
            translated_only=language != config.language,
        )


def _of_language(config: SiteConfig, language: str) -> Mapping[str, Any]:
    return mapping_of(mapping_of(config.i18n, "localeConfigs"), language)


def _version_path(config: SiteConfig, version: str) -> str:
    said = text_at(mapping_of(mapping_of(config.options, "versions"), version), "path")
    if said is not None:
        return said
    return "" if version == last_version(config) else "next" if version == CURRENT else version


def _released(config: SiteConfig) -> list[str]:
    file = (config.site or config.docs) / f"{_prefix(config)}versions.json"
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _prefix(config: SiteConfig) -> str:
    return "" if config.instance == "default" else f"{config.instance}_"


def _chosen(wanted: str, names: list[str], what: str, usual: list[str]) -> list[str]:
    if wanted in ("all", "latest"):
        return names if wanted == "all" else usual
    chosen = [name for part in wanted.split(",") if (name := part.strip())]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise IngestError(f"The site has no {what} {', '.join(unknown)}. It has: {', '.join(names)}.")
    return chosen
