"""A book's words are counted by the rules of its language, by those who index it and by those who search it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from folder import write
from hashed import HashedEmbeddings
from qdrant_client import AsyncQdrantClient, QdrantClient
from website_double import website

from chains.collection import AsyncClient, Client, read_fingerprint
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import FingerprintMismatch
from chains.ingest import fingerprint_of, ingest, options_of, target_of
from chains.ingest.bm25_language import written_in
from chains.ingest.options import IngestOptions
from chains.ingest.page import Block, Kind, Page, Section
from chains.ingest.report import IndexReport
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.qdrant_server import QdrantServer

pytestmark = pytest.mark.anyio

NAME = "docusaurus-book"
SETTINGS = ChainSettings.load()

GERMAN = {
    "haus.md": "# Bauen\n\nDie alten Häuser stehen am Fluss, und sie sind aus Holz gebaut.",
    "ofen.md": "# Heizen\n\nDer Ofen ist mit Holz zu füllen, bis er warm genug für das Zimmer ist.",
    "boot.md": "# Fahren\n\nDas Boot liegt nicht im Hafen, sondern es ist mit den Netzen auf dem See.",
}
ARABIC = {
    "joints.md": "# الحركة\n\nتتحرك المفاصل ببطء في الذراع الآلية.",
    "sensors.md": "# القياس\n\nتقيس المستشعرات درجة الحرارة في المصنع.",
}
ENGLISH = {"en.md": "# Build\n\nThe houses are at the river, and they are made of wood. How do you find them?"}
CHINESE = {"a.md": "# 限制\n\n机器人的关节扭矩限制为十二牛米。", "b.md": "# 相机\n\n相机的校准需要两分钟。"}

BOOKS = [(GERMAN, "In welchen Hauses Wänden?", "haus.md", "german"), (ARABIC, "أين مفاصل", "joints.md", "arabic"),
         (CHINESE, "扭矩", "a.md", "multilingual")]  # fmt: skip


class OneForAll(HashedEmbeddings):
    """By meaning all texts are the same: what is found is BM25's."""

    def embed_query(self, text: str) -> list[float]:
        return [1.0] + [0.0] * (self.dimensions - 1)


@contextmanager
def embedded(folder: Path) -> Iterator[tuple[Client, AsyncClient]]:
    client = EdgeClient(folder)
    client.open()
    yield client, AsyncEdgeClient(client)
    client.close()


@contextmanager
def remote(folder: Path) -> Iterator[tuple[Client, AsyncClient]]:
    with QdrantServer(folder) as server:
        client = QdrantClient(server.url, check_compatibility=False, timeout=30)
        yield client, AsyncQdrantClient(server.url, check_compatibility=False, timeout=30)
        client.close()


def index(source: Path | str, client: Client, options: IngestOptions | None = None) -> IndexReport:
    target = target_of(str(source), SETTINGS, client, OneForAll())
    return ingest(str(source), target, options or options_of(SETTINGS))


def rules(client: Client) -> str:
    made_of = read_fingerprint(client, NAME)
    assert made_of is not None
    return made_of.bm25.split(":")[1]


def site(folder: Path, i18n: str, pages: dict[str, str]) -> Path:
    config = f"module.exports = {{presets: ['classic'], i18n: {i18n}}}"
    return write(folder, {"docusaurus.config.js": config, **{f"docs/{name}": text for name, text in pages.items()}})


@pytest.mark.parametrize("engine", [embedded, remote])
@pytest.mark.parametrize(("book", "question", "page", "language"), BOOKS)
async def test_inflected_word_of_a_question_finds_its_page_by_bm25_alone(
    tmp_path: Path, engine: type[embedded], book: dict[str, str], question: str, page: str, language: str
) -> None:  # fmt: skip
    with engine(tmp_path / "qdrant") as (client, asynchronous):
        index(write(tmp_path / "docs", book), client)
        assert rules(client) == language
        retriever = HybridRetriever(
            client=asynchronous, collection=NAME, embeddings=OneForAll(), fingerprint=fingerprint_of(OneForAll())
        )
        first, *others = await retriever.ainvoke(question)
        assert first.metadata["page"] == page
        assert first.metadata["coverage"] > 0
        assert {other.metadata["coverage"] for other in others} == {0}
        assert index(tmp_path / "docs", client).unchanged == len(book)


