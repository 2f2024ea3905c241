"""A page is read again when anything changed that it shows, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from folder import counts, write
from hashed import HashedEmbeddings

from chains.edge import EdgeClient
from chains.ingest import ingest, options_of, target_of
from chains.ingest.report import IndexReport
from chains.settings import ChainSettings

SETTINGS = ChainSettings.load()
CONFIG = "module.exports = {url: 'https://x.org', baseUrl: '%s', presets: ['classic']}"
SITE = {
    "docusaurus.config.js": CONFIG % "/",
    "data.json": '{"name": "loom"}',
    "src/theme/MDXComponents.js": "export default {Badge: () => <b>beta</b>}",
    "docs/plain.md": "# Plain\n\nNothing else is shown here.",
    "docs/_part.md": "The part says wax.",
    "docs/shows.mdx": "import Part from './_part.md'\n\n# Shows\n\nFirst.\n\n<Part />\n",
    "docs/data.mdx": "import data from '@site/data.json'\n\n# Data\n\nIts name is {data.name}.\n",
    "docs/own.mdx": "# Own\n\nThis is <Badge /> and may change.\n",
    "docs/a/_category_.json": '{"label": "Letters", "link": {"type": "doc", "id": "a/cards"}}',
    "docs/a/in.md": "---\ndescription: About in.\n---\n\n# In\n\nText.",
    "docs/a/cards.mdx": "import DocCardList from '@theme/DocCardList'\n\n# Cards\n\nSee:\n\n<DocCardList />\n",
}
PAGES = {"plain.md", "shows.mdx", "data.mdx", "own.mdx", "a/in.md", "a/cards.mdx"}


def run(site: Path, client: EdgeClient, embeddings: HashedEmbeddings, *, dry_run: bool = False) -> IndexReport:
    target = target_of(str(site), SETTINGS, client, embeddings)
    return ingest(str(site), target, options_of(SETTINGS, dry_run=dry_run))


@pytest.mark.parametrize(
    ("file", "text", "pages"),
    [
        ("docs/_part.md", "The part says sand.", {"shows.mdx"}),
        ("data.json", '{"name": "kiln"}', {"data.mdx"}),
        ("src/theme/MDXComponents.js", "export default {Badge: () => <b>stable</b>}", {"own.mdx"}),
        ("docs/a/_category_.json", '{"label": "Alphabet"}', {"a/in.md", "a/cards.mdx"}),
        ("docs/a/in.md", "---\ndescription: About out.\n---\n\n# In\n\nText.", {"a/cards.mdx"}),
        ("docs/plain.md", "# Plain\n\nSomething else is shown here.", {"plain.md"}),
        ("docusaurus.config.js", CONFIG % "/book/", PAGES),
        ("docs/unused.json", "{}", set()),
    ],
)
def test_what_a_page_shows_decides_whether_it_is_read_again(
    tmp_path: Path, client: EdgeClient, file: str, text: str, pages: set[str]
) -> None:
    site = write(tmp_path, SITE)
    assert run(site, client, HashedEmbeddings()).added == len(PAGES)
    write(tmp_path, {file: text})
    looked = run(site, client, HashedEmbeddings(), dry_run=True)
    assert set(looked.changes.get("updated", [])) == pages
    again = HashedEmbeddings()
    report = run(site, client, again)
    assert counts(report) == (0, len(pages), 0, len(PAGES) - len(pages))
    assert report.embedded == again.embedded >= len(pages)
    assert counts(run(site, client, HashedEmbeddings())) == (0, 0, 0, len(PAGES))
