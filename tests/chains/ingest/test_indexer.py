"""The life of an index on the real engine: made, kept, changed, interrupted, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from folder import counts, write
from hashed import HashedEmbeddings

from chains.collection import read_fingerprint, vector_store
from chains.edge import EdgeClient
from chains.errors import FingerprintMismatch
from chains.ingest import fingerprint_of, ingest_folder
from chains.ingest.errors import IngestError
from chains.ingest.report import IndexReport
from chains.providers.local_embeddings import LocalEmbeddings
from chains.settings import ChainSettings

NAME = "docusaurus-book"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", {f"page-{number}.md": a_page(number) for number in range(5)})


def a_page(number: int, words: str = "about") -> str:
    paragraph = f"Page {number} says something {words} number {number}. " * 25
    return "\n\n".join(f"## Section {section}\n\n{section} {paragraph}" for section in range(4))


def ingest(path: Path, client: EdgeClient, embeddings: HashedEmbeddings, **settings: Any) -> IndexReport:
    return ingest_folder(path, ChainSettings.load(**settings), client, embeddings)


def payloads(client: EdgeClient) -> dict[str, dict[str, Any]]:
    records, following = client.scroll(NAME, limit=10_000)
    assert following is None
    return {str(record.id): record.payload or {} for record in records}


def test_first_run_writes_every_page(docs: Path, client: EdgeClient) -> None:
    embeddings = HashedEmbeddings()
    report = ingest(docs, client, embeddings)
    assert counts(report) == (5, 0, 0, 0)
    assert report.chunks == report.embedded == embeddings.embedded == len(payloads(client)) > 10
    assert read_fingerprint(client, NAME) == fingerprint_of(embeddings)


def test_second_run_writes_and_embeds_nothing(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client)
    again = HashedEmbeddings()
    report = ingest(docs, client, again)
    assert (counts(report), report.embedded, again.embedded) == ((0, 0, 0, 5), 0, 0)
    assert payloads(client) == before


def test_points_carry_what_answers_need(docs: Path, client: EdgeClient) -> None:
    write(docs, {"a/_category_.json": '{"label": "Label"}', "a/b.md": "# Title\n\nFirst.\n\n## Two\n\nSecond."})
    ingest(docs, client, HashedEmbeddings(), site_url="https://x.org")
    (found,) = [(point, kept) for point, kept in payloads(client).items() if kept["metadata"]["page"] == "a/b.md"]
    point, payload = found
    page_hash = payload["metadata"].pop("page_hash")
    assert [len(part) for part in page_hash.split(".")] == [16, 1, 32, 32]
    assert payload == {
        "page_content": "Title\n\nFirst.\n\n## Two\n\nSecond.",
        "metadata": {
            "chunk_id": point,
            "page": "a/b.md",
            "page_url": "https://x.org/docs/a/b",
            "url": "https://x.org/docs/a/b",
            "title": "Title",
            "heading": "Title",
            "anchor": "",
            "anchors": ["two"],
            "ordinal": 0,
            "breadcrumb": ["Label"],
            "version": "current",
            "language": "en",
        },
    }


def test_changed_page_replaces_its_chunks_only(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client)
    write(docs, {"page-2.md": a_page(2, "new")})
    embeddings = HashedEmbeddings()
    assert counts(ingest(docs, client, embeddings)) == (0, 1, 0, 4)
    after = payloads(client)
    others = {point: payload for point, payload in before.items() if payload["metadata"]["page"] != "page-2.md"}
    assert others.items() <= after.items()
    texts = [payload["page_content"] for payload in after.values() if payload["metadata"]["page"] == "page-2.md"]
    assert len(texts) == embeddings.embedded
    assert all("something new" in text for text in texts)


def test_new_address_rewrites_the_pages(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client).keys()
    assert counts(ingest(docs, client, HashedEmbeddings(), route_base_path="/")) == (0, 5, 0, 0)
    assert payloads(client).keys() == before
    assert all(payload["metadata"]["page_url"].startswith("/page-") for payload in payloads(client).values())


def test_vanished_and_drafted_pages_go(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    (docs / "page-0.md").unlink()
    write(docs, {"page-1.md": f"---\ndraft: true\n---\n{a_page(1)}"})
    assert counts(ingest(docs, client, HashedEmbeddings())) == (0, 0, 2, 3)
    assert {payload["metadata"]["page"] for payload in payloads(client).values()} == {
        "page-2.md", "page-3.md", "page-4.md"
    }  # fmt: skip


def test_shorter_page_loses_its_last_chunks(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    write(docs, {"page-3.md": "Short."})
    assert counts(ingest(docs, client, HashedEmbeddings())) == (0, 1, 0, 4)
    texts = [p["page_content"] for p in payloads(client).values() if p["metadata"]["page"] == "page-3.md"]
    assert texts == ["page-3\n\nShort."]


def test_failure_in_the_middle_loses_nothing_and_is_finished_later(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client)
    write(docs, {f"page-{number}.md": a_page(number, "new") * 20 for number in range(5)})
    (docs / "page-4.md").unlink()
    failing = HashedEmbeddings()
    failing.fails_after = 100
    with pytest.raises(ConnectionError):
        ingest(docs, client, failing)
    between = payloads(client)
    assert len(between) > len(before)
    assert {p["metadata"]["page"] for p in before.values()} == {p["metadata"]["page"] for p in between.values()}
    ingest(docs, client, HashedEmbeddings())
    texts = [payload["page_content"] for payload in payloads(client).values()]
    assert all("something new" in text for text in texts)
    assert counts(ingest(docs, client, HashedEmbeddings())) == (0, 0, 0, 4)


def test_page_with_a_missing_point_is_written_again(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client)
    client.delete(NAME, [next(iter(before))])
    assert counts(ingest(docs, client, HashedEmbeddings())) == (0, 1, 0, 4)
    assert payloads(client) == before


@pytest.mark.parametrize("empty", ["nothing", "gone"])
def test_folder_without_pages_leaves_the_index_alone(docs: Path, client: EdgeClient, empty: str) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client)
    write(docs.parent, {"nothing/readme.txt": "no page"})
    with pytest.raises(IngestError):
        ingest(docs.parent / empty, client, HashedEmbeddings())
    assert payloads(client) == before


def test_folder_within_the_docs_touches_only_itself(docs: Path, client: EdgeClient) -> None:
    source = "module.exports = {baseUrl: '/', presets: ['classic']};"
    write(docs.parent, {"docusaurus.config.js": source, "docs/a/b.md": a_page(7), "docs/a/c.md": a_page(8)})
    ingest(docs, client, HashedEmbeddings())
    (docs / "a/c.md").unlink()
    assert counts(ingest(docs / "a", client, HashedEmbeddings())) == (0, 0, 1, 1)
    assert len({payload["metadata"]["page"] for payload in payloads(client).values()}) == 6


def test_collection_of_another_model_is_refused_untouched(docs: Path, client: EdgeClient) -> None:
    ingest(docs, client, HashedEmbeddings())
    before = payloads(client)
    other = HashedEmbeddings("test/other")
    write(docs, {"page-0.md": "Changed."})
    with pytest.raises(FingerprintMismatch, match="test/other"):
        ingest(docs, client, other)
    assert (other.embedded, payloads(client)) == (0, before)


def test_progress_reaches_the_number_of_pages(docs: Path, client: EdgeClient) -> None:
    heard: list[tuple[int, int]] = []
    ingest_folder(
        docs, ChainSettings.load(), client, HashedEmbeddings(), lambda done, total: heard.append((done, total))
    )
    assert heard == sorted(heard)
    assert heard[-1] == (5, 5)


def test_repeated_address_is_named(docs: Path, client: EdgeClient, caplog: pytest.LogCaptureFixture) -> None:
    write(docs, {"z.md": "---\nid: page-0\n---\nText"})
    ingest(docs, client, HashedEmbeddings())
    assert "z.md: has the address of page-0.md, /docs/page-0" in caplog.text


def test_report_is_one_line(docs: Path, client: EdgeClient) -> None:
    line = str(ingest(docs, client, HashedEmbeddings()))
    assert line.startswith("5 added, 0 updated, 0 deleted, 0 unchanged in ")
    assert "\n" not in line


def test_section_is_found_with_the_real_model(tmp_path: Path, client: EdgeClient) -> None:
    write(
        tmp_path / "docs",
        {
            "deploy.md": "# Deploy\n\nShip it.\n\n## Undo a release\n\nRun `docent rollback` to go back.",
            "cats.md": "# Cats\n\nCats sleep most of the day and hunt at night.",
        },
    )
    embeddings = LocalEmbeddings()
    embeddings.open()
    try:
        ingest_folder(tmp_path / "docs", ChainSettings.load(), client, embeddings)
        (found,) = vector_store(client, NAME, embeddings).similarity_search("How do I revert a deployment?", k=1)
    finally:
        embeddings.close()
    assert found.metadata["page"] == "deploy.md"