def test_new_language_of_a_site_is_a_new_fingerprint(tmp_path: Path, client: Client) -> None:
    docs = site(tmp_path, "{defaultLocale: 'en', locales: ['en']}", GERMAN)
    index(docs, client)
    assert rules(client) == "english"
    site(tmp_path, "{defaultLocale: 'de', locales: ['de']}", {})
    with pytest.raises(FingerprintMismatch, match=r"bm25.*english.*german"):
        index(docs, client)
    assert "german" in index(docs, client, IngestOptions(dry_run=True)).rebuild
    index(docs, client, IngestOptions(rebuild=True))
    assert rules(client) == "german"
    assert index(docs, client).unchanged == 3


def test_letters_of_another_script_win_over_a_configuration_left_at_english(tmp_path: Path, client: Client) -> None:
    docs = site(tmp_path, "{defaultLocale: 'en', locales: ['en']}", ARABIC)
    index(docs, client)
    assert rules(client) == "arabic"
    assert index(docs, client).unchanged == 2


def test_translations_are_counted_by_the_rules_of_the_sites_own_language(tmp_path: Path, client: Client) -> None:
    docs = site(tmp_path, "{defaultLocale: 'de', locales: ['de', 'ar']}", GERMAN)
    write(tmp_path / "i18n/ar/docusaurus-plugin-content-docs/current", {"haus.md": ARABIC["joints.md"]})
    assert index(docs, client).added == 4
    assert rules(client) == "german"


def test_source_that_is_a_part_of_an_index_follows_its_rules(tmp_path: Path, client: Client) -> None:
    english = site(tmp_path, "{defaultLocale: 'en', locales: ['en']}", ENGLISH)
    index(english, client)
    with website() as pages:
        pages.page("/a", f"<main>{GERMAN['haus.md']}</main>", attributes='lang="de"')
        index(f"{pages.origin}/a", client, options_of(SETTINGS))
        assert rules(client) == "english"
        index(f"{pages.origin}/a", client, options_of(SETTINGS, rebuild=True))
        assert rules(client) == "english"
        assert pages.asked.count("/a") == 4  # in each run once to see what it is, and once to read it
    assert index(english, client).unchanged == 1


def test_rebuild_of_a_whole_index_reads_the_language_anew(tmp_path: Path, client: Client) -> None:
    docs = write(tmp_path / "docs", ENGLISH)
    index(docs, client)
    (docs / "en.md").unlink()
    write(docs, GERMAN)
    index(docs, client)
    assert rules(client) == "english"
    index(docs, client, IngestOptions(rebuild=True))
    assert rules(client) == "german"


def a_page(text: str, language: str = "en") -> Page:
    sections = (Section(("Title",), 1, "", (Block(Kind.TEXT, text),)),)
    return Page("a.md", "/a", "Title", (), sections, language=language)


@pytest.mark.parametrize(
    ("pages", "said", "language"),
    [
        ([a_page("Wie ist das, und was kann ich mit der Datei?")], None, "de"),
        ([a_page("Wie ist das, und was kann ich mit der Datei?")], "en", "en"),
        ([a_page("تتحرك المفاصل ببطء")], "en", "ar"),
        ([a_page("x = 12", language="fr")], None, "fr"),
        ([a_page("How is it?"), a_page("تتحرك المفاصل ببطء", language="ar")], None, "en"),
        ([], None, "en"),
    ],
)
def test_language_is_what_the_first_pages_are_written_in(pages: list[Page], said: str | None, language: str) -> None:
    assert written_in(pages, said) == language
