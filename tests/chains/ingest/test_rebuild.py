"""Rebuilds, looks and interruptions: what searches see is a whole index, before and after."""

from __future__ import annotations

from pathlib import Path

import pytest
from folder import counts, write
from hashed import HashedEmbeddings
from qdrant_client import QdrantClient
from small_runs import NAME, Dying, Interrupted, a_page, run, texts

from chains.collection_generations import find_generations, roll_back
from chains.edge import EdgeClient
from chains.errors import FingerprintMismatch
from chains.ingest.errors import IngestError
from tests.qdrant_server import QdrantServer


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", {f"page-{number}.md": a_page(number) for number in range(5)})


def test_look_says_what_would_change_and_changes_nothing(docs: Path, client: EdgeClient) -> None:
    assert counts(run(docs, client, dry_run=True)) == (5, 0, 0, 0)
    assert client.get_collections().collections == []
    run(docs, client)
    before = texts(client)
    write(docs, {"page-1.md": a_page(1, "new"), "page-9.md": a_page(9)})
    (docs / "page-3.md").unlink()
    embeddings = HashedEmbeddings()
    report = run(docs, client, embeddings, dry_run=True)
    assert counts(report) == (1, 1, 1, 3)
    assert report.changes == {"updated": ["page-1.md"], "added": ["page-9.md"], "deleted": ["page-3.md"]}
    assert str(report).splitlines()[0].startswith("Nothing was changed. Would be: 1 added, 1 updated, 1 deleted")
    assert (embeddings.embedded, texts(client)) == (0, before)
    assert counts(run(docs, client)) == (1, 1, 1, 3)


def test_look_at_a_new_model_says_that_it_would_rebuild(docs: Path, client: EdgeClient) -> None:
    run(docs, client)
    report = run(docs, client, HashedEmbeddings("test/other"), dry_run=True)
    assert counts(report) == (5, 0, 0, 0)
    assert "test/other" in report.rebuild
    assert "Would rebuild: " in str(report)


def test_rebuild_takes_the_place_of_the_old_one_and_can_be_undone(docs: Path, client: EdgeClient) -> None:
    run(docs, client)
    old = texts(client)
    write(docs, {"page-1.md": a_page(1, "new")})
    embeddings = HashedEmbeddings("test/other")
    with pytest.raises(FingerprintMismatch, match="--rebuild"):
        run(docs, client, embeddings)
    assert texts(client) == old
    report = run(docs, client, embeddings, rebuild=True)
    assert counts(report) == (5, 0, 0, 0)
    assert report.embedded == embeddings.embedded == len(texts(client))
    assert any(text.split("\n\n")[1].startswith("new") for text in texts(client).values())
    roll_back(client, NAME)
    assert texts(client) == old


def test_rebuild_keeps_the_pages_of_other_sources(docs: Path, client: EdgeClient, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"docusaurus.config.js": "module.exports = {presets: ['classic']}",
                                       "docs/in/a.md": a_page(7), "docs/b.md": a_page(8)})  # fmt: skip
    run(other / "docs", client)
    for model in ("test/hashed-words", "test/other"):
        report = run(other / "docs/in", client, HashedEmbeddings(model), rebuild=True)
        assert counts(report) == (1, 0, 0, 0)
        kept = {text.split("\n\n")[1].split()[2] for text in texts(client).values()}
        assert kept == {"7", "8"}


def test_rebuild_that_found_little_leaves_the_old_one(docs: Path, client: EdgeClient) -> None:
    run(docs, client)
    old = texts(client)
    for number in range(3):
        (docs / f"page-{number}.md").unlink()
    with pytest.raises(IngestError, match="Only 2 pages were found, and 5 are indexed"):
        run(docs, client, rebuild=True)
    assert texts(client) == old
    run(docs, client, rebuild=True, delete_most=True)
    assert len(texts(client)) == len(old) * 2 // 5


