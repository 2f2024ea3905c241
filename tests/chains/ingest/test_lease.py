"""Two runs over one index on a server: the second one is told who writes, and nothing is mixed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from folder import write
from hashed import HashedEmbeddings
from qdrant_client import QdrantClient

from chains.collection_generations import find_generations
from chains.ingest import ingest, options_of, target_of
from chains.ingest.errors import IndexBusy
from chains.ingest.lease import LEASE, RENEWED_EVERY, Lease, leased, require_active
from chains.ingest.options import IngestOptions
from chains.ingest.report import IndexReport
from chains.ingest.target import Progress
from chains.settings import ChainSettings
from tests.qdrant_server import QdrantServer

NAME = "docusaurus-book"
SETTINGS = ChainSettings.load()
NAMED = r"a run over .*docs, on .* \(process \d+\)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture
def client(server: QdrantServer) -> Iterator[QdrantClient]:
    client = QdrantClient(server.url, check_compatibility=False, timeout=30)
    yield client
    for each in client.get_collections().collections:
        client.delete_collection(each.name)
    client.close()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", {f"page-{number}.md": f"# Page {number}\n\nold text" for number in range(3)})


def run(docs: Path, client: QdrantClient, progress: Progress | None = None, **asked: bool) -> IndexReport:
    target = target_of(str(docs), SETTINGS, client, HashedEmbeddings())
    return ingest(str(docs), target, options_of(SETTINGS, **asked), progress)


def record(client: QdrantClient, **changed: Any) -> dict[str, Any]:
    """What the index says of its last run, changed first."""
    active = str(find_generations(client, NAME).active)
    kept: dict[str, Any] = (client.get_collection(active).config.metadata or {})[LEASE]
    if changed:
        client.update_collection(active, metadata={LEASE: kept | changed})
    return kept | changed


@pytest.mark.parametrize("first", [{}, {"rebuild": True}])
def test_second_run_is_told_who_writes_and_since_when(docs: Path, client: QdrantClient, first: dict[str, bool]) -> None:
    run(docs, client)
    write(docs, {"page-0.md": "# Page 0\n\nnew text"})
    refused: list[str] = []

    def meanwhile(done: int, total: int) -> None:
        for asked in ({}, {"rebuild": True}):
            with pytest.raises(IndexBusy, match=NAMED) as failure:
                run(docs, client, **asked)
            refused.append(str(failure.value))

    run(docs, client, meanwhile, **first)
    assert refused
    assert all(" UTC. Wait for its end" in each for each in refused)
    assert run(docs, client).unchanged == 3
    assert run(docs, client, rebuild=True).added == 3


def test_first_run_of_an_index_holds_it_too(docs: Path, client: QdrantClient) -> None:
    def meanwhile(done: int, total: int) -> None:
        with pytest.raises(IndexBusy, match=NAMED):
            run(docs, client)

    assert run(docs, client, meanwhile).added == 3


def test_run_that_died_lets_go_a_minute_after_its_last_sign_of_life(docs: Path, client: QdrantClient) -> None:
    run(docs, client)
    write(docs, {"page-0.md": "# Page 0\n\nnew text"})
    record(client, released=False, renewed=time.time() - 30)
    with pytest.raises(IndexBusy, match=NAMED):
        run(docs, client)
    record(client, renewed=time.time() - 61)
    assert run(docs, client).updated == 1
    assert record(client)["released"]


def test_look_is_not_refused_and_takes_nothing(docs: Path, client: QdrantClient) -> None:
    run(docs, client)
    before = record(client, released=False, renewed=time.time())
    assert run(docs, client, dry_run=True).unchanged == 3
    assert record(client) == before


def test_run_that_looked_before_another_wrote_is_to_be_said_again(docs: Path, client: QdrantClient) -> None:
    run(docs, client)
    collection = str(find_generations(client, NAME).active)
    late = Lease(client, collection, "a late run")
    write(docs, {"page-0.md": "# Page 0\n\nnew text"})
    run(docs, client)
    with pytest.raises(IndexBusy, match=rf"meanwhile: {NAMED}. Run it again"):
        late.hold()


class Overtaken(QdrantClient):
    """Another run that looked at the same moment writes its name right after this one's."""

    def update_collection(self, collection_name: str, **asked: Any) -> bool:
        super().update_collection(collection_name, **asked)
        other = asked["metadata"][LEASE] | {"token": "other", "holder": "the other one"}
        return super().update_collection(collection_name, metadata={LEASE: other})


def test_of_two_runs_that_looked_at_once_the_last_writer_holds(
    docs: Path, client: QdrantClient, server: QdrantServer
) -> None:
    run(docs, client)
    overtaken = Overtaken(server.url, check_compatibility=False, timeout=30)
    with leased(overtaken, str(find_generations(client, NAME).active), "the first one") as lease:
        assert lease is not None
        with pytest.raises(IndexBusy, match="the other one"):
            lease.hold()
    assert record(client)["token"] == "other"
    overtaken.close()


def test_run_that_lost_its_hold_writes_no_more(docs: Path, client: QdrantClient) -> None:
    """As one does that was asleep for an hour."""
    run(docs, client)
    lease = Lease(client, str(find_generations(client, NAME).active), "a run", every=0.01)
    lease.hold()
    lease.hold()
    since = record(client)["renewed"]
    while record(client)["renewed"] == since:
        time.sleep(0.01)

    def go_on() -> None:
        while True:  # a sign of life that is under way may overwrite the other's name
            record(client, token="other", holder="the other one")
            lease.hold()

    with pytest.raises(IndexBusy, match="the other one"):
        go_on()
    lease.end()
    assert record(client)["holder"] == "the other one"


def test_what_is_no_lease_counts_as_none(docs: Path, client: QdrantClient) -> None:
    run(docs, client)
    client.update_collection(str(find_generations(client, NAME).active), metadata={LEASE: {"other": "shape"}})
    write(docs, {"page-0.md": "# Page 0\n\nnew text"})
    assert run(docs, client).updated == 1
    assert RENEWED_EVERY < 60 / 2


def test_rebuild_leaves_both_generations_free(docs: Path, client: QdrantClient) -> None:
    run(docs, client)
    target = target_of(str(docs), SETTINGS, client, HashedEmbeddings())
    ingest(str(docs), target, IngestOptions(rebuild=True))
    found = find_generations(client, NAME)
    for collection in (found.active, found.previous):
        assert (client.get_collection(str(collection)).config.metadata or {})[LEASE]["released"]


def test_rebuild_that_ended_since_the_first_look_is_noticed(docs: Path, client: QdrantClient) -> None:
    with pytest.raises(IndexBusy, match="new collection behind 'docusaurus-book'"):
        require_active(client, "docusaurus-book", "docusaurus-book--000000000000")
