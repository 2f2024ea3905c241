"""What pages import: Markdown files, components of the site's own modules, data and raw texts. Nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from chains.ingest.config import mapping_of, site_values
from chains.ingest.javascript_functions import find_constants, find_default
from chains.ingest.javascript_operations import UNKNOWN, member
from chains.ingest.javascript_scope import Scope
from chains.ingest.javascript_tokens import tokenize
from chains.ingest.jsx import unescape_text
from chains.ingest.jsx_markup import Partial, Renderer

_IMPORT = re.compile(
    r"(?<![\w$.])import\s+(?:type\s+)?([\w$]+)?\s*,?\s*(?:\{([^}]*)\}|\*\s+as\s+([\w$]+))?\s*"
    r"from\s*['\"]([^'\"\n]+)['\"]"
)
_REQUIRE = re.compile(r"(?:const|let|var)\s+([\w$]+)\s*=\s*require\(\s*['\"]([^'\"\n]+)['\"]\s*\)(?:\.(\w+))?")
_EXPORT_FROM = re.compile(r"(?<![\w$.])export\s*(?:\{([^}]*)\}|\*)\s*from\s*['\"]([^'\"\n]+)['\"]")
_EXPORT_NAME = re.compile(r"(?<![\w$.])export\s+(?:async\s+)?(?:const|let|var|function|class)\s+([\w$]+)")
_EXPORT_LIST = re.compile(r"(?<![\w$.])export\s*\{([^}]*)\}(?!\s*from)")
_NAMED = re.compile(r"(?:type\s+)?([\w$]+)(?:\s+as\s+([\w$]+))?")
_SUFFIXES = (".tsx", ".ts", ".jsx", ".js", ".mjs", ".mdx", ".md", ".json")
_CONTEXT = "@docusaurus/useDocusaurusContext"
_MARKDOWN = (".md", ".mdx")
_BIGGEST = 500_000  # bytes; what is longer is a bundle or data


@dataclass(frozen=True)
class Module:
    """A source's names. `imported` and `exported` lead from a name to a file's specifier and the name there."""

    scope: Scope
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    exported: dict[str, tuple[str, str]] = field(default_factory=dict)
    everything: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    default: int | None = None


class Modules:
    """The modules of one site; each is read once. `site` is what `@site/` means."""

    def __init__(self, site: Path, renderer: Renderer, language: str = "en") -> None:
        self._site = site
        self._renderer = renderer
        self._language = language
        self._read: dict[Path, Module] = {}

    def module(self, source: str, folder: Path, names: dict[str, Any]) -> Module:
        """The module that a page's `import`s and `export`s make; `names` is what it knows besides."""
        imported = dict(_imports(source))

        def look_up(name: str) -> Any:
            if name in imported:
                specifier, exported = imported[name]
                return self._resolved(specifier, exported, folder)
            return names.get(name, UNKNOWN)

        tokens = tokenize(source)
        scope = Scope(tokens, find_constants(tokens), {}, look_up, self._renderer.render, lenient=True)
        everything = tuple(specifier for listed, specifier in _EXPORT_FROM.findall(source) if not listed)
        own = tuple(_EXPORT_NAME.findall(source))
        exported, aliases = dict(_reexports(source)), dict(_aliases(source))
        return Module(scope, imported, exported, everything, aliases, own, find_default(tokens))

    def components(self) -> dict[str, Any]:
        """What every page may use without an import: `src/theme/MDXComponents`."""
        file = self._file(self._site / "src/theme/MDXComponents")
        value = self.export(file, "default") if file else UNKNOWN
        return value if isinstance(value, dict) else {}

    def export(self, file: Path, name: str) -> Any:
        """The value of an export of a file."""
        if file.suffix in _MARKDOWN:
            return Partial(file) if name == "default" else UNKNOWN
        if file.suffix == ".json":
            data = _json(file)
            return data if name in ("default", "*") else member(data, name)
        module = self._module_of(file)
        if name == "*":
            return {each: self.export(file, each) for each in (*module.names, *module.aliases, *module.exported)}
        if name in module.exported:
            specifier, exported = module.exported[name]
            return self._resolved(specifier, exported, file.parent)
        if name == "default" and module.default is not None:
            return module.scope.value_at(module.default)
        value = module.scope.look_up(module.aliases.get(name, name))
        found = (self._resolved(specifier, name, file.parent) for specifier in module.everything)
        return value if value is not UNKNOWN else next((one for one in found if one is not UNKNOWN), UNKNOWN)

    def _module_of(self, file: Path) -> Module:
        if file not in self._read:
            self._read[file] = self.module("", file.parent, {})  # a circle of imports ends here
            self._read[file] = self.module(_source(file), file.parent, {})
        return self._read[file]

    def _resolved(self, specifier: str, name: str, folder: Path) -> Any:
        raw = "raw-loader!" in specifier or specifier.endswith("?raw")
        path = unescape_text(specifier).rpartition("!")[2].removesuffix("?raw")
        if path.startswith("@site/"):
            base = self._site / path.removeprefix("@site/")
        elif path.startswith("."):
            base = folder / path
        else:
            return self._context if path == _CONTEXT else UNKNOWN
        file = self._file(base)
        if file is None:
            return UNKNOWN
        return _source(file) if raw else self.export(file.resolve(), name)

    def _context(self) -> dict[str, Any]:
        """What `useDocusaurusContext()` gives."""
        i18n = {**mapping_of(self._config, "i18n"), "currentLocale": self._language}
        return {"siteConfig": self._config, "i18n": i18n}

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return site_values(self._site)

    def _file(self, base: Path) -> Path | None:
        named = [base, *(base.with_name(base.name + suffix) for suffix in _SUFFIXES)]
        indexes = [base / f"index{suffix}" for suffix in _SUFFIXES]
        return next((path for path in [*named, *indexes] if path.is_file()), None)


def imported_names(source: str) -> list[str]:
    """Everything that a page's text may have from elsewhere, as it is written there; in code blocks, too."""
    if "import" not in source and "require" not in source and "export" not in source:
        return []  # in most pages: the expressions take a millisecond
    names = [specifier for *_, specifier in _IMPORT.findall(source)]
    names += [specifier for _, specifier, _ in _REQUIRE.findall(source)]
    return [*names, *(specifier for _, specifier in _EXPORT_FROM.findall(source))]


def _imports(source: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for default, named, everything, specifier in _IMPORT.findall(source):
        if default:
            yield default, (specifier, "default")
        if everything:
            yield everything, (specifier, "*")
        yield from ((local, (specifier, exported)) for exported, local in _names(named))
    for name, specifier, key in _REQUIRE.findall(source):
        yield name, (specifier, key or "default")


def _reexports(source: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for named, specifier in _EXPORT_FROM.findall(source):
        yield from ((outside, (specifier, inside)) for inside, outside in _names(named))


def _aliases(source: str) -> Iterator[tuple[str, str]]:
    for named in _EXPORT_LIST.findall(source):
        yield from ((outside, inside) for inside, outside in _names(named))


def _names(listed: str) -> Iterator[tuple[str, str]]:
    """`a as b` of a list in braces."""
    for item in listed.split(","):
        match = _NAMED.fullmatch(item.strip())
        if match is not None:
            yield match.group(1), match.group(2) or match.group(1)


def _source(file: Path) -> Any:
    if file.stat().st_size > _BIGGEST:
        return ""
    return file.read_text(encoding="utf-8", errors="replace")


def _json(file: Path) -> Any:
    try:
        return json.loads(_source(file))
    except ValueError:
        return UNKNOWN