def test_most_pages_are_deleted_only_when_it_is_said(docs: Path, client: EdgeClient) -> None:
    run(docs, client)
    for number in range(3):
        (docs / f"page-{number}.md").unlink()
    with pytest.raises(IngestError, match="--delete-most"):
        run(docs, client)
    assert run(docs, client, delete_most=True).deleted == 3
    for number in (3, 4):
        (docs / f"page-{number}.md").unlink()
    with pytest.raises(IngestError, match="no Markdown page"):
        run(docs, client)
    assert run(docs, client, delete_most=True).deleted == 2
    assert texts(client) == {}


@pytest.mark.parametrize("rebuild", [False, True])
def test_run_that_died_before_any_of_its_writes_is_repaired_by_the_next(
    docs: Path, client: EdgeClient, rebuild: bool
) -> None:
    """Searches find every page, of before or of after, at each of those points."""
    run(docs, client)
    write(docs, {f"page-{number}.md": a_page(number, "new") for number in range(4)})
    (docs / "page-4.md").unlink()
    finished = False
    step = 0
    while not finished:
        try:
            run(docs, Dying(client, step), rebuild=rebuild)  # type: ignore[arg-type]
            finished = True
        except Interrupted:
            found = {text.split("\n\n")[1].split()[2] for text in texts(client).values()}
            assert {"0", "1", "2", "3"} <= found
        step += 1
    assert step > 3
    after = texts(client)
    assert {text.split("\n\n")[1].split()[0] for text in after.values()} == {"new"}
    assert len(after) == 12
    assert counts(run(docs, client)) == (0, 0, 0, 4)
    if rebuild:
        found_generations = find_generations(client, NAME)
        kept = {found_generations.active, found_generations.previous}
        assert {each.name for each in client.get_collections().collections} == kept


def test_first_run_that_died_is_repaired_by_the_next(docs: Path, client: EdgeClient) -> None:
    for step in range(40):
        try:
            run(docs, Dying(client, step))  # type: ignore[arg-type]
            break
        except Interrupted:
            continue
    assert len(client.get_collections().collections) == 1
    assert counts(run(docs, client)) == (0, 0, 0, 5)
    assert len(texts(client)) == 15


@pytest.mark.slow
def test_unchanged_pages_cost_no_embedding_and_no_write(tmp_path: Path) -> None:
    """On a server, where every request can be counted."""
    docs = write(tmp_path / "docs", {f"page-{number}.md": a_page(number) for number in range(300)})
    with QdrantServer(tmp_path / "cluster") as server:
        client = QdrantClient(server.url, check_compatibility=False, timeout=30)
        run(docs, client)
        server.calls.clear()
        embeddings = HashedEmbeddings()
        assert counts(run(docs, client, embeddings)) == (0, 0, 0, 300)
        assert embeddings.embedded == 0
        writes = [call for call in server.calls if call.startswith(("PUT", "PATCH", "DELETE")) or "delete" in call]
        assert writes == []
        assert len(server.calls) < 20
        write(docs, {f"page-{number}.md": a_page(number, "new") for number in range(3)})
        server.calls.clear()
        assert counts(run(docs, client, embeddings)) == (0, 3, 0, 297)
        assert embeddings.embedded == 9
        assert len([call for call in server.calls if call.startswith("PUT")]) == 1
        client.close()


def test_collection_of_the_very_name_goes_on_under_its_name(docs: Path, client: EdgeClient) -> None:
    from chains.collection import create_collection
    from chains.ingest import fingerprint_of

    create_collection(client, NAME, fingerprint_of(HashedEmbeddings()))
    assert run(docs, client).collection == NAME
    report = run(docs, client, rebuild=True)
    found = find_generations(client, NAME)
    assert (found.active, found.previous, found.real) == (report.collection, NAME, True)
    write(docs, {"page-0.md": a_page(0, "new")})
    assert run(docs, client).collection == report.collection
