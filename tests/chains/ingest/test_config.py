"""Configurations as sites write them, found near a folder and read without being run."""

from __future__ import annotations

from pathlib import Path

import pytest
from folder import write

from chains.errors import SettingsError
from chains.ingest.config import SiteConfig, find_config
from chains.ingest.editions import in_version

PLAIN = (
    "module.exports = {{url: 'https://{host}', baseUrl: '/b/', presets: [['classic', {{docs: {{path: '{docs}'}}}}]]}};"
)


def config_of(tmp_path: Path, source: str, name: str = "docusaurus.config.js") -> SiteConfig:
    write(tmp_path, {name: source, "docs/a.md": "A"})
    return find_config(tmp_path)


def test_defaults_are_those_of_docusaurus(tmp_path: Path) -> None:
    config = config_of(tmp_path, "export default {title: 'x', url: 'https://x.org', presets: ['classic']};")
    assert (config.url, config.route(), config.docs) == ("https://x.org", "/docs/", tmp_path / "docs")
    assert (config.trailing_slash, config.language, config.dialect.format) == (None, "en", "mdx")


@pytest.mark.parametrize(
    "source",
    [
        "module.exports = {url: 'https://x.org', baseUrl: '/b/', trailingSlash: true, presets: [['classic', {}]]};",
        'const config: Config = {url: "https://x.org", baseUrl: `/b/`, trailingSlash: true, presets: ["classic"]}; '
        "export default config;",
        "export default async function create() { const a = {b: 1}; return {url: 'https://x.org', baseUrl: '/b/', "
        "trailingSlash: true, presets: [['@docusaurus/preset-classic', {docs: {}}]]}; }",
        "// url: 'https://no.org'\nexport default defineConfig({ /* baseUrl: '/no/' */ 'url': 'https://x.org', "
        "'baseUrl': '/b/', trailingSlash: true, presets: [['classic', {docs: {}} satisfies Options]] } as Config)",
        "const url = 'https://x.org'; const base = '/b/'; const options = {docs: {routeBasePath: 'docs'}};\n"
        "module.exports = {url, baseUrl: base, ...{trailingSlash: true}, presets: [['classic', options]]};",
        "const dev = process.env.NODE_ENV === 'development';\nmodule.exports = {url: 'https://x.org', "
        "baseUrl: dev ? '/' : '/b/', trailingSlash: !dev, hook: (a) => { return {url: 1}; }, presets: ['classic']};",
        "const name = 'b';\nmodule.exports = {url: process.env.SITE ?? 'https://x.org', baseUrl: `/${name}/`, "
        "trailingSlash: process.env.CI !== 'x' && true, presets: [['classic', {docs: {}}]]};",
        "module.exports = {url: 'https://' + 'x.org', baseUrl: process.env.BASE || '/b/', trailingSlash: true, "
        "plugins: [function p() { return {name: 'x'}; }, ['@docusaurus/plugin-content-docs', {path: 'docs'}]]};",
        "const a = {url: 'https://x.org', baseUrl: '/b/'};\nconst config = {...a};\nconfig.trailingSlash = true;\n"
        "config.presets = [[require.resolve('@docusaurus/preset-classic'), {docs: {}}]];\nmodule.exports = config;",
        "const docs = (id) => ['@docusaurus/plugin-content-docs', {id, path: id}];\nfunction base() { return '/b/'; }\n"
        "export default {url: 'https://x.org', baseUrl: base(), trailingSlash: true, plugins: ['docs'].map(docs)};",
        "const {url} = require('./options').site;\nmodule.exports = {url, baseUrl: '/b/', trailingSlash: true, "
        "presets: ['classic']};",
        "import {options, site} from './options';\n"
        "export default {url: site.url, baseUrl: '/b/', trailingSlash: true, presets: [['classic', options]]};",
    ],
)
def test_configuration_is_read_however_it_is_written(tmp_path: Path, source: str) -> None:
    write(tmp_path, {"options.ts": "export const options = {docs: {}};\nexport const site = {url: 'https://x.org'};"})
    config = config_of(tmp_path, source, "docusaurus.config.ts")
    assert (config.url, config.route(), config.trailing_slash) == ("https://x.org", "/b/docs/", True)
    assert config.docs == tmp_path / "docs"


@pytest.mark.parametrize(
    ("route", "expected"), [("/", "/b/"), ("", "/b/"), ("guide", "/b/guide/"), ("/a/b/", "/b/a/b/")]
)
def test_route_base_path_may_be_written_in_any_way(tmp_path: Path, route: str, expected: str) -> None:
    source = f"module.exports = {{baseUrl: 'b', presets: [['classic', {{docs: {{routeBasePath: '{route}'}}}}]]}};"
    assert config_of(tmp_path, source).route() == expected


@pytest.mark.parametrize("path", ["'../text'", "path.resolve(__dirname, '..', 'text')", "`../text`"])
def test_docs_folder_is_where_the_configuration_says(tmp_path: Path, path: str) -> None:
    source = f"module.exports = {{baseUrl: '/', presets: [['classic', {{docs: {{path: {path}}}}}]]}};"
    write(tmp_path, {"site/docusaurus.config.js": source, "text/a.md": "A"})
    for start in ("site", "text", "."):
        assert find_config(tmp_path / start).docs == tmp_path / "text"


def test_second_docs_folder_has_its_own_route(tmp_path: Path) -> None:
    source = """module.exports = {baseUrl: '/', presets: [['classic', {docs: {path: 'docs'}}]],
        plugins: [['content-docs', {id: 'api', path: 'api', routeBasePath: 'api'}]]};"""
    write(tmp_path, {"docusaurus.config.js": source, "docs/a.md": "A", "api/a.md": "A"})
    assert [find_config(tmp_path / name).route() for name in ("docs", "api", ".")] == ["/docs/", "/api/", "/docs/"]


def test_nearest_configuration_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "docusaurus.config.js": PLAIN.format(host="far.org", docs="site/docs"),
            "site/docusaurus.config.js": PLAIN.format(host="near.org", docs="docs"),
            "site/docs/a.md": "A",
        },
    )
    assert find_config(tmp_path / "site/docs").url == "https://near.org"
    assert find_config(tmp_path / "site").url == "https://near.org"


@pytest.mark.parametrize(
    ("site", "docs"),
    [("x", "docs"), ("", "x/docs"), ("x/docs/site", ".."), ("x/docs/tools/site", "../.."), ("x/website", "../docs")],
)
def test_configuration_is_found_up_to_two_folders_away(tmp_path: Path, site: str, docs: str) -> None:
    write(
        tmp_path,
        {"x/docs/a.md": "A", f"{site}/docusaurus.config.mjs".lstrip("/"): PLAIN.format(host="x.org", docs=docs)},
    )
    config = find_config(tmp_path / "x/docs")
    assert (config.url, config.docs) == ("https://x.org", tmp_path / "x/docs")


def test_stranger_beside_the_docs_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, {"docs/a.md": "A", "other/docusaurus.config.js": PLAIN.format(host="x.org", docs="docs")})
    write(tmp_path, {"other/docs/a.md": "A"})
    assert find_config(tmp_path / "docs") == SiteConfig(docs=tmp_path / "docs")


def test_configuration_above_counts_for_a_folder_it_does_not_name(tmp_path: Path) -> None:
    write(tmp_path, {"docusaurus.config.js": PLAIN.format(host="x.org", docs="missing"), "text/a.md": "A"})
    config = find_config(tmp_path / "text")
    assert (config.url, config.docs) == ("https://x.org", tmp_path / "text")


def test_released_versions_move_the_current_files_to_next(tmp_path: Path) -> None:
    write(tmp_path, {"versions.json": '["1.0"]'})
    config = config_of(tmp_path, PLAIN.format(host="x.org", docs="docs"))
    assert in_version(config, "current").route() == "/b/docs/next"
    assert in_version(config, "1.0").route() == "/b/docs/"


def test_site_url_replaces_the_address() -> None:
    config = SiteConfig(docs=Path(), url="https://a.org", base_url="/b/")
    assert config.overridden("https://c.org", None).base_url == "/b/"
    moved = config.overridden("https://c.org/d", "/")
    assert (moved.url, moved.route()) == ("https://c.org", "/d/")


@pytest.mark.parametrize("address", ["docs.example.com", "ftp://x.org", "https://"])
def test_site_url_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="SITE_URL"):
        SiteConfig(docs=Path()).overridden(address, None)


@pytest.mark.parametrize(
    "source", ["", "module.exports = {", "{{{{", "module.exports = {url: 'https://x.org", "]]]})("]
)
def test_unreadable_configuration_is_passed_over(tmp_path: Path, source: str) -> None:
    write(tmp_path, {"docusaurus.config.js": source, "docs/a.md": "A"})
    find_config(tmp_path / "docs")
